import CNamespaces
import Glibc
import PodCore

/// Opens, judges and reads one entry of the manifest directory. Runs on a worker.
///
/// A manifest tells root what to run, so a file counts only if those who could write it are trusted already: it,
/// and the symbolic link that leads to it, must belong to root, to the user that podagent runs as, or to the
/// owner of the directory (who could put any file there anyway), and it must not be writable by everyone. Group
/// access is left to the owner, as with sudoers' directories. A directory that everyone may write to is only
/// warned about, because what strangers add to it is refused by the rule above. Directories, FIFOs, sockets and
/// devices are never opened for reading.
struct ManifestReader: Sendable {
    private let directory: RootedDirectory
    private let watched: WatchedDirectory

    private var path: String { watched.path }

    /// Opens the directory for as long as the reader lives, which must not be long: the kernel reports that a
    /// directory was deleted only when nobody has it open any more. nil if it is not the watched one by now.
    init?(_ watched: WatchedDirectory) throws(SystemFailure) {
        do throws(SystemFailure) {
            directory = try RootedDirectory(hostPath: watched.path)
        } catch {
            if error.errno == ENOENT || error.errno == ENOTDIR { return nil }
            throw error
        }
        guard try WatchedDirectory(directory, path: watched.path).isSame(as: watched) else { return nil }
        self.watched = watched
    }

    /// The names in the directory.
    func names() throws(SystemFailure) -> [String] { try directory.entries() }

    /// What was found under a name.
    enum Finding: Sendable {
        /// A file that was read whole. `isPrivate` says that nobody but its owner may read it; `target` is the opened
        /// file if a symbolic link led to it.
        case content([UInt8], modifiedAt: Timestamp, isPrivate: Bool, target: SharedDescriptor?)
        /// A manifest by its name that may not or cannot be read.
        case unreadable(String)
        /// Something that is not a manifest.
        case notManifest(String)
        /// Somebody has the file open for writing; its closing will be an event.
        case beingWritten
        /// Nothing has that name any more.
        case gone
    }

    /// How sure the caller is that the file is complete, where the file system cannot tell.
    enum Trigger: Sendable {
        /// It was closed after writing, renamed into place, or found in a listing.
        case complete
        /// It was created, or its attributes changed; it may still be empty.
        case uncertain
    }

    func read(_ name: String, trigger: Trigger) -> Finding {
        do throws(SystemFailure) {
            var entry = stat()
            try check("fstatat", "\(path)/\(name)") {
                fstatat(directory.raw, name, &entry, AT_SYMLINK_NOFOLLOW)
            }
            if case .ignored(let reason) = ManifestName(name) { return .notManifest(reason) }
            let isLink = entry.st_mode & S_IFMT == S_IFLNK
            if isLink, let refusal = ownerRefusal(entry, "the symbolic link") { return .unreadable(refusal) }
            if !isLink, let kind = Self.kindThatIsNoFile(entry) { return .notManifest(kind) }
            return try open(name, isLink: isLink, trigger: trigger)
        } catch {
            return error.errno == ENOENT ? .gone : .unreadable("\(error)")
        }
    }

    private func open(_ name: String, isLink: Bool, trigger: Trigger) throws(SystemFailure) -> Finding {
        let subject = "\(path)/\(name)"
        // O_PATH first: opening a FIFO or a device for reading would already be an act.
        let raw = cns_openat(directory.raw, name, O_PATH, 0)
        guard raw >= 0 else {
            // The name itself was there a moment ago.
            if isLink && errno == ENOENT { return .unreadable("the symbolic link leads nowhere") }
            throw .current("openat", subject)
        }
        let found = Descriptor(adopting: raw)
        var status = stat()
        let foundRaw = found.raw
        try check("fstat", subject) { fstat(foundRaw, &status) }
        if let kind = Self.kindThatIsNoFile(status) { return .notManifest(kind) }
        if let refusal = refusal(status) { return .unreadable(refusal) }
        let opened = try check("open", subject) {
            cns_openat(AT_FDCWD, "/proc/self/fd/\(foundRaw)", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0)
        }
        return try read(
            SharedDescriptor(Descriptor(adopting: opened)),
            subject: subject,
            isLink: isLink,
            trigger: trigger
        )
    }

    /// Reads under a read lease where the file system has them (fcntl(2), F_SETLEASE): it is granted only while
    /// nobody has the file open for writing, and whoever opens it for writing waits the instant until we are done.
    /// So what is read is whole, even if the file was just being rewritten in place.
    private func read(
        _ file: SharedDescriptor,
        subject: String,
        isLink: Bool,
        trigger: Trigger
    ) throws(SystemFailure) -> Finding {
        // A writer that arrives breaks the lease with a signal: one that is ignored by default, not SIGIO, which
        // would end the program.
        _ = cns_fcntl(file.raw, F_SETSIG, SIGURG)
        if cns_fcntl(file.raw, F_SETLEASE, Int32(F_RDLCK)) != 0 {
            if errno == EAGAIN { return .beingWritten }
            if trigger == .uncertain && !isLink { return .beingWritten }
        }
        defer { _ = cns_fcntl(file.raw, F_SETLEASE, Int32(F_UNLCK)) }
        var status = stat()
        try check("fstat", subject) { fstat(file.raw, &status) }
        let limit = ManifestLimits().bytes
        guard status.st_size <= limit else {
            return .unreadable("\(status.st_size) bytes long; a manifest may have \(limit)")
        }
        let duplicate = try Descriptor(
            adopting: check("fcntl", subject) { fcntl(file.raw, F_DUPFD_CLOEXEC, 3) }
        )
        let bytes = try readRegularFile(duplicate, subject: subject, limit: limit)
        let modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        return .content(
            bytes,
            modifiedAt: Timestamp(nanoseconds: modified),
            isPrivate: status.st_mode & (S_IRGRP | S_IROTH) == 0,
            target: isLink ? file : nil
        )
    }

    private func refusal(_ status: stat) -> String? {
        if let refusal = ownerRefusal(status, "the file") { return refusal }
        guard status.st_mode & S_IWOTH == 0 else {
            return "everyone may write to the file, and what it says runs as root; chmod o-w it"
        }
        return nil
    }

    private func ownerRefusal(_ status: stat, _ what: String) -> String? {
        guard ![0, geteuid(), watched.owner].contains(status.st_uid) else { return nil }
        return "\(what) belongs to user \(status.st_uid), who is neither root nor the owner of \(path); "
            + "chown it if it is to run"
    }

    private static func kindThatIsNoFile(_ status: stat) -> String? {
        switch status.st_mode & S_IFMT {
        case S_IFREG: nil
        case S_IFDIR: "a directory; sub-directories are not read"
        case S_IFIFO: "a FIFO, not a file"
        case S_IFSOCK: "a socket, not a file"
        case S_IFCHR, S_IFBLK: "a device, not a file"
        default: "not a file"
        }
    }
}
