import CNamespaces

/// Calls `body` with the bytes as a C string.
func withCString<Result>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { buffer in
        for (index, byte) in bytes.enumerated() { buffer[index] = CChar(bitPattern: byte) }
        buffer[bytes.count] = 0
        // The buffer holds at least the ending zero, so it has a base address.
        // swift-format-ignore: NeverForceUnwrap
        return body(UnsafePointer(buffer.baseAddress!))
    }
}

/// Appends `value` in decimal, at least `width` digits.
private func appendNumber(_ bytes: inout [UInt8], _ value: Int64, width: Int) {
    var divisor: Int64 = 1
    for _ in 1..<width { divisor *= 10 }
    while divisor > 0 {
        bytes.append(48 + UInt8(value / divisor % 10))
        divisor /= 10
    }
}

/// The date of a day number; years counted from March, so that the leap day is a year's last.
private func civil(daysSinceEpoch: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = daysSinceEpoch + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
}

/// `2026-01-02T03:04:05.123456789Z`
func appendTimestamp(_ bytes: inout [UInt8], nanoseconds: Int64) {
    let seconds = nanoseconds / 1_000_000_000
    let date = civil(daysSinceEpoch: seconds / 86_400)
    let time = seconds % 86_400
    let parts: [(Int64, Int, UInt8)] = [
        (date.year, 4, 45), (date.month, 2, 45), (date.day, 2, 84), (time / 3600, 2, 58),
        (time / 60 % 60, 2, 58),
        (time % 60, 2, 46), (nanoseconds % 1_000_000_000, 9, 90),
    ]
    for (value, width, separator) in parts {
        appendNumber(&bytes, value, width: width)
        bytes.append(separator)
    }
}

/// `20260102-030405`
func appendCompactTime(_ bytes: inout [UInt8], nanoseconds: Int64) {
    let seconds = nanoseconds / 1_000_000_000
    let date = civil(daysSinceEpoch: seconds / 86_400)
    let time = seconds % 86_400
    appendNumber(&bytes, date.year, width: 4)
    appendNumber(&bytes, date.month, width: 2)
    appendNumber(&bytes, date.day, width: 2)
    bytes.append(45)
    appendNumber(&bytes, time / 3600, width: 2)
    appendNumber(&bytes, time / 60 % 60, width: 2)
    appendNumber(&bytes, time % 60, width: 2)
}
