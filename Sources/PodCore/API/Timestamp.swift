/// An instant of wall-clock time, in nanoseconds since 1970-01-01T00:00:00Z (`CLOCK_REALTIME`).
///
/// Used for what people read: status fields, events, log lines. Deadlines are counted in ``Tick``s, which no
/// clock adjustment moves.
public struct Timestamp: Hashable, Comparable, Sendable, Codable {
    /// Nanoseconds since the epoch.
    public var nanoseconds: Int64

    /// Makes an instant from nanoseconds since the epoch.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Makes an instant from whole seconds since the epoch. What 64 bits of nanoseconds cannot hold, before 1677 and
    /// after 2262, becomes the nearest second that they can: a manifest may say `9999-12-31T23:59:59Z` for "never".
    public init(seconds: Int64) {
        self.nanoseconds = min(max(seconds, -Self.secondsMax), Self.secondsMax) * 1_000_000_000
    }

    private static let secondsMax = Int64.max / 1_000_000_000

    /// Whole seconds since the epoch, rounded down.
    public var seconds: Int64 {
        let (quotient, remainder) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// The same instant without its fraction of a second, as Kubernetes writes times into a status.
    public var truncatedToSeconds: Timestamp { Timestamp(seconds: seconds) }

    /// Earlier before later.
    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.nanoseconds < b.nanoseconds }

    /// The instant `duration` later, or the last one there is: a manifest may ask for any number of seconds.
    public static func + (a: Timestamp, b: Duration) -> Timestamp {
        Timestamp(nanoseconds: a.nanoseconds.saturatingAdd(b.wholeNanoseconds))
    }

    /// The time from `b` to `a`.
    public static func - (a: Timestamp, b: Timestamp) -> Duration {
        .nanoseconds(a.nanoseconds) - .nanoseconds(b.nanoseconds)
    }
}

/// An instant on a clock that never jumps and counts through suspend (`CLOCK_BOOTTIME`), in nanoseconds since boot.
///
/// Every deadline of every machine is a `Tick`; the two clocks meet only in ``Moment``.
public struct Tick: Hashable, Comparable, Sendable, Codable {
    /// Nanoseconds since boot.
    public var nanoseconds: Int64

    /// Makes an instant from nanoseconds since boot.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Earlier before later.
    public static func < (a: Tick, b: Tick) -> Bool { a.nanoseconds < b.nanoseconds }

    /// The instant `duration` later, or the last one there is, which never comes.
    public static func + (a: Tick, b: Duration) -> Tick {
        Tick(nanoseconds: a.nanoseconds.saturatingAdd(b.wholeNanoseconds))
    }

    /// The time from `b` to `a`.
    public static func - (a: Tick, b: Tick) -> Duration {
        .nanoseconds(a.nanoseconds) - .nanoseconds(b.nanoseconds)
    }
}

/// "Now", on both clocks. Machines are handed one with every event and never read a clock themselves.
public struct Moment: Hashable, Sendable {
    /// Now for deadlines.
    public var tick: Tick
    /// Now for people.
    public var wall: Timestamp

    /// Pairs the two readings.
    public init(tick: Tick, wall: Timestamp) {
        self.tick = tick
        self.wall = wall
    }

    /// When, on the clock of deadlines, something was that happened at `wall`. Of the future it is taken for now: the
    /// clock on the wall was set back meanwhile.
    public func tick(of wall: Timestamp) -> Tick {
        Tick(nanoseconds: tick.nanoseconds.saturatingAdd(-max(.zero, self.wall - wall).wholeNanoseconds))
    }
}

extension Duration {
    /// The duration in nanoseconds, rounded towards zero. What 64 bits cannot hold, more than 292 years, becomes the
    /// longest that they can.
    public var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? -.max : .max }
        return whole.saturatingAdd(attoseconds / 1_000_000_000)
    }
}

extension Int64 {
    /// The sum, or the largest or smallest number there is when the sum would be beyond it.
    fileprivate func saturatingAdd(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        guard overflow else { return sum }
        return other < 0 ? .min : .max
    }
}

extension Timestamp {
    /// RFC 3339 in UTC with whole seconds, as Kubernetes writes times: `2026-01-02T03:04:05Z`.
    public var rfc3339: String { rfc3339(fraction: "") }

    /// RFC 3339 in UTC with nine digits of fraction, as the CRI log format and `kubectl logs --timestamps` have it.
    public var rfc3339Nano: String {
        let fraction = nanoseconds - seconds * 1_000_000_000
        return rfc3339(fraction: "." + Self.padded(fraction, 9))
    }

    /// Reads RFC 3339 with any number of fraction digits and `Z` or a numeric offset; nil for anything else.
    public init?(rfc3339 text: some StringProtocol) {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int64? {
            guard range.upperBound <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[range] {
                guard byte >= 48, byte <= 57 else { return nil }
                value = value * 10 + Int64(byte - 48)
            }
            return value
        }
        guard bytes.count >= 20, bytes[4] == 45, bytes[7] == 45, bytes[10] == 84 || bytes[10] == 116,
            bytes[13] == 58, bytes[16] == 58,
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        var at = 19
        var fraction: Int64 = 0
        if bytes[at] == 46 {
            at += 1
            var scale: Int64 = 100_000_000
            let start = at
            while at < bytes.count, bytes[at] >= 48, bytes[at] <= 57 {
                fraction += Int64(bytes[at] - 48) * scale
                scale /= 10
                at += 1
            }
            guard at > start else { return nil }
        }
        guard at < bytes.count else { return nil }
        var offset: Int64 = 0
        switch bytes[at] {
        case 90, 122:
            guard at + 1 == bytes.count else { return nil }
        case 43, 45:
            guard at + 6 == bytes.count, bytes[at + 3] == 58, let hours = number(at + 1..<at + 3),
                let minutes = number(at + 4..<at + 6), hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 3600 + minutes * 60) * (bytes[at] == 45 ? -1 : 1)
        default:
            return nil
        }
        let days = Self.daysSinceEpoch(year: year, month: month, day: day)
        self.init(seconds: days * 86_400 + hour * 3600 + minute * 60 + second - offset)
        let (sum, overflow) = nanoseconds.addingReportingOverflow(fraction)
        if !overflow { nanoseconds = sum }
    }

    private func rfc3339(fraction: String) -> String {
        let days = seconds >= 0 ? seconds / 86_400 : -((86_399 - seconds) / 86_400)
        let time = seconds - days * 86_400
        let (year, month, day) = Self.civil(daysSinceEpoch: days)
        let date = "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))"
        let clock = [time / 3600, time / 60 % 60, time % 60].map { Self.padded($0, 2) }.joined(separator: ":")
        return "\(date)T\(clock)\(fraction)Z"
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// The proleptic Gregorian date of a day number. Years are counted from March, so that the leap day is last:
    /// then a month's start is a linear function of its number, and an era of 400 years has 146,097 days.
    private static func civil(daysSinceEpoch: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = daysSinceEpoch + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    /// The inverse of `civil(daysSinceEpoch:)`.
    private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
