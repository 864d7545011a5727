import CNamespaces
import Glibc
import PodCore

/// The directory in which the node's network is described: `/etc/cni/net.d`. Blocks.
struct CNIDirectory: Sendable {
    let path: String

    private static let sizeMax = 1 << 20
    private static let forms: [(suffix: String, form: CNINetwork.Form)] = [
        (".conflist", .list), (".conf", .single), (".json", .single),
    ]

    /// The network: that of the first file by name that describes one, as with other runtimes. Read anew each time, for
    /// it is usual that the file comes after the agent, and changes.
    func network() throws -> CNINetwork {
        var refused: [String] = []
        for name in try names() {
            guard let form = Self.forms.first(where: { name.hasSuffix($0.suffix) })?.form else { continue }
            do {
                return try network(name, form)
            } catch {
                refused.append("\(name): \(error)")
            }
        }
        let why =
            refused.isEmpty ? "there is no .conflist, .conf or .json file" : refused.joined(separator: "; ")
        throw CommandFailure("no network configuration in \(path): \(why)")
    }

    private func names() throws -> [String] {
        do throws(SystemFailure) {
            return try RootedDirectory(hostPath: path).entries()
        } catch {
            throw CommandFailure("no network configuration in \(path): \(errnoText(error.errno))")
        }
    }

    /// The directory's owner may have made links to elsewhere.
    private func network(_ name: String, _ form: CNINetwork.Form) throws -> CNINetwork {
        let file = "\(path)/\(name)"
        let raw = try check("open", file) { cns_openat(AT_FDCWD, file, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0) }
        let bytes = try readRegularFile(Descriptor(adopting: raw), subject: file, limit: Self.sizeMax)
        let parsed = JSONReader.read(bytes)
        guard parsed.problems.isEmpty, let document = parsed.documents.first, parsed.documents.count == 1
        else {
            let problem = parsed.problems.first.map(\.description) ?? "there is not one value in it"
            throw CNIConfigurationFailure.notJSON(problem)
        }
        return try CNINetwork(document, form: form)
    }
}
