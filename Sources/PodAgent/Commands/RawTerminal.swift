import CNamespaces
import Glibc

/// The terminal on standard input in raw mode: every key goes to the other side at once, Ctrl-C included.
///
/// As long as it lasts, the signals that would end the program are read from a descriptor, so that the terminal can
/// be given back first; so is the one that says that the window has another size.
final class RawTerminal {
    private static let caught = [SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGQUIT]

    private let old: termios
    private let oldMask: sigset_t
    /// Readable when a signal has come.
    let signals: Descriptor

    init() throws(SystemFailure) {
        var old = termios()
        try check("tcgetattr", "standard input") { tcgetattr(0, &old) }
        var set = sigset_t()
        sigemptyset(&set)
        for signal in Self.caught { sigaddset(&set, signal) }
        var oldMask = sigset_t()
        pthread_sigmask(SIG_BLOCK, &set, &oldMask)
        let raw = cns_signalfd(Self.caught.reduce(0) { $0 | 1 << UInt64($1 - 1) })
        guard raw >= 0 else {
            let failure = SystemFailure.current("signalfd", "the terminal")
            pthread_sigmask(SIG_SETMASK, &oldMask, nil)
            throw failure
        }
        self.old = old
        self.oldMask = oldMask
        signals = Descriptor(adopting: raw)
        var new = old
        cfmakeraw(&new)
        try check("tcsetattr", "standard input") { tcsetattr(0, TCSADRAIN, &new) }
    }

    /// The signals that have come since the last look.
    func pendingSignals() -> [Int32] {
        var found: [Int32] = []
        // Of struct signalfd_siginfo only the number matters, which comes first.
        var info = [UInt32](repeating: 0, count: 32)
        while read(signals.raw, &info, 128) == 128 { found.append(Int32(info[0])) }
        return found
    }

    deinit {
        var old = old
        var oldMask = oldMask
        // Nothing can be done about a terminal that has gone.
        _ = tcsetattr(0, TCSADRAIN, &old)
        pthread_sigmask(SIG_SETMASK, &oldMask, nil)
    }

    /// The size of the window behind a descriptor; nil when it is no terminal or has no size.
    static func size(of descriptor: Int32) -> TerminalSize? {
        var window = winsize()
        guard cns_ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0
        else {
            return nil
        }
        return TerminalSize(width: window.ws_col, height: window.ws_row)
    }
}
