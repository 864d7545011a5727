import Glibc
import PodCore

/// The directories that entries lie in.
extension LayerTree {
    /// How many symbolic links may be met on the way to one entry, as in the kernel.
    private static let linksMax = 40

    /// The directory at a path of the layer. Links on the way lead inside the layer; what is missing is made, with mode
    /// 0755 and root for an owner.
    func directory(at path: LayerPath) throws(LayerProblem) -> RootedDirectory {
        if let lastParent, lastParent.path == path { return lastParent.directory }
        let directory: RootedDirectory
        do {
            let descriptor = try root.open(FileName(bytes: path.joined), flags: O_RDONLY | O_DIRECTORY)
            directory = RootedDirectory(adopting: descriptor, name: "\(root.name)/\(path)")
        } catch  where [ENOENT, ENOTDIR].contains(error.errno) {
            directory = try walk(path)
        } catch  where error.errno == ELOOP {
            throw .parentCannotBeReached
        } catch {
            throw .system(error)
        }
        lastParent = (path, directory)
        return directory
    }

    /// Goes down step by step and makes what is missing. Needed when something is, or when a whiteout or a link that
    /// leads to nothing yet is on the way.
    private func walk(_ path: LayerPath) throws(LayerProblem) -> RootedDirectory {
        var stack = [root]
        var rest = Array(path.components.reversed())
        var links = 0
        while let component = rest.popLast() {
            if component == Array("..".utf8) {
                if stack.count > 1 { stack.removeLast() }
                continue
            }
            guard stack.count <= limits.depth, let here = stack.last else { throw .parentCannotBeReached }
            let leaf = FileName(bytes: component)
            if let target = try link(leaf, in: here) {
                links += 1
                guard links <= Self.linksMax else { throw .parentCannotBeReached }
                if target.first == UInt8(ascii: "/") { stack = [root] }
                let parts = target.split(separator: UInt8(ascii: "/")).map(Array.init)
                rest += parts.filter { $0 != Array(".".utf8) }.reversed()
            } else {
                stack.append(try step(to: leaf, in: here))
            }
        }
        return stack.last ?? root
    }

    private func link(_ leaf: FileName, in here: RootedDirectory) throws(LayerProblem) -> [UInt8]? {
        try system { () throws(SystemFailure) in
            try here.kind(of: leaf) == .symbolicLink ? here.target(ofSymbolicLink: leaf) : nil
        }
    }

    private func step(
        to leaf: FileName,
        in here: RootedDirectory
    ) throws(LayerProblem) -> RootedDirectory {
        let kind = try system { () throws(SystemFailure) in try here.kind(of: leaf) }
        // Otherwise one entry could stand for as many directories as its name is deep.
        if kind != .directory { try count() }
        switch kind {
        case .absent, .directory, .whiteout:
            return try keepingTime(of: here) { () throws(LayerProblem) in
                try system { () throws(SystemFailure) in try makeOrKeepDirectory(leaf, in: here) }
            }
        case .file, .symbolicLink, .other: throw .parentIsNotADirectory
        }
    }
}
