import Glibc

/// Locks that several processes honour. (flock(2): the kernel lets go of one when its holder dies.)
enum StoreLock {
    /// Several holders at once.
    case shared
    case exclusive

    fileprivate var operation: Int32 {
        switch self {
        case .shared: LOCK_SH
        case .exclusive: LOCK_EX
        }
    }
}

extension RootedDirectory {
    /// Waits until the lock on a file of this directory is free and holds it while `body` runs.
    func holding<Result, Failure: Error>(
        _ lock: StoreLock,
        on leaf: String,
        failing: (SystemFailure) -> Failure,
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let file: SharedDescriptor
        do throws(SystemFailure) {
            file = try lockFile(leaf)
            try check("flock", "\(name)/\(leaf)") { flock(file.raw, lock.operation) }
        } catch {
            throw failing(error)
        }
        // Closing would do; the explicit call keeps the descriptor alive until here.
        defer { _ = flock(file.raw, LOCK_UN) }
        return try body()
    }

    /// Runs `body` alone, if nobody holds the lock in any way; otherwise does nothing and returns nil.
    func ifNobodyHolds<Result, Failure: Error>(
        _ leaf: String,
        failing: (SystemFailure) -> Failure,
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        let file: SharedDescriptor
        do throws(SystemFailure) {
            file = try lockFile(leaf)
            try check("flock", "\(name)/\(leaf)") { flock(file.raw, LOCK_EX | LOCK_NB) }
        } catch  where error.errno == EWOULDBLOCK {
            return nil
        } catch {
            throw failing(error)
        }
        defer { _ = flock(file.raw, LOCK_UN) }
        return try body()
    }

    /// Each lock has an open file of its own, so that two threads of one process exclude each other too.
    private func lockFile(_ leaf: String) throws(SystemFailure) -> SharedDescriptor {
        let flags = O_RDWR | O_CREAT | O_NOFOLLOW
        return SharedDescriptor(
            try open(leaf, flags: flags, mode: 0o600, resolution: .beneathWithoutLinks)
        )
    }
}
