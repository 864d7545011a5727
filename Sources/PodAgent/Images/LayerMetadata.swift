import CNamespaces
import Glibc
import PodCore

/// Owners, modes, times and extended attributes.
extension LayerTree {
    /// Owner, mode and attributes of an open file or directory, in the order in which the kernel keeps them: a change
    /// of owner takes the setuid bit and file capabilities away.
    func setMetadata(
        _ entry: ArchiveEntry,
        of raw: Int32,
        _ subject: String
    ) throws(SystemFailure) {
        try check("fchown", subject) { fchown(raw, uid_t(entry.uid), gid_t(entry.gid)) }
        try check("fchmod", subject) { fchmod(raw, entry.mode & 0o7777) }
        for attribute in entry.attributes { try set(attribute, of: raw, subject) }
    }

    /// Only file capabilities and users' own attributes come from an image. `trusted.overlay.*` would steer the overlay
    /// mount, and labels of another host's security module mean nothing on this one.
    private func set(
        _ attribute: (name: String, value: [UInt8]),
        of raw: Int32,
        _ subject: String
    ) throws(SystemFailure) {
        let isUsers = attribute.name.hasPrefix("user.") && !attribute.name.hasPrefix("user.overlay.")
        guard isUsers || attribute.name == "security.capability" else { return drop([attribute]) }
        do {
            try check("fsetxattr", subject) {
                cns_fsetxattr(raw, attribute.name, attribute.value, attribute.value.count, 0)
            }
        } catch  where isUsers && error.errno == EOPNOTSUPP {
            drop([attribute])
        }
    }

    /// Remembers that something was left out, so that whoever loads the image is told.
    func drop(_ attributes: [(name: String, value: [UInt8])]) {
        for attribute in attributes where facts.droppedAttributes.count < Self.droppedAttributesMax {
            facts.droppedAttributes.insert(printable(attribute.name.prefix(64)))
        }
    }

    func setOwnerAndTime(
        _ entry: ArchiveEntry,
        _ leaf: FileName,
        in parent: RootedDirectory
    ) throws(SystemFailure) {
        let subject = "\(parent.name)/\(leaf)"
        try check("fchownat", subject) {
            fchownat(parent.raw, leaf.cString, uid_t(entry.uid), gid_t(entry.gid), AT_SYMLINK_NOFOLLOW)
        }
        let times = Self.times(entry.modifiedAt)
        try check("utimensat", subject) {
            utimensat(parent.raw, leaf.cString, times, AT_SYMLINK_NOFOLLOW)
        }
    }

    /// Making something in a directory changes the directory's time, which an earlier entry may have set. Putting it
    /// back each time needs no memory of directories, of which a layer may have any number.
    func keepingTime<Result>(
        of directory: RootedDirectory,
        _ body: () throws(LayerProblem) -> Result
    ) throws(LayerProblem) -> Result {
        var status = stat()
        try system { () throws(SystemFailure) in
            _ = try check("fstat", directory.name) { fstat(directory.raw, &status) }
        }
        let result = try body()
        try system { () throws(SystemFailure) in
            try setTime(status.st_mtim, of: directory.raw, directory.name)
        }
        return result
    }

    func setTime(_ time: timespec, of raw: Int32, _ subject: String) throws(SystemFailure) {
        let times = Self.times(time)
        try check("futimens", subject) { futimens(raw, times) }
    }

    /// Access times are not kept. Nanoseconds out of range would be one of the kernel's special values.
    private static func times(_ modifiedAt: timespec) -> [timespec] {
        var time = modifiedAt
        if !(0..<1_000_000_000).contains(time.tv_nsec) { time.tv_nsec = 0 }
        return [time, time]
    }
}

/// What tells overlayfs not to show what lower layers have in a directory.
/// (Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".)
enum OpaqueMark {
    static let name = "trusted.overlay.opaque"

    /// Needs CAP_SYS_ADMIN, as all `trusted` attributes do (xattr(7)).
    static func set(on directory: RootedDirectory) throws(SystemFailure) {
        try set(on: directory.raw, directory.name)
    }

    static func set(on raw: Int32, _ subject: String) throws(SystemFailure) {
        try check("fsetxattr", "\(subject) \(name)") { cns_fsetxattr(raw, name, "y", 1, 0) }
    }
}
