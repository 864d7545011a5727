import CNamespaces

/// The loop: requests in, events out, processes and their streams in between.
final class Shim {
    static let listenerDescriptor: Int32 = 3

    /// What an epoll event is about; stands in the top byte of its datum, the run's key below it.
    private enum Source: UInt64 {
        case listener = 1
        case agent, exit, report, output, errors
    }

    private let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    private let agent: AgentConnection
    private var pause: Run?
    private var runs: [Run] = []
    private var lastKey: UInt64 = 0
    private var ending = false

    init() { agent = AgentConnection(epoll: epoll, datum: Source.agent.rawValue << 56) }

    func run() {
        _ = fcntl_cloexec(Self.listenerDescriptor)
        watch(Self.listenerDescriptor, .listener, key: 0)
        var events = InlineArray<16, epoll_event>(repeating: epoll_event())
        while !finished {
            var span = events.mutableSpan
            let count = span.withUnsafeMutableBufferPointer { epoll_wait(epoll, $0.baseAddress, 16, -1) }
            if count < 0 && cns_errno() != EINTR { exit(1) }
            for index in 0..<max(0, Int(count)) { handle(events[index]) }
        }
        exit(0)
    }

    /// Nothing left to look after: told to end, or alone before anything was ever made.
    private var finished: Bool {
        if pause?.isLive == true || runs.contains(where: { $0.isLive }) { return false }
        return ending || (!agent.isOpen && agent.wasUsed && pause == nil && runs.isEmpty)
    }

    private func handle(_ event: epoll_event) {
        let datum = event.data.u64
        let key = datum & 0xff_ffff_ffff_ffff
        guard let source = Source(rawValue: datum >> 56) else { return }
        switch source {
        case .listener: agent.accept(from: Self.listenerDescriptor)
        case .agent:
            if event.events & EPOLLOUT.rawValue != 0 { agent.flush() }
            receive()
        case .exit: find(key).map(reap)
        case .report: find(key).map(readReport)
        case .output: find(key).map { drain($0, .output) }
        case .errors: find(key).map { drain($0, .errors) }
        }
    }

    /// A run that was forgotten while its event waited in the same batch is not found, and the event is moot.
    private func find(_ key: UInt64) -> Run? {
        if let pause, pause.key == key { return pause }
        return runs.first { $0.key == key }
    }

    private func watch(_ descriptor: Int32, _ source: Source, key: UInt64) {
        _ = cns_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, source.rawValue << 56 | key)
    }

    // MARK: podagent

    private func receive() {
        var passed = Descriptors()
        guard let request = agent.receive(&passed) else { return }
        if passed.wereLost { return refuse(request, EMFILE) }
        switch request.kind {
        case CNS_REQUEST_HELLO.rawValue: replay()
        case CNS_REQUEST_SANDBOX.rawValue: startPause(request, &passed)
        case CNS_REQUEST_CONTAINER.rawValue: startContainer(request, &passed)
        case CNS_REQUEST_EXEC.rawValue: startExec(request, &passed)
        case CNS_REQUEST_SIGNAL.rawValue: send(signal: request.signal, to: request.run)
        case CNS_REQUEST_FORGET.rawValue: forget(request.run)
        case CNS_REQUEST_RESIZE.rawValue: resize(request)
        case CNS_REQUEST_END.rawValue: ending = true
        case CNS_REQUEST_LISTEN.rawValue: listen(request, passed.take(0))
        default: refuse(request, ENOSYS)
        }
    }

    private func tell(_ event: cns_event, descriptor: Int32 = -1) {
        agent.tell(event, descriptor: descriptor)
    }

    private func replay() {
        var welcome = pause?.event(CNS_EVENT_WELCOME) ?? cns_event()
        welcome.version = UInt32(CNS_WIRE_VERSION)
        welcome.kind = CNS_EVENT_WELCOME.rawValue
        tell(welcome)
        for run in runs { tell(run.event(CNS_EVENT_RUN)) }
        welcome.kind = CNS_EVENT_REPLAYED.rawValue
        tell(welcome)
    }

    /// The file of the socket is gone, and with it the way in for the next podagent: it comes by this one instead.
    private func listen(_ request: cns_request, _ socket: Int32) {
        guard socket >= 0 else { return refuse(request, EBADF) }
        // A child that is just being born may hold a copy of the old one, which would stay in the set.
        _ = cns_epoll_control(epoll, EPOLL_CTL_DEL, Self.listenerDescriptor, 0, 0)
        _ = dup2(socket, Self.listenerDescriptor)
        _ = close(socket)
        _ = fcntl_cloexec(Self.listenerDescriptor)
        watch(Self.listenerDescriptor, .listener, key: 0)
    }

    private func refuse(_ request: cns_request, _ error: Int32) {
        let run = Run(key: 0, request: request)
        run.error = error
        run.state = CNS_RUN_FAILED
        tell(run.event(CNS_EVENT_REFUSED))
    }

    // MARK: Starting

    private func newRun(_ request: cns_request) -> Run {
        lastKey += 1
        return Run(key: lastKey, request: request)
    }

    private func startPause(_ request: cns_request, _ passed: inout Descriptors) {
        guard pause?.isLive != true else { return refuse(request, EEXIST) }
        pause?.closeAll()
        let run = newRun(request)
        var birth = cns_birth()
        birth.flags = request.sandboxCloneFlags
        birth.pid_namespace_fd = -1
        pause = run
        launch(run, birth, &passed)
    }

    private func startContainer(_ request: cns_request, _ passed: inout Descriptors) {
        guard let pause, pause.state == CNS_RUN_RUNNING else { return refuse(request, ESRCH) }
        guard !runs.contains(where: { $0.id == request.run }) else { return refuse(request, EEXIST) }
        let run = newRun(request)
        run.cgroup = passed.duplicate(1)
        guard run.cgroup >= 0, run.openStreams(logDirectory: passed.take(2)) else {
            let error = cns_errno()
            run.closeAll()
            return refuse(request, error)
        }
        var birth = cns_birth()
        let inPod = request.flags & CNS_REQUEST_POD_PID.rawValue != 0
        birth.pid_namespace_fd = inPod ? pause.pidfd : -1
        birth.nested = request.flags & CNS_REQUEST_PID_NAMESPACE.rawValue != 0 ? 1 : 0
        run.killsRest = birth.nested == 0
        runs.append(run)
        if run.output >= 0 { watch(run.output, .output, key: run.key) }
        if run.errors >= 0 { watch(run.errors, .errors, key: run.key) }
        launch(run, birth, &passed)
    }

    private func startExec(_ request: cns_request, _ passed: inout Descriptors) {
        guard let target = runs.first(where: { $0.id == request.target }), target.state == CNS_RUN_RUNNING
        else {
            return refuse(request, ESRCH)
        }
        let run = newRun(request)
        if request.flags & CNS_REQUEST_TERMINAL.rawValue == 0 {
            run.standard = (passed.take(2), passed.take(3), passed.take(4))
        }
        var birth = cns_birth()
        birth.pid_namespace_fd = target.pidfd
        runs.append(run)
        launch(run, birth, &passed, target: target.pidfd)
    }

    /// Gives birth to the process and leaves it to its plan; what comes of it arrives on the report channel.
    private func launch(_ run: Run, _ birth: cns_birth, _ passed: inout Descriptors, target: Int32 = -1) {
        var birth = birth
        guard let plan = MappedPlan(passed.descriptors[0]) else { return failed(run, cns_errno()) }
        var channel: (Int32, Int32) = (-1, -1)
        guard cns_channel(&channel.0, &channel.1) == 0 else { return failed(run, cns_errno()) }
        var slots = passed.slots(from: run.ownDescriptors)
        slots[Int(CNS_SLOT_PAUSE.rawValue)] = pause?.pidfd ?? -1
        slots[Int(CNS_SLOT_TARGET.rawValue)] = target
        slots[Int(CNS_SLOT_STDIN.rawValue)] = run.standard.input
        slots[Int(CNS_SLOT_STDOUT.rawValue)] = run.standard.output
        slots[Int(CNS_SLOT_STDERR.rawValue)] = run.standard.errors
        birth.plan = UnsafeRawPointer(plan.bytes)
        birth.cgroup_fd = passed.descriptors[1]
        birth.report_fd = channel.1
        birth.title = cns_title(&birth.title_size)
        var pidfd: Int32 = -1
        run.pid = slots.withUnsafeMutableBufferPointer { buffer in
            birth.slots = buffer.baseAddress
            return cns_give_birth(&birth, &pidfd)
        }
        let error = cns_errno()
        _ = close(channel.1)
        run.closeStandard()
        guard run.pid > 0 else {
            _ = close(channel.0)
            return notBorn(run, error)
        }
        run.pidfd = pidfd
        run.report = channel.0
        watch(run.pidfd, .exit, key: run.key)
        watch(run.report, .report, key: run.key)
    }

    /// There is no process. What a container could not be given, as pause is dying for example, is no end of an instance.
    private func notBorn(_ run: Run, _ error: Int32) {
        guard run !== pause else { return failed(run, error) }
        run.error = error
        run.state = CNS_RUN_FAILED
        run.closeAll()
        runs.removeAll { $0 === run }
        tell(run.event(CNS_EVENT_REFUSED))
    }

    private func failed(_ run: Run, _ error: Int32) {
        run.error = error
        run.step = -1
        run.state = CNS_RUN_FAILED
        run.finishedAt = cns_wall_clock()
        run.closeAll()
        tell(run.event(CNS_EVENT_FAILED))
    }

    /// Reads the report channel until it is closed. The exec went through when the last word was "exec comes next".
    private func readReport(_ run: Run) {
        guard run.report >= 0 else { return }
        var note = cns_report()
        var passed = Descriptors()
        let size = passed.receive(from: run.report, into: &note)
        if passed.wereLost { return giveUp(run, EMFILE) }
        if size == MemoryLayout<cns_report>.size {
            if passed.count == 1 { adoptTerminal(passed.take(0), run) }
            if note.step >= 0 {
                run.step = note.step
                run.error = note.error
                run.announced = note.error == 0
            }
            return
        }
        if size < 0 && cns_errno() == EAGAIN { return }
        _ = close(run.report)
        run.report = -1
        guard run.announced else { return }  // the exit says the rest
        run.state = CNS_RUN_RUNNING
        run.startedAt = cns_wall_clock()
        tell(
            run.event(CNS_EVENT_STARTED),
            descriptor: run.kind == CNS_REQUEST_EXEC.rawValue ? run.terminal : -1
        )
        if run.kind == CNS_REQUEST_EXEC.rawValue { run.closeTerminal() }
    }

    /// A start that cannot go on: the end of the process tells the rest.
    private func giveUp(_ run: Run, _ error: Int32) {
        run.announced = false
        run.step = -1
        run.error = error
        _ = close(run.report)
        run.report = -1
        _ = cns_pidfd_send_signal(run.pidfd, SIGKILL)
    }

    private func adoptTerminal(_ descriptor: Int32, _ run: Run) {
        run.terminal = descriptor
        guard run.kind == CNS_REQUEST_CONTAINER.rawValue else { return }
        run.output = descriptor
        // Held open as long as the process lives, so that one that has closed its terminal can open /dev/tty again: a
        // terminal that nobody has open is at its end for us, and closing our side would hang it up.
        run.terminalPeer = cns_terminal_peer(descriptor)
        cns_set_nonblocking(descriptor)
        watch(descriptor, .output, key: run.key)
    }

    // MARK: Ending

    private func reap(_ run: Run) {
        guard run.pid > 0, run.isLive else { return }
        var status: Int32 = 0
        guard waitpid(run.pid, &status, WNOHANG | cns_wall_flag) == run.pid else { return }
        if run.report >= 0 { finishReport(run) }
        run.status = status
        run.finishedAt = cns_wall_clock()
        if run.killsRest && run.cgroup >= 0 { cns_kill_cgroup(run.cgroup) }
        run.closeTerminalPeer()
        drainToEnd(run)
        let started = run.startedAt != 0
        run.state = started ? CNS_RUN_EXITED : CNS_RUN_FAILED
        if !started && run.error == 0 { run.error = ECHILD }
        // A child that is just being born may hold a copy of the pidfd, which would stay in the set beyond our close.
        _ = cns_epoll_control(epoll, EPOLL_CTL_DEL, run.pidfd, 0, 0)
        run.closeProcess()
        tell(run.event(started ? CNS_EVENT_EXITED : CNS_EVENT_FAILED))
    }

    /// The exit can be seen before the words that came with it.
    private func finishReport(_ run: Run) {
        while run.report >= 0 {
            let before = run.report
            readReport(run)
            if run.report == before && cns_readable(before) == 0 { return }
        }
    }

    private func drain(_ run: Run, _ stream: Run.Stream) {
        if run.readOnce(stream) == .ended { run.close(stream) }
    }

    private func drainToEnd(_ run: Run) {
        for stream in [Run.Stream.output, .errors] {
            var result = Run.ReadResult.more
            // A sibling that still writes could keep us here; what it writes later comes by the loop.
            for _ in 0..<1024 where result == .more { result = run.readOnce(stream) }
            if result == .ended { run.close(stream) }
        }
    }

    private func forget(_ id: UInt64) {
        guard let index = runs.firstIndex(where: { $0.id == id }), !runs[index].isLive else { return }
        runs[index].closeAll()
        runs.remove(at: index)
    }

    private func send(signal: Int32, to id: UInt64) {
        let run = id == 0 ? pause : runs.first { $0.id == id }
        guard let run, run.pidfd >= 0 else { return }
        _ = cns_pidfd_send_signal(run.pidfd, signal)
    }

    private func resize(_ request: cns_request) {
        guard let run = runs.first(where: { $0.id == request.run }), run.terminal >= 0 else { return }
        cns_set_window(run.terminal, request.rows, request.columns)
    }
}

extension cns_request {
    /// The namespaces that pause holds; it always has mounts of its own.
    fileprivate var sandboxCloneFlags: UInt64 {
        var result = UInt64(CNS_NAMESPACE_MOUNT.rawValue)
        if flags & CNS_REQUEST_PID_NAMESPACE.rawValue != 0 { result |= UInt64(CNS_NAMESPACE_PID.rawValue) }
        if flags & CNS_REQUEST_NETWORK_NAMESPACE.rawValue != 0 {
            result |= UInt64(CNS_NAMESPACE_NETWORK.rawValue)
        }
        if flags & CNS_REQUEST_IPC_NAMESPACE.rawValue != 0 { result |= UInt64(CNS_NAMESPACE_IPC.rawValue) }
        if flags & CNS_REQUEST_UTS_NAMESPACE.rawValue != 0 { result |= UInt64(CNS_NAMESPACE_UTS.rawValue) }
        return result
    }
}
