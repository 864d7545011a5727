import CNamespaces
import Glibc
import PodCore

/// When images were last used: the modification times of empty files, one for each image that ever was.
///
/// A file of its own, and not the image's record: a record is replaced as a whole when the image is loaded again, and would
/// be taken for used then. One call on a file that is there costs a start next to nothing, and nobody waits for the disk.
extension ImageStore {
    private static func useLeaf(_ id: String) -> String { Digest(of: Array(id.utf8)).shortName }

    /// A container is about to run from the image, or does.
    func noteUse(of id: String) throws(SystemFailure) {
        let leaf = Self.useLeaf(id)
        do throws(SystemFailure) {
            try check("utimensat", "\(useTimes.name)/\(leaf)") {
                utimensat(useTimes.raw, leaf, nil, AT_SYMLINK_NOFOLLOW)
            }
        } catch  where error.errno == ENOENT {
            // Somebody else may make it at the same moment, which is as good.
            let flags = O_WRONLY | O_CREAT | O_NOFOLLOW
            _ = try useTimes.open(leaf, flags: flags, mode: 0o600, resolution: .beneathWithoutLinks)
        }
    }

    /// When the image was last used; nil if it never was.
    func lastUse(of id: String) throws(SystemFailure) -> Timestamp? {
        guard let status = try useTimes.status(of: FileName(Self.useLeaf(id))) else { return nil }
        return status.modifiedAt
    }

    /// The files of these images.
    static func useLeaves(of ids: Set<String>) -> Set<String> { Set(ids.map(useLeaf)) }
}

extension stat {
    /// st_mtim.
    var modifiedAt: Timestamp {
        Timestamp(nanoseconds: Int64(st_mtim.tv_sec) * 1_000_000_000 + Int64(st_mtim.tv_nsec))
    }
}
