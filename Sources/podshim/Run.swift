import CNamespaces

/// One process that the shim started: pause, a container's first process, or an exec.
final class Run {
    enum Stream { case output, errors }

    enum ReadResult { case more, nothingNow, ended }

    /// Tells runs of this shim apart, also when podagent uses a number twice.
    let key: UInt64
    /// podagent's number; 0 for pause.
    let id: UInt64
    let kind: UInt32
    private let request: cns_request

    var state = CNS_RUN_LAUNCHING
    var pid: pid_t = -1
    var pidfd: Int32 = -1
    var report: Int32 = -1
    /// The child said that the exec comes next.
    var announced = false
    var status: Int32 = 0
    var step: Int32 = 0
    var error: Int32 = 0
    var startedAt: Int64 = 0
    var finishedAt: Int64 = 0

    /// The child's own ends, until it is born.
    var standard: (input: Int32, output: Int32, errors: Int32) = (-1, -1, -1)
    /// Our ends. `input` is kept open so that a program with `stdin: true` does not see its end.
    var input: Int32 = -1
    var output: Int32 = -1
    var errors: Int32 = -1
    var terminal: Int32 = -1
    var terminalPeer: Int32 = -1
    var cgroup: Int32 = -1
    /// Its PID namespace is shared, so that its end does not end what it left behind: its cgroup is killed.
    var killsRest = false
    private var log: LogWriter?

    init(key: UInt64, request: cns_request) {
        self.key = key
        self.id = request.run
        self.kind = request.kind
        self.request = request
    }

    /// How many of the descriptors beside its request are not its plan's.
    var ownDescriptors: Int {
        switch kind {
        case CNS_REQUEST_SANDBOX.rawValue: 2  // plan, cgroup
        case CNS_REQUEST_CONTAINER.rawValue: 3  // and the log's directory
        default: 5  // and standard input, output and error
        }
    }

    var isLive: Bool { state == CNS_RUN_LAUNCHING || state == CNS_RUN_RUNNING }

    func event(_ kind: cns_event_kind) -> cns_event {
        var event = cns_event()
        event.version = UInt32(CNS_WIRE_VERSION)
        event.kind = kind.rawValue
        event.run = id
        event.state = state.rawValue
        event.pid = pid
        event.status = status
        event.step = step
        event.error = error
        event.lost = log?.lost ?? 0
        event.started_at = startedAt
        event.finished_at = finishedAt
        event.label = request.label
        return event
    }

    /// Opens the log and the pipes of a container. False, with errno, when one cannot be had.
    func openStreams(logDirectory: Int32) -> Bool {
        guard let log = LogWriter(directory: logDirectory, request: request) else { return false }
        self.log = log
        guard request.flags & CNS_REQUEST_TERMINAL.rawValue == 0 else { return true }
        if request.flags & CNS_REQUEST_STDIN.rawValue != 0 {
            guard cns_pipe(&standard.input, &input) == 0 else { return false }
        }
        guard cns_pipe(&output, &standard.output) == 0, cns_pipe(&errors, &standard.errors) == 0 else {
            return false
        }
        cns_set_nonblocking(output)
        cns_set_nonblocking(errors)
        return true
    }

    /// Reads one buffer of a stream into the log.
    func readOnce(_ stream: Stream) -> ReadResult {
        let descriptor = stream == .output ? output : errors
        guard descriptor >= 0, let log else { return .nothingNow }
        let count = log.read(from: descriptor, stream)
        if count > 0 { return .more }
        return count < 0 && (cns_errno() == EAGAIN || cns_errno() == EINTR) ? .nothingNow : .ended
    }

    func close(_ stream: Stream) {
        switch stream {
        case .output:
            log?.endOfStream(.output)
            if terminal == output { terminal = -1 }
            closing(&output)
        case .errors:
            log?.endOfStream(.errors)
            closing(&errors)
        }
    }

    func closeStandard() {
        closing(&standard.input)
        closing(&standard.output)
        closing(&standard.errors)
    }

    func closeTerminal() {
        if terminal != output { closing(&terminal) }
    }

    /// The last that keeps its terminal open is gone, apart from what it left running.
    func closeTerminalPeer() { closing(&terminalPeer) }

    /// The process is gone; its streams may still be held by others and stay open.
    func closeProcess() {
        closing(&pidfd)
        closing(&report)
        closing(&cgroup)
        closing(&input)
        closing(&terminalPeer)
    }

    func closeAll() {
        closeStandard()
        closeProcess()
        closeTerminal()
        close(.output)
        close(.errors)
        log?.close()
    }

    /// Closing takes a descriptor out of the epoll set as well: nobody else holds a copy of ours.
    private func closing(_ descriptor: inout Int32) {
        if descriptor >= 0 { _ = CNamespaces.close(descriptor) }
        descriptor = -1
    }
}
