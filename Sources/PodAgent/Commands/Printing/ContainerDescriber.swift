import PodCore

/// Writes the containers of a Pod as `kubectl describe pod` does.
struct ContainerDescriber {
    let pod: Pod
    let now: Timestamp
    let time: (Timestamp?) -> String

    func write(to page: inout DescriptionPage) {
        let (spec, status) = (pod.spec, pod.status)
        if !spec.initContainers.isEmpty {
            write("Init Containers:", spec.initContainers, status.initContainerStatuses, &page)
        }
        write(
            spec.containers.isEmpty ? "Containers: <none>" : "Containers:",
            spec.containers,
            status.containerStatuses,
            &page
        )
        if !spec.ephemeralContainers.isEmpty {
            let common = spec.ephemeralContainers.map(Self.common)
            write("Ephemeral Containers:", common, status.ephemeralContainerStatuses, &page)
        }
    }

    private func write(
        _ title: String,
        _ containers: [Container],
        _ statuses: [ContainerStatus],
        _ page: inout DescriptionPage
    ) {
        page.line(0, title)
        for container in containers {
            let status = statuses.first { $0.name == container.name }
            identity(of: container, status, &page)
            words("Command:", container.command, &page)
            words("Args:", container.args, &page)
            if let status { state(of: status, &page) }
            Self.resources(container.resources, level: 2, &page)
            probe("Liveness:", container.livenessProbe, &page)
            probe("Readiness:", container.readinessProbe, &page)
            probe("Startup:", container.startupProbe, &page)
            environment(of: container, &page)
            mounts(of: container, &page)
        }
    }

    /// What an ephemeral container has in common with the others.
    private static func common(_ ephemeral: EphemeralContainer) -> Container {
        var container = Container()
        container.name = ephemeral.name
        container.image = ephemeral.image
        container.command = ephemeral.command
        container.args = ephemeral.args
        container.env = ephemeral.env
        container.envFrom = ephemeral.envFrom
        container.volumeMounts = ephemeral.volumeMounts
        return container
    }

    private func identity(of container: Container, _ status: ContainerStatus?, _ page: inout DescriptionPage)
    {
        page.line(1, "\(container.name):")
        if let status { page.line(2, "Container ID:", status.containerID) }
        page.line(2, "Image:", container.image)
        if let status { page.line(2, "Image ID:", status.imageID) }
        ports("Port", container.ports.map { "\($0.containerPort)/\($0.protocol.rawValue)" }, &page)
        ports("Host Port", container.ports.map { "\($0.hostPort)/\($0.protocol.rawValue)" }, &page)
        if let profile = container.securityContext?.seccompProfile?.type {
            page.line(2, "SeccompProfile:", profile.rawValue)
        }
    }

    private func ports(_ title: String, _ ports: [String], _ page: inout DescriptionPage) {
        let text = ports.isEmpty ? "<none>" : ports.joined(separator: ", ")
        page.line(2, ports.count > 1 ? "\(title)s:" : "\(title):", text)
    }

    private func words(_ title: String, _ words: [String], _ page: inout DescriptionPage) {
        guard !words.isEmpty else { return }
        page.line(2, title)
        for word in words {
            for line in word.split(separator: "\n", omittingEmptySubsequences: false) {
                page.line(3, String(line))
            }
        }
    }

    // MARK: State

    private func state(of status: ContainerStatus, _ page: inout DescriptionPage) {
        state("State:", status.state, &page)
        // What one asks when a container is held back; kubectl leaves it to be worked out.
        if let next = NextStart(status) { page.line(3, "Next Start:", next.text(at: now)) }
        if status.lastState.terminated != nil { state("Last State:", status.lastState, &page) }
        page.line(2, "Ready:", status.ready ? "True" : "False")
        page.line(2, "Restart Count:", String(status.restartCount))
    }

    /// The container's own text: of several lines perhaps, and not to be let loose on a terminal.
    private func lastWords(_ message: String, _ page: inout DescriptionPage) {
        var lines = message.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        for (index, line) in lines.enumerated() {
            page.line(3, index == 0 ? "Message:" : "", line.withoutControls)
        }
    }

    private func state(_ title: String, _ state: ContainerState, _ page: inout DescriptionPage) {
        switch state {
        case .empty: page.line(2, title, "Waiting")
        case .waiting(let waiting):
            page.line(2, title, "Waiting")
            if !waiting.reason.isEmpty { page.line(3, "Reason:", waiting.reason) }
            // kubectl leaves it to the events, which are forgotten after an hour.
            if !waiting.message.isEmpty { page.line(3, "Message:", waiting.message) }
        case .running(let running):
            page.line(2, title, "Running")
            page.line(3, "Started:", time(running.startedAt))
        case .terminated(let terminated):
            page.line(2, title, "Terminated")
            if !terminated.reason.isEmpty { page.line(3, "Reason:", terminated.reason) }
            lastWords(terminated.message, &page)
            page.line(3, "Exit Code:", String(terminated.exitCode))
            if terminated.signal > 0 { page.line(3, "Signal:", String(terminated.signal)) }
            page.line(3, "Started:", time(terminated.startedAt))
            page.line(3, "Finished:", time(terminated.finishedAt))
        }
    }

    // MARK: What it was given

    static func resources(_ resources: ResourceRequirements, level: Int, _ page: inout DescriptionPage) {
        for (title, list) in [("Limits:", resources.limits), ("Requests:", resources.requests)]
        where !list.isEmpty {
            page.line(level, title)
            for (name, quantity) in list.sorted(by: { $0.key < $1.key }) {
                page.line(level + 1, "\(name):", quantity.description)
            }
        }
    }

    private func probe(_ title: String, _ probe: Probe?, _ page: inout DescriptionPage) {
        guard let probe else { return }
        let times =
            "delay=\(probe.initialDelaySeconds)s timeout=\(probe.timeoutSeconds)s period=\(probe.periodSeconds)s "
            + "#success=\(probe.successThreshold) #failure=\(probe.failureThreshold)"
        let action: String
        if let exec = probe.exec {
            action = "exec [\(exec.command.joined(separator: " "))]"
        } else if let get = probe.httpGet {
            action = "http-get \(get.scheme.rawValue.lowercased())://\(get.host):\(get.port)\(get.path)"
        } else if let tcp = probe.tcpSocket {
            action = "tcp-socket \(tcp.host):\(tcp.port)"
        } else if let grpc = probe.grpc {
            action = "grpc <pod>:\(grpc.port) \(grpc.service ?? "")"
        } else {
            action = "unknown"
        }
        page.line(2, title, "\(action) \(times)")
    }

    private func environment(of container: Container, _ page: inout DescriptionPage) {
        if !container.envFrom.isEmpty {
            page.line(2, "Environment Variables from:")
            for source in container.envFrom {
                let (kind, reference) =
                    source.configMapRef.map { ("ConfigMap", $0) } ?? ("Secret", source.secretRef ?? .init())
                let prefix = source.prefix.isEmpty ? "" : " with prefix '\(source.prefix)'"
                page.line(3, reference.name, kind + prefix, "Optional: \(reference.optional ?? false)")
            }
        }
        guard !container.env.isEmpty else { return page.line(2, "Environment:", "<none>") }
        page.line(2, "Environment:")
        for variable in container.env { self.variable(variable, in: container, &page) }
    }

    private func variable(_ variable: EnvVar, in container: Container, _ page: inout DescriptionPage) {
        let title = "\(variable.name):"
        if let field = variable.valueFrom?.fieldRef {
            page.line(
                3,
                title,
                "\(FieldValue.text(field.fieldPath, of: pod)) (\(field.apiVersion):\(field.fieldPath))"
            )
        } else if let resource = variable.valueFrom?.resourceFieldRef {
            page.line(3, title, "\(FieldValue.text(resource, of: container)) (\(resource.resource))")
        } else if let key = variable.valueFrom?.secretKeyRef {
            page.line(
                3,
                title,
                "<set to the key '\(key.key)' in secret '\(key.name)'>",
                "Optional: \(key.optional ?? false)"
            )
        } else if let key = variable.valueFrom?.configMapKeyRef {
            page.line(
                3,
                title,
                "<set to the key '\(key.key)' of config map '\(key.name)'>",
                "Optional: \(key.optional ?? false)"
            )
        } else if let key = variable.valueFrom?.fileKeyRef {
            page.line(
                3,
                title,
                "<set to the key '\(key.key)' of file '\(key.path)' in volume '\(key.volumeName)'>"
            )
        } else {
            let lines = variable.value.split(separator: "\n", omittingEmptySubsequences: false).map(
                String.init
            )
            page.line(3, title, lines.first ?? "")
            for line in lines.dropFirst() { page.line(3, "", line) }
        }
    }

    private func mounts(of container: Container, _ page: inout DescriptionPage) {
        guard !container.volumeMounts.isEmpty else { return page.line(2, "Mounts:", "<none>") }
        page.line(2, "Mounts:")
        for mount in container.volumeMounts.sorted(by: { $0.mountPath < $1.mountPath }) {
            var flags = [mount.readOnly ? "ro" : "rw"]
            if !mount.subPath.isEmpty { flags.append("path=\(mount.subPath.quoted)") }
            page.line(3, "\(mount.mountPath) from \(mount.name) (\(flags.joined(separator: ",")))")
        }
    }
}

extension Substring {
    /// With control characters as `cat -v` shows them, but for tabs.
    fileprivate var withoutControls: String {
        unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar.value {
            case 0x09: text.append("    ")
            case 0x00..<0x20: text += "^" + String(UnicodeScalar(UInt8(scalar.value + 0x40)))
            case 0x7F: text += "^?"
            case 0x80..<0xA0: text.append("\u{FFFD}")
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}
