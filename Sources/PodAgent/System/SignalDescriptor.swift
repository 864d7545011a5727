import CNamespaces
import Glibc

/// Signals that are read from a descriptor, signalfd(2), instead of interrupting something.
///
/// They are blocked in the calling thread and in those that it starts from then on, so this is made before other
/// threads are. Dispatch's own signal sources are not used: a signal that reaches one of Dispatch's threads at the
/// wrong moment stays pending on that thread for good, and the source never hears of it.
final class SignalDescriptor: Sendable {
    private let descriptor: Descriptor
    private let oldMask: sigset_t

    /// Begins to catch the signals.
    init(_ signals: [Int32]) throws(SystemFailure) {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        var oldMask = sigset_t()
        pthread_sigmask(SIG_BLOCK, &set, &oldMask)
        let raw = cns_signalfd(signals.reduce(0) { $0 | 1 << UInt64($1 - 1) })
        guard raw >= 0 else {
            let failure = SystemFailure.current("signalfd", "signals")
            pthread_sigmask(SIG_SETMASK, &oldMask, nil)
            throw failure
        }
        descriptor = Descriptor(adopting: raw)
        self.oldMask = oldMask
    }

    /// Readable when a signal has come.
    var raw: Int32 { descriptor.raw }

    /// The signals that have come since the last look.
    func pending() -> [Int32] {
        var found: [Int32] = []
        // Of struct signalfd_siginfo only the number matters, which comes first.
        var info = [UInt32](repeating: 0, count: 32)
        while read(raw, &info, 128) == 128 { found.append(Int32(info[0])) }
        return found
    }

    /// Gives the calling thread, the one that made this, its old mask back.
    func restoreMask() {
        var oldMask = oldMask
        pthread_sigmask(SIG_SETMASK, &oldMask, nil)
    }
}
