import CNamespaces
import Glibc

/// The podshim program, ready to be executed by descriptor.
///
/// The descriptor stands for the file seen through a read-only mount of its own. A container whose program is
/// `/proc/self/exe` gets hold of that file, and cannot write to it (CVE-2019-5736 was such a write).
final class ShimProgram: Sendable {
    private let descriptor: Descriptor

    /// Opens the program at `path`. Anything that could not be executed fails here rather than at the first Pod.
    init(path: String) throws(SystemFailure) {
        let tree = try check("open_tree", path) {
            cns_open_tree(AT_FDCWD, path, UInt32(OPEN_TREE_CLONE))
        }
        descriptor = Descriptor(adopting: tree)
        var status = stat()
        try check("fstat", path) { fstat(tree, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SystemFailure(call: "execveat", subject: path, errno: EACCES)
        }
        try check("faccessat", path) { faccessat(tree, "", X_OK, AT_EMPTY_PATH) }
        let set = UInt64(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
        try check("mount_setattr", path) { cns_mount_setattr(tree, 0, set, 0, cns_ms_private) }
    }

    /// Starts a shim that listens on `listener`, born in the cgroup that `cgroup` is a descriptor of.
    func spawn(
        listener: borrowing Descriptor,
        cgroup: borrowing Descriptor,
        label: String
    ) throws(SystemFailure) -> SpawnedShim {
        var pidfd: Int32 = -1
        let arguments = ["podshim", label]
        let pid = withCStrings(arguments) { arguments in
            withCStrings([]) { environment in
                withUnsafePointer(to: listener.raw) { descriptors in
                    var program = cns_program(
                        program_fd: descriptor.raw,
                        arguments: arguments,
                        environment: environment,
                        descriptors: descriptors,
                        descriptor_count: 1,
                        cgroup_fd: cgroup.raw,
                        namespaces: 0
                    )
                    return cns_spawn(&program, &pidfd)
                }
            }
        }
        guard pid > 0 else { throw .current("clone3", "podshim for \(label)") }
        return SpawnedShim(pid: pid, pidfd: Descriptor(adopting: pidfd))
    }
}

/// A shim that this podagent has started and must reap. One found after a restart is somebody else's child.
struct SpawnedShim: ~Copyable {
    let pid: pid_t
    let pidfd: Descriptor

    init(pid: pid_t, pidfd: consuming Descriptor) {
        self.pid = pid
        self.pidfd = pidfd
    }

    /// Waits for the end of the shim in the background, whatever becomes of the sandbox that it was started for.
    consuming func reapWhenEnded() throws(SystemFailure) {
        let pid = pid
        let ended = SharedDescriptor(pidfd)
        // The registration keeps the pidfd.
        _ = try NodeActor.events.add(ended.raw, EPOLLIN, subject: "podshim \(pid)") { key in
            guard waitpid(pid, nil, WNOHANG) != 0 else { return }
            NodeActor.events.remove(key)
            withExtendedLifetime(ended) {}
        }
    }
}

/// Calls `body` with a null-terminated list of C strings.
func withCStrings<Result>(
    _ strings: [String],
    _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers = strings.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeBufferPointer { buffer in
        // There is at least the ending null, so the buffer has a base address.
        // swift-format-ignore: NeverForceUnwrap
        body(buffer.baseAddress!)
    }
}
