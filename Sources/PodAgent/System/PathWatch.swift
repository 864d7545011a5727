import Glibc
import PodCore

/// Tells when something may have happened to one of some paths: when the name, or one of the directories above it, has
/// been removed, renamed, made or replaced. inotify(7) on every directory from the root to the last one that exists.
///
/// The directory above is what tells of a removal: a directory that somebody still has open is not told of its own
/// (`IN_DELETE_SELF` waits for the inode's end).
@NodeActor
final class PathWatch {
    private static let mask =
        IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF | IN_CLOSE_WRITE | IN_ONLYDIR

    /// Each as its components.
    private let paths: [[String]]
    private let changed: @NodeActor () -> Void
    private var inotify: Inotify?
    /// What is of interest in each watched directory, by the kernel's number of the watch.
    private var names: [Int32: Set<String>] = [:]

    /// - Parameters:
    ///   - paths: absolute.
    ///   - changed: looks for itself what has happened; many changes may be told as one.
    init(paths: [String], changed: @escaping @NodeActor () -> Void) {
        self.paths = paths.map { $0.split(separator: "/").map(String.init) }
        self.changed = changed
    }

    /// Begins to watch. Fails only if the user has no inotify instance left (fs.inotify.max_user_instances).
    func start() throws(SystemFailure) {
        inotify = try Inotify(subject: "run directory") { [weak self] events in self?.handle(events) }
        renew()
    }

    /// Stops for good. Nothing is told any more.
    func stop() {
        inotify = nil
        names = [:]
    }

    /// Watches the directories that are there now. To be called whenever one of them has been made; what happened before
    /// is not told any more, so that the caller looks again afterwards.
    func renew() {
        guard let inotify else { return }
        var found: [Int32: Set<String>] = [:]
        for components in paths {
            for (depth, name) in components.enumerated() {
                let path = "/" + components[..<depth].joined(separator: "/")
                // One that is missing, or that the kernel will not watch, is waited for in the last one before it.
                guard let directory = try? RootedDirectory(hostPath: path),
                    let watch = try? inotify.watch(directory.raw, mask: Self.mask, subject: path)
                else { break }
                found[watch, default: []].insert(name)
            }
        }
        // The kernel gives a directory that is watched already its number again.
        for watch in names.keys where found[watch] == nil { inotify.unwatch(watch) }
        names = found
    }

    private func handle(_ events: [Inotify.Event]) {
        let isOfInterest = events.contains { event in
            if event.has(IN_Q_OVERFLOW | IN_MOVE_SELF | IN_UNMOUNT) { return true }
            return names[event.watch]?.contains(event.name) == true
        }
        if isOfInterest { changed() }
    }
}
