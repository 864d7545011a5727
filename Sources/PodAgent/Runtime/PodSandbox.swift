import CNamespaces
import Dispatch
import Glibc
import PodCore

/// One sandbox of a Pod: its shim and what goes over the shim's socket. Owned by the node's queue.
///
/// Knows nothing of life cycles: it carries requests out and hands back what the shim says.
@NodeActor
final class PodSandbox {
    /// What is told to the owner, in order.
    enum News {
        case sandboxStarted
        case sandboxFailed(String)
        /// Pause ended.
        case ended
        /// The shim is gone without a word.
        case lost
        case run(ShimEvent)
        /// What the shim knows, after ``ask()``: itself with the state of pause, and every process.
        case answered(ShimEvent, [ShimEvent])
    }

    private let connection: ShimConnection
    private let pod: String
    private var pausePlan: LaunchPlan?
    private var welcome: ShimEvent?
    private var replay: [ShimEvent] = []
    var onNews: (News) -> Void = { _ in }
    private(set) var pausePID: Int32 = 0

    nonisolated static let socketName = "shim.sock"
    /// Stands for the shim's socket where a run's number is wanted, and is none.
    private static let listening = RunID(.max)

    private init(connection: ShimConnection, pod: String) {
        self.connection = connection
        self.pod = pod
        connection.onEvent = { [weak self] in self?.receive($0) }
        connection.onClose = { [weak self] in self?.onNews(.lost) }
    }

    /// What a new sandbox needs, made ready by ``prepare(pod:launch:flags:directories:cgroups:)``.
    struct Prepared: Sendable {
        let listener: SharedDescriptor
        let cgroup: SharedDescriptor
        let plan: SharedDescriptor
        let pausePlan: LaunchPlan
    }

    /// Makes the directories, the socket and the shim process. Blocks; belongs on a worker.
    nonisolated static func prepare(
        pod: Pod,
        launch: PauseLaunch,
        directories: NodeDirectories,
        cgroups: Cgroups,
        program: ShimProgram
    ) throws -> Prepared {
        let uid = pod.metadata.uid
        let listener = try makePlaces(pod: pod, directories: directories)
        try cgroups.make(pod)
        let cgroup = try cgroups.leaf("shim", pod: uid)
        CrashPoint.beforeShim.pass(uid)
        let shim = try program.spawn(
            listener: listener,
            cgroup: cgroup,
            label: "\(pod.metadata.namespace)/\(pod.metadata.name)"
        )
        CrashPoint.afterShim.pass(uid)
        try shim.reapWhenEnded()
        let plan = launch.plan
        return Prepared(
            listener: SharedDescriptor(listener),
            cgroup: SharedDescriptor(cgroup),
            plan: try sealedPlan(plan, subject: "pause"),
            pausePlan: plan
        )
    }

    /// Makes what the sandbox needs in the run directory; the socket for its shim to listen on.
    nonisolated static func makePlaces(pod: Pod, directories: NodeDirectories) throws(SystemFailure)
        -> Descriptor
    {
        let run = try directories.podRun(pod.metadata.uid)
        _ = try run.makeDirectory("root", mode: 0o700)
        return try listeningShimSocket(socketName, in: run, subject: "shim of \(pod.metadata.name)")
    }

    /// Connects to a shim that has just been started and asks it for the sandbox.
    static func create(
        _ prepared: Prepared,
        attempt: Int,
        network: SharedDescriptor?,
        pod: Pod,
        directories: NodeDirectories
    ) throws -> PodSandbox {
        let run = try directories.podRun(pod.metadata.uid)
        let connection = try ShimConnection.connect(
            socketName,
            in: run,
            subject: "shim of \(pod.metadata.name)"
        )
        let sandbox = PodSandbox(connection: connection, pod: pod.metadata.name)
        CrashPoint.shimConnected.pass(pod.metadata.uid)
        sandbox.pausePlan = prepared.pausePlan
        var request = ShimRequest(kind: CNS_REQUEST_SANDBOX)
        request.flags = pod.spec.sandboxFlags
        request.label = "pause/\(attempt)"
        try connection.send(
            request,
            descriptors: [prepared.plan, prepared.cgroup] + [network].compactMap(\.self)
        )
        CrashPoint.sandboxRequested.pass(pod.metadata.uid)
        return sandbox
    }

    /// Connects to the shim of an earlier podagent. Throws when there is none.
    static func reconnect(pod: Pod, directories: NodeDirectories) throws -> PodSandbox {
        // Not made if missing: a Pod without a sandbox has no directory there, and nobody would remove it again.
        let run = try directories.run.directory("pods/\(pod.metadata.uid)")
        let connection = try ShimConnection.connect(
            socketName,
            in: run,
            subject: "shim of \(pod.metadata.name)"
        )
        return PodSandbox(connection: connection, pod: pod.metadata.name)
    }

    // MARK: Requests

    /// Asks the shim what it knows.
    func ask() throws { try connection.send(ShimRequest(kind: CNS_REQUEST_HELLO)) }

    func start(
        _ prepared: PreparedContainer,
        run: RunID,
        restartCount: Int,
        container: Container,
        limits: LogLimits,
        pod: Pod
    ) throws {
        var request = ShimRequest(kind: CNS_REQUEST_CONTAINER)
        request.run = run
        // With what it is asked to end, so that an agent which finds no record of that knows it all the same.
        request.label = "\(container.name)/\(restartCount)/\(prepared.facts.stopSignal ?? SIGTERM)"
        request.log = ShimRequest.LogFile(name: "\(restartCount).log", limits: limits)
        request.flags = pod.spec.containerFlags
        if container.tty { request.flags.append(CNS_REQUEST_TERMINAL) }
        if container.stdin { request.flags.append(CNS_REQUEST_STDIN) }
        try connection.send(request, descriptors: prepared.descriptors)
    }

    func exec(run: RunID, target: RunID, terminal: Bool, label: String, descriptors: [SharedDescriptor])
        throws
    {
        var request = ShimRequest(kind: CNS_REQUEST_EXEC)
        request.run = run
        request.target = target
        request.label = label
        if terminal { request.flags.append(CNS_REQUEST_TERMINAL) }
        try connection.send(request, descriptors: descriptors)
    }

    /// A signal for a process that is gone, or for a shim that is, has nobody left to reach.
    func signal(_ signal: Int32, run: RunID) {
        var request = ShimRequest(kind: CNS_REQUEST_SIGNAL)
        request.run = run
        request.signal = signal
        try? connection.send(request)
    }

    /// The exit of `run` is recorded; the shim may forget it.
    func forget(_ run: RunID) {
        var request = ShimRequest(kind: CNS_REQUEST_FORGET)
        request.run = run
        try? connection.send(request)
    }

    /// Gives the shim another socket to listen on, in place of one whose file is gone.
    func listen(on socket: consuming Descriptor) throws {
        var request = ShimRequest(kind: CNS_REQUEST_LISTEN)
        request.run = Self.listening
        try connection.send(request, descriptors: [SharedDescriptor(socket)])
    }

    /// Ends pause and the shim. What does not go by itself is killed through the cgroup.
    func end() {
        signal(SIGKILL, run: RunID(0))
        try? connection.send(ShimRequest(kind: CNS_REQUEST_END))
        connection.onClose = {}
        connection.close()
    }

    /// Lets go of the shim, which goes on without this podagent.
    func leave() {
        connection.onClose = {}
        connection.close()
    }

    // MARK: Events

    private func receive(_ event: ShimEvent) {
        switch event.kind {
        case .welcome:
            pausePID = event.pid
            welcome = event
            replay = []
        case .run:
            replay.append(event)
        case .replayed:
            guard let welcome else { return }
            onNews(.answered(welcome, replay))
            replay = []
        case .started, .failed, .exited, .refused:
            switch event.run {
            case RunID(0): pauseNews(event)
            case Self.listening: listenerRefused(event)
            default: onNews(.run(event))
            }
        }
    }

    /// The shim has no descriptor left, for one.
    private func listenerRefused(_ event: ShimEvent) {
        Log.warning(
            "podshim of \(pod) takes no other socket (\(errnoText(event.error))): the Pod goes on, and is restarted when the "
                + "next podagent starts"
        )
    }

    private func pauseNews(_ event: ShimEvent) {
        switch event.kind {
        case .started:
            pausePID = event.pid
            onNews(.sandboxStarted)
        case .failed, .refused:
            onNews(.sandboxFailed(launchFailure(event, pausePlan)))
        case .exited:
            onNews(.ended)
        case .welcome, .run, .replayed: break
        }
    }
}

/// What went wrong between clone and exec, naming the step.
func launchFailure(_ event: ShimEvent, _ plan: LaunchPlan?) -> String {
    let cause = errnoText(event.error)
    guard let step = plan?.describe(step: event.step) else { return "clone3: \(cause)" }
    switch plan?.steps[event.step] {
    case .execute(let arguments, _, _): return "exec: \"\(arguments.first ?? "")\": \(cause)"
    case .makeDirectory(let path, _, _), .changeWorkingDirectory(let path):
        return "working directory \"\(path)\": \(cause)"
    case .write(let path, let text):
        guard let name = PodSysctl.name(ofFile: path) else { return "\(step): \(cause)" }
        return "sysctl \(name) cannot be set to \(text.quoted): \(cause)"
    case .attach(_, let path, _, _): return "mounting on \"\(path)\": \(cause)"
    default: return "\(step): \(cause)"
    }
}

extension PodSpec {
    var sharesProcessNamespace: Bool { shareProcessNamespace ?? false }

    fileprivate var sandboxFlags: [cns_request_flags] {
        var flags: [cns_request_flags] = []
        if !hostNetwork { flags += [CNS_REQUEST_NETWORK_NAMESPACE, CNS_REQUEST_UTS_NAMESPACE] }
        if !hostIPC { flags.append(CNS_REQUEST_IPC_NAMESPACE) }
        if !hostPID { flags.append(CNS_REQUEST_PID_NAMESPACE) }
        return flags
    }

    /// A container is born in the Pod's PID namespace, in one of its own inside that, or in the node's.
    fileprivate var containerFlags: [cns_request_flags] {
        if hostPID { return [] }
        return sharesProcessNamespace
            ? [CNS_REQUEST_POD_PID] : [CNS_REQUEST_POD_PID, CNS_REQUEST_PID_NAMESPACE]
    }
}
