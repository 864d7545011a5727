import Glibc
import PodCore

/// Takes the lock of flock(2) on an open file, for as long as it is open.
///
/// A lock that somebody holds is asked for again for a moment. An agent that was killed can leave it to a child that it
/// was just giving birth to: between clone and exec that has all of its descriptors (close-on-exec does not help before
/// the exec), and on a busy machine this is time enough for the next agent to come and be refused.
///
/// - Parameter patience: how long another holder is waited for.
/// - Throws: `EWOULDBLOCK` when it is held all the same.
func lockFile(
    _ raw: Int32,
    subject: String,
    patience: Duration = .seconds(2)
) throws(SystemFailure) {
    let end = Clock.tick() + patience
    while true {
        do {
            try check("flock", subject) { flock(raw, LOCK_EX | LOCK_NB) }
            return
        } catch  where error.errno == EWOULDBLOCK && Clock.tick() < end {
            // There is no flock(2) with a deadline, and a signal to interrupt one would be the whole process's.
            usleep(10_000)
        }
    }
}
