import PodCore

/// Logs and exec.
extension Router {
    func log(
        _ target: RequestTarget,
        _ namespace: String,
        _ name: String
    ) async throws(StatusFailure) -> HTTPResponse {
        let options = try LogQuery(target).options(now: Clock.wall())
        let pod = try await existingPod(namespace, name)
        let instance = try LogTarget.choose(
            in: pod,
            container: target["container"],
            previous: target.flag("previous")
        )
        let source = try await service.logSource(
            namespace: namespace,
            pod: pod.metadata.name,
            target: instance
        )
        let reader = CRILogReader(source, options, watcher: watcher)
        return HTTPResponse(
            status: 200,
            contentType: "text/plain",
            body: .stream(isEndless: options.follow) { body in
                try await reader.run { try await body.write($0) }
            }
        )
    }

    func exec(
        _ request: HTTPRequest,
        _ target: RequestTarget,
        _ namespace: String,
        _ name: String
    ) async throws(StatusFailure) -> HTTPResponse {
        guard WebSocketHandshake.isRequested(request.head) else {
            throw .badRequest(
                "exec is spoken over WebSocket only (kubectl 1.31 and later, or podagent exec); "
                    + "this request does not ask for one"
            )
        }
        let handshake = try WebSocketHandshake(
            request.head,
            supported: ChannelProtocol.allCases.map(\.rawValue)
        )
        guard let version = ChannelProtocol(rawValue: handshake.subprotocol) else {
            throw .internalError("agreed on a subprotocol that nobody offered")
        }
        let pod = try await existingPod(namespace, name)
        let wanted = try ExecRequest(target, pod)
        let session = try await service.exec(namespace: namespace, pod: pod.metadata.name, request: wanted)
        let idleLimit = limits.streamIdle
        let upgrade = HTTPResponse.Upgrade { descriptor, early in
            let streaming = ExecStreaming(
                socket: WebSocketConnection(descriptor, early: early, idleLimit: idleLimit),
                version: version,
                command: wanted.command,
                session: session
            )
            await streaming.run()
        } abandon: {
            session.cancel()
            session.streams.close()
        }
        return HTTPResponse(switchingWith: handshake.responseHeaders, to: upgrade)
    }
}

extension LogQuery {
    /// The query of `…/log`; 400 for what is not even a number or a time.
    fileprivate init(_ target: RequestTarget) throws(StatusFailure) {
        self.init()
        follow = target.flag("follow")
        timestamps = target.flag("timestamps")
        tailLines = try target.integer("tailLines")
        sinceSeconds = try target.integer("sinceSeconds")
        limitBytes = try target.integer("limitBytes")
        stream = target["stream"].flatMap { $0.isEmpty ? nil : $0 }
        if let text = target["sinceTime"], !text.isEmpty {
            guard let time = Timestamp(rfc3339: text) else {
                throw .badRequest("sinceTime \(text.quoted) is no RFC 3339 time such as 2026-01-02T03:04:05Z")
            }
            sinceTime = time
        }
    }
}

extension ExecRequest {
    /// The query of `…/exec`, for a container that exists and runs.
    fileprivate init(_ target: RequestTarget, _ pod: Pod) throws(StatusFailure) {
        container = try pod.containerName(target["container"])
        command = target.all("command")
        stdin = target.flag("stdin")
        stdout = target.flag("stdout")
        tty = target.flag("tty")
        // A terminal has one output; Kubernetes too drops a separate stderr then.
        stderr = target.flag("stderr") && !tty
        guard stdin || stdout || stderr else {
            throw .badRequest("you must specify at least 1 of stdin, stdout, stderr")
        }
        guard let program = command.first, !program.isEmpty else {
            throw .badRequest("you must specify a command to execute")
        }
        guard pod.status.containerStatus(container)?.state.running != nil else {
            throw StatusFailure(.notFound, "container not found (\(container.quoted))")
        }
    }
}
