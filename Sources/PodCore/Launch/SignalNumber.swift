/// The numbers of signals on Linux, signal(7); the same on every processor that podagent runs on.
public enum SignalNumber {
    /// The number of a signal that is given by name, with or without `SIG`, or by number: `SIGTERM`, `quit`, `RTMIN+3`,
    /// `15`. Nil for what is none.
    public static func named(_ text: String) -> Int32? {
        let upper = text.uppercased()
        let name = upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper
        if let number = Int32(name) { return (1...64).contains(number) ? number : nil }
        if let number = numbers[name] { return number }
        for (base, sign) in [("RTMIN+", 1), ("RTMAX-", -1)] as [(String, Int32)] where name.hasPrefix(base) {
            guard let offset = Int32(name.dropFirst(base.count)), (0...30).contains(offset) else {
                return nil
            }
            return sign > 0 ? realTime.lowerBound + offset : realTime.upperBound - offset
        }
        return nil
    }

    /// Those that glibc leaves to programs.
    private static let realTime: ClosedRange<Int32> = 34...64

    private static let numbers: [String: Int32] = [
        "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "IOT": 6, "BUS": 7, "FPE": 8,
        "KILL": 9,
        "USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "STKFLT": 16, "CHLD": 17,
        "CLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20, "TTIN": 21, "TTOU": 22, "URG": 23, "XCPU": 24,
        "XFSZ": 25, "VTALRM": 26, "PROF": 27, "WINCH": 28, "IO": 29, "POLL": 29, "PWR": 30, "SYS": 31,
        "RTMIN": 34, "RTMAX": 64,
    ]
}
