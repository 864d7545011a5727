import Glibc
import PodCore

/// Who the users of an image are.
extension ImageStore {
    /// Account files larger than this are refused: the agent's memory is not the image's to fill.
    private static let accountFileLimit = 4 << 20

    /// Reads `/etc/passwd` and `/etc/group` as a container of this image finds them. A file that is not there is empty.
    func accounts(of image: ResolvedImage) throws(ImageFailure) -> AccountFiles {
        do throws(SystemFailure) {
            let root = try root(of: image)
            return AccountFiles(
                passwd: try root.read("etc/passwd", limit: Self.accountFileLimit) ?? [],
                group: try root.read("etc/group", limit: Self.accountFileLimit) ?? []
            )
        } catch {
            throw .accounts(image: image.name, error)
        }
    }

    private func root(of image: ResolvedImage) throws(SystemFailure) -> LayeredRoot {
        switch image.root {
        case .directory(let path): return LayeredRoot(layers: [try RootedDirectory(hostPath: path)])
        case .layers(let names):
            var opened: [RootedDirectory] = []
            for name in names { opened.append(try layers.entry(directory: FileName(name))) }
            return LayeredRoot(layers: opened)
        }
    }
}
