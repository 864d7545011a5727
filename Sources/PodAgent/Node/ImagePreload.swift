import Glibc
import PodCore

/// Loads the archives of a directory when the agent starts, so that a node without a registry has what its Pods need.
///
///     start ─▶ archives in name order, one after the other, on a worker ─▶ finished
///                each: as it was loaded once, and all of it here? ─▶ next
///                      else loaded, remembered ─▶ Pods that wait for an image look again
///                      broken ─▶ an event, next
///
/// An archive is remembered after its images are in the store. An agent that dies in between loads it again, which costs
/// reading it, for its layers are there.
@NodeActor
final class ImagePreload {
    private let store: ImageStore
    private let path: String
    private let record: @NodeActor (PodRecord) -> Void
    /// Whether all that was there at the start has been loaded, or cannot be.
    private(set) var isDone = false
    private var waiters: [() -> Void] = []

    /// - Parameters:
    ///   - path: of the directory, which need not be there.
    ///   - record: tells of something that is wrong with the node.
    init(store: ImageStore, path: String, record: @escaping @NodeActor (PodRecord) -> Void) {
        (self.store, self.path, self.record) = (store, path, record)
    }

    /// Begins to load. `changed` is called each time that images have come.
    func start(_ changed: @escaping @NodeActor () -> Void) {
        Task {
            await load(changed)
            isDone = true
            let bodies = waiters
            waiters = []
            for body in bodies { body() }
        }
    }

    /// Returns when it is done: an image that is not here by then will not come by itself.
    func finished() async {
        if isDone { return }
        await withCheckedContinuation { continuation in waiters.append { continuation.resume() } }
    }

    private func load(_ changed: @NodeActor () -> Void) async {
        let (store, path) = (store, path)
        let archives: [String]
        do {
            archives = try await Worker.attempt {
                let found = try Self.archives(in: path)
                try store.forgetPreloads(except: Set(found))
                return found
            }
        } catch {
            return tell("\(path): \(error)")
        }
        for archive in archives {
            switch await Worker.run({ Self.load(archive, into: store) }) {
            case .known: break
            case .loaded(let images):
                Log.notice("\(archive): loaded \(images.map(\.name).joined(separator: ", "))")
                changed()
            case .failed(let problem):
                tell(problem)
                // What came before the problem is there.
                changed()
            }
        }
    }

    private func tell(_ problem: String) {
        record(PodRecord(.warning, "PreloadFailed", problem))
    }

    // MARK: On a worker

    private enum Outcome: Sendable {
        case known
        case loaded([LoadedImage])
        case failed(String)
    }

    /// The paths of what is to be loaded, in name order. None where there is no such directory. Names that begin with a
    /// dot are those of files that are still being copied.
    nonisolated private static func archives(in path: String) throws(SystemFailure) -> [String] {
        do {
            let names = try RootedDirectory(hostPath: path).entries()
            return names.filter { !$0.hasPrefix(".") }.map { "\(path)/\($0)" }
        } catch  where error.errno == ENOENT {
            return []
        }
    }

    nonisolated private static func load(_ path: String, into store: ImageStore) -> Outcome {
        do {
            let stamp = try FileStamp(of: path)
            if try store.isPreloaded(path, stamp) { return .known }
            CrashPoint.beforePreload.pass()
            let images = try store.load(path: path)
            CrashPoint.afterPreload.pass()
            // One that was written to meanwhile is loaded again by the next agent.
            if try FileStamp(of: path) == stamp {
                try store.notePreload(path, stamp, images: Set(images.map(\.id)))
            }
            CrashPoint.afterPreloadRecord.pass()
            return .loaded(images)
        } catch let failure as ImageFailure {
            return .failed("\(failure)")
        } catch {
            return .failed("\(path): \(error)")
        }
    }
}

/// Why something in the preload directory is not looked into.
private struct NotAnArchive: Error, CustomStringConvertible {
    let description = "not a file: what is to be preloaded is a file that `podagent image load` would take"
}

extension FileStamp {
    /// stat(2) of a regular file, or of the one that a link leads to.
    init(of path: String) throws {
        var status = stat()
        try check("stat", path) { stat(path, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw NotAnArchive() }
        self.init(
            size: Int64(status.st_size),
            modifiedAt: status.modifiedAt,
            inode: UInt64(status.st_ino)
        )
    }
}
