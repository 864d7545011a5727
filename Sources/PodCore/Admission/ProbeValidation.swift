extension PodValidator {
    mutating func validateProbes(_ container: Container, at path: FieldPath) {
        if let probe = container.livenessProbe {
            validate(probe, at: path.field("livenessProbe"))
            requireOneSuccess(probe, at: path.field("livenessProbe"))
        }
        if let probe = container.readinessProbe {
            let probePath = path.field("readinessProbe")
            validate(probe, at: probePath)
            if let grace = probe.terminationGracePeriodSeconds {
                let gracePath = probePath.field("terminationGracePeriodSeconds")
                report(.invalid(gracePath, grace, "must not be set for readinessProbes"))
            }
        }
        if let probe = container.startupProbe {
            validate(probe, at: path.field("startupProbe"))
            requireOneSuccess(probe, at: path.field("startupProbe"))
        }
    }

    /// A container that runs to its end before the next one starts has nothing to probe.
    mutating func forbidProbes(_ container: Container, at path: FieldPath) {
        let given = [
            ("lifecycle", container.lifecycle != nil), ("livenessProbe", container.livenessProbe != nil),
            ("readinessProbe", container.readinessProbe != nil),
            ("startupProbe", container.startupProbe != nil),
        ]
        for (name, isGiven) in given where isGiven {
            report(
                .forbidden(
                    path.field(name),
                    "may not be set for init containers without restartPolicy=Always"
                )
            )
        }
    }

    private mutating func validate(_ probe: Probe, at path: FieldPath) {
        let handlers: [Handler?] = [
            probe.exec.map { .exec($0) }, probe.httpGet.map { .httpGet($0) },
            probe.tcpSocket.map { .tcpSocket($0) }, probe.grpc.map { .grpc($0) },
        ]
        validate(handlers.compactMap { $0 }, at: path)
        let numbers = [
            ("initialDelaySeconds", probe.initialDelaySeconds), ("timeoutSeconds", probe.timeoutSeconds),
            ("periodSeconds", probe.periodSeconds), ("successThreshold", probe.successThreshold),
            ("failureThreshold", probe.failureThreshold),
        ]
        for (name, number) in numbers where number < 0 {
            report(.invalid(path.field(name), number, "must be greater than or equal to 0"))
        }
        if let grace = probe.terminationGracePeriodSeconds, grace <= 0 {
            let gracePath = path.field("terminationGracePeriodSeconds")
            report(.invalid(gracePath, grace, "must be greater than 0"))
        }
    }

    private mutating func requireOneSuccess(_ probe: Probe, at path: FieldPath) {
        if probe.successThreshold != 1 {
            report(.invalid(path.field("successThreshold"), probe.successThreshold, "must be 1"))
        }
    }
}

/// What a probe or a hook does.
private enum Handler {
    case exec(ExecAction)
    case httpGet(HTTPGetAction)
    case tcpSocket(TCPSocketAction)
    case grpc(GRPCAction)
    case sleep(SleepAction)

    var name: String {
        switch self {
        case .exec: "exec"
        case .httpGet: "httpGet"
        case .tcpSocket: "tcpSocket"
        case .grpc: "grpc"
        case .sleep: "sleep"
        }
    }
}

extension PodValidator {
    mutating func validateLifecycle(_ lifecycle: Lifecycle?, at path: FieldPath) {
        guard let lifecycle else { return }
        for (name, hook) in [("postStart", lifecycle.postStart), ("preStop", lifecycle.preStop)] {
            guard let hook else { continue }
            let handlers: [Handler?] = [
                hook.exec.map { .exec($0) }, hook.httpGet.map { .httpGet($0) },
                hook.tcpSocket.map { .tcpSocket($0) }, hook.sleep.map { .sleep($0) },
            ]
            validate(handlers.compactMap { $0 }, at: path.field(name))
        }
        if let signal = lifecycle.stopSignal { validateStopSignal(signal, at: path.field("stopSignal")) }
    }

    private mutating func validateStopSignal(_ signal: String, at path: FieldPath) {
        guard let os = pod.spec.os, !os.name.isEmpty else {
            report(.forbidden(path, "may not be set for containers with empty `spec.os.name`"))
            return
        }
        let supported = os.name == "windows" ? ["SIGKILL", "SIGTERM"] : Self.stopSignals
        if !supported.contains(signal) { report(.unsupported(path, signal, supported: supported)) }
    }

    /// The signals that a container on Linux can ask to be ended with, signal(7), in the order of their names.
    private static let stopSignals: [String] = {
        let standard = [
            "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
            "PIPE",
            "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN",
            "TTOU",
            "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX",
        ]
        let realTime = (1...15).map { "RTMIN+\($0)" } + (1...14).map { "RTMAX-\($0)" }
        return (standard + realTime).map { "SIG" + $0 }.sorted()
    }()

    private mutating func validate(_ handlers: [Handler], at path: FieldPath) {
        guard let handler = handlers.first else {
            report(.required(path, "must specify a handler type"))
            return
        }
        validate(handler, at: path.field(handler.name))
        for second in handlers.dropFirst() {
            report(.forbidden(path.field(second.name), "may not specify more than 1 handler type"))
        }
    }

    private mutating func validate(_ handler: Handler, at path: FieldPath) {
        switch handler {
        case .exec(let exec):
            if exec.command.isEmpty { report(.required(path.field("command"))) }
        case .httpGet(let get):
            validatePort(get.port, at: path.field("port"))
            for header in get.httpHeaders {
                reportInvalid(path.field("httpHeaders"), header.name, NameRules.headerName(header.name))
            }
        case .tcpSocket(let socket):
            validatePort(socket.port, at: path.field("port"))
        case .grpc(let grpc):
            reportInvalid(path.field("port"), grpc.port, NameRules.portNumber(grpc.port))
        case .sleep(let sleep):
            let grace = pod.spec.terminationGracePeriodSeconds
            if sleep.seconds < 0 || sleep.seconds > grace {
                let detail = "must be non-negative and less than terminationGracePeriodSeconds (\(grace))"
                report(.invalid(path, sleep.seconds, detail))
            }
        }
    }

    private mutating func validatePort(_ port: IntOrString, at path: FieldPath) {
        switch port {
        case .int(let number): reportInvalid(path, number, NameRules.portNumber(number))
        case .string(let name): reportInvalid(path, name, NameRules.portName(name))
        }
    }
}
