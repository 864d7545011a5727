import CNamespaces
import Glibc
import PodCore

/// The node's own credentials for registries: docker configurations in files, read anew for each pull, so that a file
/// that is changed counts at once. Reading blocks.
///
/// The places are the kubelet's, but for its working directory, which is nobody's choice in a service. All that are
/// there count, in this order; the kubelet stops at the first. (`pkg/credentialprovider/config.go`.)
struct NodeCredentials: Hashable, Sendable {
    private struct Place: Hashable {
        let path: String
        /// Whether the configuration names it.
        let isNamed: Bool
    }

    private let places: [Place]

    /// - Parameters:
    ///   - files: those of the setting `registry-credentials`.
    ///   - statePath: the state directory.
    ///   - root: what stands before the places that are looked into anyway; empty but for tests.
    init(files: [String], statePath: String, root: String = "") {
        let usual = [
            "\(statePath)/config.json", "\(root)/root/.docker/config.json", "\(root)/.docker/config.json",
            "\(statePath)/.dockercfg", "\(root)/root/.dockercfg", "\(root)/.dockercfg",
        ]
        let named = files.map { Place(path: $0, isNamed: true) }
        places = named + usual.filter { !files.contains($0) }.map { Place(path: $0, isNamed: false) }
    }

    /// What the files say, in order, and what is wrong with them, a line each. Files that are not there are nothing
    /// wrong, but for those that the configuration names.
    func configurations() -> (found: [DockerConfiguration], problems: [String]) {
        var found: [DockerConfiguration] = []
        var problems: [String] = []
        for place in places {
            do {
                let configuration = try Self.read(place.path)
                found.append(configuration)
                problems += configuration.notes.map { "\(place.path): \($0)" }
            } catch let error as SystemFailure {
                if !place.isNamed, error.errno == ENOENT || error.errno == ENOTDIR { continue }
                problems.append("credentials for registries: \(error)")
            } catch {
                problems.append("\(place.path): \(error)")
            }
        }
        return (found, problems)
    }

    private static func read(_ path: String) throws -> DockerConfiguration {
        // Not blocking, because a FIFO must not hold up a pull before it is refused.
        let raw = try check("open", path) { cns_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0) }
        let limit = DockerConfiguration.sizeMax
        let bytes = try readRegularFile(Descriptor(adopting: raw), subject: path, limit: limit)
        let name = RootedDirectory.split(path).leaf
        return try DockerConfiguration(parsing: bytes, form: DockerConfiguration.Form(fileName: name))
    }
}

extension NodeContext {
    /// Where the node's credentials are, as the configuration in effect has it.
    @NodeActor var credentials: NodeCredentials {
        NodeCredentials(files: options.registryCredentials, statePath: directories.statePath)
    }
}
