import CNamespaces
import Glibc

/// The terminal on standard input in raw mode: every key goes to the other side at once, Ctrl-C included.
///
/// As long as it lasts, the signals that would end the program are read from a descriptor, so that the terminal can
/// be given back first; so is the one that says that the window has another size.
final class RawTerminal {
    private let old: termios
    private let caught: SignalDescriptor

    init() throws(SystemFailure) {
        var old = termios()
        try check("tcgetattr", "standard input") { tcgetattr(0, &old) }
        self.old = old
        caught = try SignalDescriptor([SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGQUIT])
        var new = old
        cfmakeraw(&new)
        try check("tcsetattr", "standard input") { tcsetattr(0, TCSADRAIN, &new) }
    }

    /// Readable when a signal has come.
    var signals: Int32 { caught.raw }

    /// The signals that have come since the last look.
    func pendingSignals() -> [Int32] { caught.pending() }

    deinit {
        var old = old
        // Nothing can be done about a terminal that has gone.
        _ = tcsetattr(0, TCSADRAIN, &old)
        caught.restoreMask()
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
