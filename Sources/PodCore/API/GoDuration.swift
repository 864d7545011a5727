/// Durations as Go's `time` package writes them and reads them, which is how Kubernetes has them in texts: `500ms`, `10s`,
/// `2m30s`, `1h0m0.5s`.
extension Duration {
    /// As `time.Duration.String()` has it. Beyond hours nothing is carried over: a day is `24h0m0s`.
    public var goText: String {
        let nanoseconds = wholeNanoseconds
        if nanoseconds == 0 { return "0s" }
        let sign = nanoseconds < 0 ? "-" : ""
        let all = nanoseconds.magnitude
        switch all {
        case ..<1_000: return "\(sign)\(all)ns"
        case ..<1_000_000: return sign + Self.decimal(all, 1_000, digits: 3) + "µs"
        case ..<1_000_000_000: return sign + Self.decimal(all, 1_000_000, digits: 6) + "ms"
        default: break
        }
        let minutes = all / 60_000_000_000
        let seconds = Self.decimal(all % 60_000_000_000, 1_000_000_000, digits: 9) + "s"
        if minutes == 0 { return sign + seconds }
        if minutes < 60 { return "\(sign)\(minutes)m\(seconds)" }
        return "\(sign)\(minutes / 60)h\(minutes % 60)m\(seconds)"
    }

    /// `number / unit` without zeros at its end.
    private static func decimal(_ number: UInt64, _ unit: UInt64, digits: Int) -> String {
        let fraction = String(number % unit)
        var text = String(repeating: "0", count: digits - fraction.utf8.count) + fraction
        while text.last == "0" { text.removeLast() }
        return text.isEmpty ? "\(number / unit)" : "\(number / unit).\(text)"
    }

    private static let goUnits: [(name: String, nanoseconds: Int64)] = [
        ("ns", 1), ("us", 1_000), ("µs", 1_000), ("μs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000),
        ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ]

    /// Reads what `time.ParseDuration` reads and is not negative: numbers with a unit each, and `0`. Nil for anything else,
    /// and for what 64 bits of nanoseconds cannot hold. What is smaller than a nanosecond is left out.
    public init?(goText text: some StringProtocol) {
        var rest = Array(text.utf8)[...]
        if rest.first == UInt8(ascii: "+") { rest.removeFirst() }
        if rest.elementsEqual("0".utf8) {
            self = .zero
            return
        }
        var total: Int64 = 0
        repeat {
            guard let part = Self.goPart(&rest) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(part)
            if overflow { return nil }
            total = sum
        } while !rest.isEmpty
        self = .nanoseconds(total)
    }

    /// Takes a number with its unit from the beginning; in nanoseconds.
    private static func goPart(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        let number = rest.prefix { isDigit($0) || $0 == UInt8(ascii: ".") }
        rest = rest.dropFirst(number.count)
        let name = rest.prefix { !isDigit($0) && $0 != UInt8(ascii: ".") }
        rest = rest.dropFirst(name.count)
        let parts = number.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard number.contains(where: isDigit), parts.count <= 2,
            let unit = goUnits.first(where: { name.elementsEqual($0.name.utf8) })?.nanoseconds
        else { return nil }
        var value: Int64 = 0
        for digit in parts[0] {
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, more) = tens.addingReportingOverflow(Int64(digit - 48))
            if overflow || more { return nil }
            value = sum
        }
        let (whole, overflow) = value.multipliedReportingOverflow(by: unit)
        if overflow { return nil }
        var (fraction, scale) = (Int64(0), unit)
        for digit in parts.dropFirst().first ?? [] {
            // Of an hour no thirteenth digit is worth a nanosecond; the products stay below nine hours.
            scale = scale / 10
            fraction += Int64(digit - 48) * scale
        }
        let (sum, more) = whole.addingReportingOverflow(fraction)
        return more ? nil : sum
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
}
