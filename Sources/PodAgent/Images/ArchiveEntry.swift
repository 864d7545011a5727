import CArchive
import Glibc

/// One entry of a tar archive, copied out of libarchive. Nothing in it has been judged yet.
struct ArchiveEntry {
    enum Kind: Hashable {
        case file
        case directory
        case symbolicLink(target: [UInt8])
        /// Another name of an object that came before.
        case hardLink(target: [UInt8])
        case fifo
        case device
        case other
    }

    /// nil when there is none that could be read.
    var name: [UInt8]?
    var kind: Kind
    /// Permission bits with setuid, setgid and sticky.
    var mode: UInt32
    var uid: Int64
    var gid: Int64
    var modifiedAt: timespec
    /// The content's size in bytes, holes included.
    var size: Int64
    var attributes: [(name: String, value: [UInt8])]
}

extension ArchiveEntry {
    init(_ entry: OpaquePointer) {
        name = archive_entry_pathname(entry).map(bytes(of:))
        kind = Self.kind(of: entry)
        mode = archive_entry_perm(entry)
        uid = archive_entry_uid(entry)
        gid = archive_entry_gid(entry)
        modifiedAt = timespec(tv_sec: archive_entry_mtime(entry), tv_nsec: archive_entry_mtime_nsec(entry))
        size = archive_entry_size(entry)
        attributes = Self.attributes(of: entry)
    }

    private static func kind(of entry: OpaquePointer) -> Kind {
        if let target = archive_entry_hardlink(entry) { return .hardLink(target: bytes(of: target)) }
        switch archive_entry_filetype(entry) {
        case S_IFREG: return .file
        case S_IFDIR: return .directory
        case S_IFLNK: return .symbolicLink(target: archive_entry_symlink(entry).map(bytes(of:)) ?? [])
        case S_IFIFO: return .fifo
        case S_IFCHR, S_IFBLK: return .device
        default: return .other
        }
    }

    private static func attributes(of entry: OpaquePointer) -> [(name: String, value: [UInt8])] {
        var attributes: [(name: String, value: [UInt8])] = []
        archive_entry_xattr_reset(entry)
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        while archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK {
            guard let name else { continue }
            attributes.append(
                (String(cString: name), Array(UnsafeRawBufferPointer(start: value, count: size)))
            )
        }
        // libarchive takes access lists out of the attributes; the tree that is made does not have any.
        if archive_entry_acl_types(entry) & (ARCHIVE_ENTRY_ACL_TYPE_ACCESS | ARCHIVE_ENTRY_ACL_TYPE_DEFAULT)
            != 0
        {
            attributes.append(("system.posix_acl_access", []))
        }
        return attributes
    }
}

private func bytes(of text: UnsafePointer<CChar>) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
}
