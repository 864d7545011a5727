import Glibc
import PodCore

/// Keeps the places at which others find this node: the socket for clients, the lock for a second agent, the shims'
/// sockets for the next one. Somebody who cleans up `/run` takes them away from under a node that is alive and well; they
/// are made again at once, and an event says so.
@NodeActor
final class PlaceKeeper {
    private let node: Node
    private let listener: UnixListener
    private var watch: PathWatch?

    /// Something may be removed while it is being made again; whoever does so without end is not raced for ever.
    private static let roundsMax = 10

    init(node: Node, listener: UnixListener) {
        self.node = node
        self.listener = listener
    }

    /// Begins to watch. A node that cannot is told so and runs all the same.
    func start() {
        do {
            let socket = try listener.paths.map(NodeDirectories.absolute)
            let watch = PathWatch(paths: socket + node.context.directories.runDirectory.paths) {
                [weak self] in self?.look()
            }
            try watch.start()
            self.watch = watch
            look()
        } catch {
            report(
                "PlacesUnwatched",
                "should the socket or the run directory be removed, it stays so: \(error)"
            )
        }
    }

    /// Stops for good: what the ending agent removes is not made again.
    func stop() {
        watch?.stop()
        watch = nil
    }

    /// Makes again what is missing, until a look finds everything in its place.
    private func look() {
        for _ in 0..<Self.roundsMax {
            watch?.renew()
            if !makeWhole() { return }
        }
    }

    /// Whether it has made anything, so that another look is needed.
    private func makeWhole() -> Bool {
        var made = false
        do {
            let missing = try node.context.directories.runDirectory.makeWhole()
            if !missing.isEmpty {
                made = true
                report(
                    "RunDirectoryRestored",
                    "\(missing.joined(separator: ", ")) had been removed; made again"
                )
                restoreShims()
            }
        } catch {
            report(
                "RunDirectoryLost",
                "the run directory has been removed and cannot be made again: \(error)"
            )
        }
        do throws(ListenerFailure) {
            let missing = try listener.makeWhole()
            if !missing.isEmpty {
                made = true
                report("SocketRestored", "\(missing.joined(separator: ", ")) had been removed; made again")
            }
        } catch {
            report("SocketLost", "the socket \(listener.path) is gone and cannot be made again: \(error)")
        }
        return made
    }

    private func restoreShims() {
        var failures: [String] = []
        for worker in node.allWorkers {
            do { try worker.restoreShimSocket() } catch {
                failures.append("\(worker.pod.metadata.name) (\(error))")
            }
        }
        guard !failures.isEmpty else { return }
        report(
            "ShimUnreachable",
            "the shims of \(failures.joined(separator: ", ")) have no socket any more; these Pods go on while this "
                + "podagent lives, and are restarted when the next one starts"
        )
    }

    private func report(_ reason: String, _ message: String) {
        node.context.events.recordNode(PodRecord(.warning, reason, message))
    }
}
