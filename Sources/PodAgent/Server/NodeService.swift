import PodCore

/// What the API server asks of the node.
///
/// The server knows HTTP, JSON, selectors and streams; the node knows Pods. Every call may come at any time and from
/// any number of connections. Names are Kubernetes' names, and a static Pod is found with or without its `-<node>`
/// suffix wherever a Pod is named. What cannot be done is thrown as the ``StatusFailure`` that the client is to see.
protocol NodeService: Sendable {
    /// Nil while the node does its work; else one line that says what is stuck. `/healthz`, `/livez`, `/readyz`.
    func healthProblem() async -> String?

    /// All Pods of the node, and the version of that whole list.
    func pods() async -> ListSnapshot<Pod>
    /// One Pod.
    func pod(namespace: String, name: String) async -> Pod?
    /// Takes a Pod from a client. `document` is an object of kind Pod, not yet defaulted or validated, and
    /// `namespace` is the one of the request's path (which the document does not contradict).
    func create(_ document: Document, namespace: String) async throws(StatusFailure) -> Pod
    /// Begins to delete a Pod and answers with it as it is then. `gracePeriodSeconds` is nil when the client left it
    /// to the Pod's own.
    func delete(
        namespace: String,
        name: String,
        gracePeriodSeconds: Int64?
    ) async throws(StatusFailure) -> Pod

    /// The events of one namespace, or of all.
    func events(namespace: String?) async -> ListSnapshot<Event>

    /// Changes of Pods from `since` on, or first all that exist. See ``WatchCache``, which does all of it.
    func watchPods(since: UInt64?) async throws(StatusFailure) -> WatchSubscription<Pod>
    /// Changes of events, in the same way.
    func watchEvents(since: UInt64?) async throws(StatusFailure) -> WatchSubscription<Event>

    /// Where the log of one instance of a container is. The server has chosen the instance by ``LogTarget``.
    func logSource(
        namespace: String,
        pod: String,
        target: LogTarget
    ) async throws(StatusFailure) -> LogSource

    /// Starts a process in a running container. The server has resolved the container's name and seen that the
    /// container runs; it may have stopped since.
    func exec(
        namespace: String,
        pod: String,
        request: ExecRequest
    ) async throws(StatusFailure) -> ExecSession

    /// The node itself, a `v1.Node`.
    func node() async -> Document

    /// Loads an image archive or layout that lies on the node; `name` overrides the names that it carries.
    func loadImage(path: String, name: String?) async throws(StatusFailure) -> Document
    /// Pulls an image and tells how far it is; ended by whoever stops listening.
    func pullImage(_ reference: ImageReference) -> AsyncStream<PullUpdate>
    /// The images of the node.
    func images() async throws(StatusFailure) -> Document
    /// Removes an image by reference or ID.
    func removeImage(_ reference: String) async throws(StatusFailure)
    /// Pins the names that a reference or ID stands for, or lets go of them; answers with the names.
    func setPinned(_ isPinned: Bool, _ reference: String) async throws(StatusFailure) -> Document
    /// Removes the images that nobody needs and that are not pinned: those without a name, or all.
    func pruneImages(all: Bool) async throws(StatusFailure) -> Document

    /// Ends all Pods in order, because the machine goes down. Returns when that is done, with the names of those that
    /// have had their time and run all the same.
    func shutDown() async -> Document

    /// The files of the manifest directory that are ignored or refused, with reasons.
    func ignoredManifests() async -> Document
}

/// A list with the version at which it was true, from which a watch can go on.
struct ListSnapshot<Object: Sendable>: Sendable {
    var items: [Object]
    var resourceVersion: UInt64
}

/// What to run in a container.
struct ExecRequest: Hashable, Sendable {
    /// The container's name; the server has put in the Pod's only container where the client named none.
    var container: String
    /// The program and its arguments; never empty.
    var command: [String]
    /// Which streams the client wants. With `tty` there is one stream both ways, and `stderr` is false.
    var stdin: Bool
    var stdout: Bool
    var stderr: Bool
    var tty: Bool
}

/// A process that was started in a container at a client's wish: our ends of its stdio, and how it ended.
///
/// The server owns the descriptors from here on and closes each of them.
struct ExecSession: Sendable {
    /// Our ends of the process's stdio.
    enum Streams: Sendable {
        /// The master of its terminal. The server sets the size by `TIOCSWINSZ`.
        case terminal(AsyncDescriptor)
        /// Pipes: the writing end of stdin, the reading ends of the others. Nil is a stream that was not wanted.
        case pipes(stdin: AsyncDescriptor?, stdout: AsyncDescriptor?, stderr: AsyncDescriptor?)
    }

    let streams: Streams
    /// Yields once, when the process has ended, and finishes. (A stream, and not a function, because waiting for it
    /// ends when the waiting task is cancelled, whoever made it.)
    let exit: AsyncStream<ExecExit>
    /// Kills the process; called when the client has gone. Harmless after the end.
    let cancel: @Sendable () -> Void
}

/// How a process started by exec ended.
enum ExecExit: Hashable, Sendable {
    case code(Int32)
    case signal(Int32)
    /// It could not be started or was lost; the sentence that the client is to see.
    case failure(String)
}

/// The log of one instance of a container.
struct LogSource: Sendable {
    /// The container's log directory, `<ns>_<pod>_<uid>/<container>`.
    let directory: RootedDirectory
    /// The instance: its files are `<restartCount>.log` and that name with a rotation's suffix.
    let restartCount: Int
    /// Finishes, without a value, when the instance no longer runs and its last output is in the file. Finished
    /// from the start for an instance of the past.
    let end: AsyncStream<Never>
}
