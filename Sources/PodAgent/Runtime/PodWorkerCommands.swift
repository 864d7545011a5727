import CNamespaces
import Glibc
import PodCore

/// What a command is run for in an instance. Each has a cgroup of its own there, and runs one at a time.
struct CommandKey: Hashable {
    enum Purpose: Hashable {
        case probe(ProbeKind)
        case hook(HookKind)

        /// Of the cgroup.
        var name: String {
            switch self {
            case .probe(let kind): "probe-\(kind.rawValue)"
            case .hook(let kind): "hook-\(kind.rawValue)"
            }
        }
    }

    let run: RunID
    let purpose: Purpose
}

/// How a command that podagent has run in a container ended.
enum CommandOutcome {
    /// With the exit code, 128 + N for death by signal N, and what it printed.
    case exited(Int32, String)
    /// It took too long, and everything that it has started was killed.
    case timedOut
    /// It could not be run.
    case notRun(String)
}

/// A command that runs in a container on podagent's own behalf.
@NodeActor
final class ContainerCommand {
    /// What it prints beyond that is read and dropped.
    static let outputMax = 10 << 10

    private let output: SharedDescriptor
    private var registration: EventPoll.Key?
    private var text: [UInt8] = []
    private var alarm: AlarmClock.Alarm?
    /// Rings when more of what nobody wants is to be read; nil while it prints no more than is wanted.
    private var drainAlarm: AlarmClock.Alarm?
    private var done: ((CommandOutcome) -> Void)?

    fileprivate init(output: SharedDescriptor, _ done: @escaping (CommandOutcome) -> Void) throws {
        self.output = output
        self.done = done
        registration = try NodeActor.events.add(output.raw, EPOLLIN, subject: "command") { [weak self] _ in
            NodeActor.assumeIsolated { self?.read() }
        }
    }

    isolated deinit { close() }

    /// Calls `kill` when it is not over by then.
    fileprivate func limit(_ limit: Duration, _ kill: @escaping () -> Void) {
        alarm = NodeActor.alarms.alarm { [weak self] in
            kill()
            self?.finish(.timedOut)
        }
        alarm?.set(Clock.tick() + limit)
    }

    /// Nobody wants to know any more.
    fileprivate func cancel() {
        done = nil
        alarm?.cancel()
    }

    fileprivate func ended(_ exit: ExecExit) {
        read()
        close()
        drainAlarm?.cancel()
        let text = String(decoding: text, as: UTF8.self)
        switch exit {
        case .code(let code): finish(.exited(code, text))
        case .signal(let signal): finish(.exited(128 + signal, text))
        case .failure(let reason): finish(.notRun(reason))
        }
    }

    private func finish(_ outcome: CommandOutcome) {
        alarm?.cancel()
        let done = done.take()
        done?(outcome)
    }

    /// What its children still hold open is not waited for.
    private func read() {
        guard registration != nil else { return }
        if readOnce() { return close() }
        guard text.count == Self.outputMax else { return }
        // Whoever prints without end does so at a pace from here on.
        close()
        let alarm = NodeActor.alarms.alarm { [weak self] in self?.drain() }
        alarm.set(Clock.tick() + Self.drainPace)
        drainAlarm = alarm
    }

    private static let drainPace = Duration.milliseconds(100)

    private func drain() {
        if !readOnce() { drainAlarm?.set(Clock.tick() + Self.drainPace) }
    }

    /// Reads a pipe's worth at most. Whether that was the end.
    private func readOnce() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        for _ in 0..<16 {
            let count = Glibc.read(output.raw, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return false }
            if count <= 0 { return true }
            text += buffer.prefix(min(count, Self.outputMax - text.count))
        }
        return false
    }

    private func close() {
        if let registration { NodeActor.events.remove(registration) }
        registration = nil
    }
}

extension PodWorker {
    /// Runs a command in the running instance `key.run` of a container, at most for `limit`. `done` is called once, unless
    /// the command is cancelled by what this returns; never before it has returned.
    func run(
        _ command: [String],
        in container: Container,
        _ key: CommandKey,
        limit: Duration?,
        _ done: @escaping (CommandOutcome) -> Void
    ) -> () -> Void {
        if liveCommands[key] != nil {
            // The one before it has been killed and is still there: it hangs in the kernel.
            Self.soon { done(.timedOut) }
            return {}
        }
        let wish = CommandWish(done)
        if let prepared = preparedCommands[key] {
            start(prepared, container, key, limit, wish)
        } else {
            prepare(command, container, key, limit, wish)
        }
        return { [weak self] in
            wish.done = nil
            guard let self, let live = liveCommands[key] else { return }
            live.cancel()
            killCommand(key)
        }
    }

    private func prepare(
        _ command: [String],
        _ container: Container,
        _ key: CommandKey,
        _ limit: Duration?,
        _ wish: CommandWish
    ) {
        guard let record = machine.container(running: key.run) else {
            return Self.soon { wish.tell(.notRun("the container is not running")) }
        }
        let preparation = preparation(of: container, restartCount: record.restartCount)
        Task {
            do {
                // Never one that an earlier podagent may have killed.
                let name = "\(key.purpose.name)-\(node.startedAt.nanoseconds)-\(commandsKilled)"
                let prepared = try await Worker.attempt {
                    try preparation.prepareCommand(command, name: name)
                }
                guard wish.done != nil else { return }
                // Kept for as long as the instance runs; see `forgetCommands`.
                if machine.container(running: key.run) != nil { preparedCommands[key] = prepared }
                start(prepared, container, key, limit, wish)
            } catch {
                wish.tell(.notRun("\(error)"))
            }
        }
    }

    private func start(
        _ prepared: PreparedExec,
        _ container: Container,
        _ key: CommandKey,
        _ limit: Duration?,
        _ wish: CommandWish
    ) {
        do {
            let output = try Pipe("command")
            cns_set_nonblocking(output.reader.raw)
            let command = try ContainerCommand(output: output.reader) { outcome in wish.tell(outcome) }
            let exec = ExecRun(plan: prepared.launch)
            exec.onEnded = { [weak self] exit in
                self?.liveCommands[key] = nil
                command.ended(exit)
            }
            liveCommands[key] = command
            _ = try self.exec(
                prepared,
                container: container.name,
                terminal: false,
                // The input is a pipe at its end, and not the node's null device: whoever has that open may change its
                // mode for all of the node.
                streams: [try Pipe("command").reader, output.writer, output.writer],
                exec,
                isLimited: limit != nil
            )
            if let limit { command.limit(limit) { [weak self] in self?.killCommand(key) } }
        } catch {
            liveCommands[key] = nil
            Self.soon { wish.tell(.notRun("\(error)")) }
        }
    }

    /// Kills a command and whatever it has started. Its cgroup is not used again: Linux 6.18 goes on killing whatever
    /// clone3(2) puts into a cgroup by CLONE_INTO_CGROUP once that has been killed (tried).
    private func killCommand(_ key: CommandKey) {
        guard let prepared = preparedCommands.removeValue(forKey: key), let name = prepared.cgroupName else {
            return
        }
        commandsKilled += 1
        cns_kill_cgroup(prepared.cgroup.raw)
        let (cgroups, uid) = (node.cgroups, pod.metadata.uid)
        // What hangs in the kernel stays, and goes with the instance.
        Task { await Worker.run { try? cgroups.removeLeaf(name, pod: uid) } }
    }

    /// Lets go of what belongs to instances that have ended.
    func forgetCommands() {
        if preparedCommands.isEmpty { return }
        let running = Set(machine.containers.compactMap(\.runningRun))
        preparedCommands = preparedCommands.filter { running.contains($0.key.run) }
    }

    /// After what is being done now.
    static func soon(_ body: @escaping @NodeActor () -> Void) { Task { @NodeActor in body() } }
}

/// Who waits for a command, from before it is started.
@NodeActor
private final class CommandWish {
    var done: ((CommandOutcome) -> Void)?

    init(_ done: @escaping (CommandOutcome) -> Void) { self.done = done }

    func tell(_ outcome: CommandOutcome) {
        let done = done.take()
        done?(outcome)
    }
}
