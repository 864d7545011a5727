import CNamespaces
import Glibc
import PodCore

/// hostPath volumes (reference §9.3). Paths are the node owner's: they are resolved from the node's root, and links are
/// followed.
enum HostPath {
    /// Checks the type, and makes what the type says is to be made.
    static func prepare(_ source: HostPathVolumeSource, volume: String) throws(VolumeFailure) {
        let path = source.path
        var status = stat()
        let missing = stat(path, &status) != 0
        if missing { try makeMissing(source, volume: volume) }
        guard stat(path, &status) == 0 || source.type == .unchecked else {
            throw fails(volume, path, wanted(source.type))
        }
        let format = status.st_mode & S_IFMT
        let expected: UInt32? =
            switch source.type {
            case .unchecked: nil
            case .directory, .directoryOrCreate: S_IFDIR
            case .file, .fileOrCreate: S_IFREG
            case .socket: S_IFSOCK
            case .charDevice: S_IFCHR
            case .blockDevice: S_IFBLK
            }
        if let expected, format != expected { throw fails(volume, path, wanted(source.type)) }
    }

    /// A detached copy of what is at the path, with the mounts beneath it.
    static func openTree(_ source: HostPathVolumeSource) throws(SystemFailure) -> MountSource {
        try MountSource.clone(directory: AT_FDCWD, path: source.path, recursive: true, subject: source.path)
    }

    private static func makeMissing(_ source: HostPathVolumeSource, volume: String) throws(VolumeFailure) {
        do throws(SystemFailure) {
            switch source.type {
            case .directoryOrCreate, .unchecked:
                // The runtime makes a directory for a path that nothing is said about, as containerd does.
                _ = try RootedDirectory(hostPath: "/").makeDirectory(source.path, mode: 0o755)
            case .fileOrCreate:
                let made = try check("open", source.path) {
                    cns_openat(AT_FDCWD, source.path, O_WRONLY | O_CREAT | O_EXCL, 0o644)
                }
                close(made)
            case .directory, .file, .socket, .charDevice, .blockDevice: break
            }
        } catch {
            throw VolumeFailure(volume: volume, cause: error.description)
        }
    }

    private static func wanted(_ type: HostPathType) -> String {
        switch type {
        case .file, .fileOrCreate: "file"
        case .socket: "socket file"
        case .charDevice: "character device"
        case .blockDevice: "block device"
        case .unchecked, .directory, .directoryOrCreate: "directory"
        }
    }

    private static func fails(_ volume: String, _ path: String, _ kind: String) -> VolumeFailure {
        VolumeFailure(volume: volume, cause: "hostPath type check failed: \(path) is not a \(kind)")
    }
}

/// A volume that could not be made ready, in the kubelet's words.
struct VolumeFailure: Error, Hashable, Sendable, CustomStringConvertible {
    let volume: String
    let cause: String

    var description: String { "MountVolume.SetUp failed for volume \"\(volume)\" : \(cause)" }
}

/// A detached mount that a container will have, and what it is.
struct MountSource: Sendable {
    let descriptor: SharedDescriptor
    let isDirectory: Bool

    /// open_tree(2) with OPEN_TREE_CLONE; the copy takes no part in the propagation of the original.
    static func clone(
        directory: Int32,
        path: String,
        recursive: Bool,
        subject: String
    ) throws(SystemFailure) -> MountSource {
        var flags = UInt32(OPEN_TREE_CLONE)
        if recursive { flags |= 0x8000 }  // AT_RECURSIVE
        if path.isEmpty { flags |= 0x1000 }  // AT_EMPTY_PATH
        let tree = try check("open_tree", subject) { cns_open_tree(directory, path, flags) }
        let descriptor = SharedDescriptor(Descriptor(adopting: tree))
        try check("mount_setattr", subject) {
            cns_mount_setattr(tree, recursive ? 1 : 0, 0, 0, cns_ms_private)
        }
        var status = stat()
        try check("fstat", subject) { fstat(tree, &status) }
        return MountSource(descriptor: descriptor, isDirectory: status.st_mode & S_IFMT == S_IFDIR)
    }
}
