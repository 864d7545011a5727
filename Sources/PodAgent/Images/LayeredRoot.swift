import CNamespaces
import Glibc

/// A stack of layers, seen as overlayfs shows it, without mounting it: higher layers cover lower ones, whiteouts hide,
/// links lead inside. For the few files that the agent must read before there is a container.
struct LayeredRoot {
    /// Highest first.
    let layers: [RootedDirectory]

    /// How many symbolic links may be met on the way, as in the kernel.
    private static let linksMax = 40
    private static let depthMax = 256

    private enum Found {
        case nothing
        /// The directories of this name that are merged, highest first.
        case directory([RootedDirectory])
        case link(target: [UInt8])
        /// Anything else, and the layer's directory that holds it.
        case object(in: RootedDirectory)
    }

    /// Reads a regular file of at most `limit` bytes; nil when there is none.
    func read(_ path: String, limit: Int) throws(SystemFailure) -> [UInt8]? {
        var rest = Array(Self.components(Array(path.utf8)).reversed())
        var stack = [layers]
        var links = 0
        while let component = rest.popLast() {
            if component == Array("..".utf8) {
                if stack.count > 1 { stack.removeLast() }
                continue
            }
            guard stack.count <= Self.depthMax, let here = stack.last else {
                throw SystemFailure(call: "read", subject: path, errno: ELOOP)
            }
            let leaf = FileName(bytes: component)
            switch try find(leaf, in: here) {
            case .nothing: return nil
            case .directory(let merged): stack.append(merged)
            case .link(let target):
                links += 1
                guard links <= Self.linksMax else {
                    throw SystemFailure(call: "read", subject: path, errno: ELOOP)
                }
                if target.first == UInt8(ascii: "/") { stack = [layers] }
                rest += Self.components(target).reversed()
            case .object(let holder):
                guard rest.isEmpty else { return nil }
                let flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW
                let descriptor = try holder.open(leaf, flags: flags, resolution: .beneathWithoutLinks)
                return try readRegularFile(descriptor, subject: "\(holder.name)/\(leaf)", limit: limit)
            }
        }
        throw SystemFailure(call: "read", subject: path, errno: EISDIR)
    }

    private static func components(_ path: [UInt8]) -> [[UInt8]] {
        path.split(separator: UInt8(ascii: "/")).map(Array.init).filter { $0 != Array(".".utf8) }
    }

    private func find(
        _ leaf: FileName,
        in here: [RootedDirectory]
    ) throws(SystemFailure) -> Found {
        var merged: [RootedDirectory] = []
        search: for directory in here {
            switch try directory.kind(of: leaf) {
            case .absent: continue
            case .whiteout: break search
            case .directory:
                let entry = try directory.entry(directory: leaf)
                merged.append(entry)
                if Self.isOpaque(entry) { break search }
            case .symbolicLink where merged.isEmpty:
                return .link(target: try directory.target(ofSymbolicLink: leaf))
            case .file where merged.isEmpty, .other where merged.isEmpty: return .object(in: directory)
            case .symbolicLink, .file, .other: break search
            }
        }
        return merged.isEmpty ? .nothing : .directory(merged)
    }

    private static func isOpaque(_ directory: RootedDirectory) -> Bool {
        var value: UInt8 = 0
        // A directory without the attribute is an ordinary one.
        return cns_fgetxattr(directory.raw, "trusted.overlay.opaque", &value, 1) == 1
            && value == UInt8(ascii: "y")
    }
}
