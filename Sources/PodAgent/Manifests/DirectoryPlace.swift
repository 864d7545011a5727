import Glibc
import PodCore

/// A directory as it was when its watch began.
struct WatchedDirectory: Sendable {
    let path: String
    let owner: uid_t
    private let mode: mode_t
    private let device: dev_t
    private let inode: ino_t

    init(_ directory: RootedDirectory, path: String) throws(SystemFailure) {
        var status = stat()
        try check("fstat", path) { fstat(directory.raw, &status) }
        self.path = path
        owner = status.st_uid
        mode = status.st_mode
        device = status.st_dev
        inode = status.st_ino
    }

    func isSame(as other: WatchedDirectory) -> Bool { device == other.device && inode == other.inode }

    /// What its owner ought to change about it.
    var warnings: [String] {
        guard mode & S_IWOTH != 0 else { return [] }
        return ["everyone may write to \(path), and what stands there runs as root; chmod o-w it"]
    }
}

/// Keeps a watch on a directory given by its path, through its disappearance and return.
///
/// ```
///                        the directory goes
///   watching(directory) ◀──────────────────▶ waiting(nearest ancestor)
///                        it appears again
/// ```
@NodeActor
final class DirectoryPlace {
    enum Event {
        /// The directory is there (again), or it is another one, or its owner or mode changed.
        case arrived(WatchedDirectory)
        /// The directory is not there, or may not be watched.
        case unavailable(reason: String)
        /// Something happened to names in it.
        case names([Inotify.Event])
        /// Something happened to a file watched by ``watchFile(_:subject:)``.
        case file(watch: Int32, isOver: Bool)
        /// The kernel dropped events.
        case overflow
    }

    private enum State {
        case unwatched
        case watching(watch: Int32, parentWatch: Int32?)
        case waiting(watch: Int32, reason: String)
    }

    private let path: String
    private let receive: @NodeActor (Event) -> Void
    private var inotify: Inotify?
    private var state = State.unwatched

    init(path: String, receive: @escaping @NodeActor (Event) -> Void) {
        self.path = path
        self.receive = receive
    }

    /// Begins to watch. Fails only if the user has no inotify instance left (fs.inotify.max_user_instances).
    func start() throws(SystemFailure) {
        inotify = try Inotify { [weak self] events in self?.handle(events) }
        establish()
    }

    /// Stops for good.
    func stop() {
        inotify = nil
        state = .unwatched
    }

    /// Watches one opened file beside the directory; nil if the kernel refuses.
    func watchFile(_ file: SharedDescriptor, subject: String) -> Int32? {
        let mask = IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF
        return try? inotify?.watch(file.raw, mask: mask, subject: subject)
    }

    func unwatchFile(_ watch: Int32) { inotify?.unwatch(watch) }

    /// Looks again what stands at the path, for a caller who found another directory there than the watched one.
    func lookAgain() { establish() }

    // MARK: Finding the directory

    private static let directoryMask =
        IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF
        | IN_MOVE_SELF
    private static let ancestorMask =
        IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF

    private func establish() {
        guard let inotify else { return }
        do throws(SystemFailure) {
            let directory = try RootedDirectory(hostPath: path)
            let watched = try WatchedDirectory(directory, path: path)
            let watch = try inotify.watch(directory.raw, mask: Self.directoryMask, subject: path)
            leave(keeping: watch)
            state = .watching(watch: watch, parentWatch: watchParentOfLink(inotify))
            receive(.arrived(watched))
        } catch {
            leave(keeping: nil)
            wait(after: error, inotify)
        }
    }

    /// Gives up the present watches. Watching an inode again gives the same number again, so that one is kept.
    private func leave(keeping watch: Int32?) {
        guard let inotify else { return }
        switch state {
        case .unwatched: break
        case .watching(let old, let parentWatch):
            if old != watch { inotify.unwatch(old) }
            if let parentWatch { inotify.unwatch(parentWatch) }
        case .waiting(let old, _): if old != watch { inotify.unwatch(old) }
        }
    }

    /// A path that is a symbolic link may be turned to another directory, which only its parent sees. Should this
    /// watch fail, that is noticed at the next start instead; no reason to do without the directory now.
    private func watchParentOfLink(_ inotify: Inotify) -> Int32? {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK,
            let parent = try? RootedDirectory(hostPath: Self.parent(of: path))
        else { return nil }
        return try? inotify.watch(parent.raw, mask: IN_CREATE | IN_MOVED_TO, subject: parent.name)
    }

    private func wait(after failure: SystemFailure, _ inotify: Inotify) {
        let reason = failure.errno == ENOENT ? "it does not exist" : "\(failure)"
        let isNews = if case .waiting(_, reason) = state { false } else { true }
        state = .unwatched
        var ancestor = path
        while case .unwatched = state, ancestor != "/", ancestor != "." {
            ancestor = Self.parent(of: ancestor)
            // One that is not there either is the reason to go on to the next.
            guard let directory = try? RootedDirectory(hostPath: ancestor),
                let watch = try? inotify.watch(directory.raw, mask: Self.ancestorMask, subject: ancestor)
            else { continue }
            state = .waiting(watch: watch, reason: reason)
        }
        if isNews { receive(.unavailable(reason: reason)) }
        // What appeared between the failure and the watch made no event.
        if (try? RootedDirectory(hostPath: path)) != nil { establish() }
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    // MARK: Events

    private func handle(_ events: [Inotify.Event]) {
        if events.contains(where: { $0.has(IN_Q_OVERFLOW) }) {
            receive(.overflow)
            return establish()
        }
        switch state {
        case .unwatched: return
        case .waiting(let watch, _):
            if events.contains(where: { $0.watch == watch && !$0.has(IN_IGNORED) }) { establish() }
        case .watching(let watch, let parentWatch):
            let names = events.filter { $0.watch == watch && !$0.name.isEmpty }
            if !names.isEmpty { receive(.names(names)) }
            for event in events where event.watch != watch && event.watch != parentWatch {
                receive(.file(watch: event.watch, isOver: event.has(IN_IGNORED)))
            }
            let leaf = RootedDirectory.split(path).leaf
            let isTurned = events.contains { $0.watch == parentWatch && $0.name == leaf }
            let isAboutItself = events.contains {
                $0.watch == watch && $0.name.isEmpty && !$0.has(IN_IGNORED)
            }
            if isTurned || isAboutItself { establish() }
        }
    }
}
