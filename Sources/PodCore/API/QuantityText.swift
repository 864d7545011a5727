/// Why a text is no quantity. The texts are those of Kubernetes.
public enum QuantityError: String, Error, CustomStringConvertible {
    /// Not a number with a suffix at all.
    case format =
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    /// Letters that are no suffix.
    case suffix = "unable to parse quantity's suffix"
    /// A suffix without a number.
    case number = "unable to parse numeric part of quantity"

    /// The text.
    public var description: String { rawValue }
}

extension Quantity {
    /// Reads a quantity: a sign, digits with at most one point, and a suffix.
    ///
    /// Amounts finer than 10⁻⁹ are rounded away from zero, so that something never becomes nothing.
    public init(parsing text: String) throws(QuantityError) {
        var rest = Array(text.utf8)[...]
        var negative = false
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            negative = sign == UInt8(ascii: "-")
            rest.removeFirst()
        }
        let number = rest.prefix { $0.isDigit || $0 == UInt8(ascii: ".") }
        rest.removeFirst(number.count)
        let parts = number.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard !number.isEmpty, parts.count <= 2, number.count <= 1000 else { throw .format }
        let suffix = rest
        try Self.checkSuffixLetters(suffix)
        guard let (base, exponent, format) = Self.meaning(ofSuffix: suffix) else { throw .suffix }
        guard let whole = parts.first, !(whole.isEmpty && (parts.last ?? []).isEmpty) else { throw .number }
        let fraction = parts.count == 2 ? parts[1] : []
        let magnitude = Self.nanos(digits: whole + fraction, fractionDigits: fraction.count, base, exponent)
        // Below one unit a binary suffix would only confuse; Kubernetes writes such amounts in decimals.
        let small = format == .binarySI && magnitude < Self.nanosPerUnit
        self.init(nanos: negative ? -magnitude : magnitude, format: small ? .decimalSI : format)
    }

    /// The suffix must be letters of the known suffixes, then perhaps a sign and digits.
    private static func checkSuffixLetters(_ suffix: ArraySlice<UInt8>) throws(QuantityError) {
        var rest = suffix.drop { "eEinumkKMGTP".utf8.contains($0) }
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            rest.removeFirst()
        }
        guard rest.allSatisfy(\.isDigit) else { throw .format }
    }

    private static func meaning(ofSuffix suffix: ArraySlice<UInt8>) -> (base: Int128, exponent: Int, Format)?
    {
        let text = String(decoding: suffix, as: UTF8.self)
        if let index = decimalSuffixes.firstIndex(of: text) { return (10, 3 * index - 9, .decimalSI) }
        if let index = binarySuffixes.firstIndex(of: text) { return (2, 10 * (index + 1), .binarySI) }
        guard text.count > 1, let first = suffix.first,
            first == UInt8(ascii: "e") || first == UInt8(ascii: "E"),
            let exponent = Int32(text.dropFirst())
        else { return nil }
        return (10, Int(exponent), .decimalExponent)
    }

    /// From 10⁻⁹ upwards, a thousand a step.
    fileprivate static let decimalSuffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"]
    /// From 2¹⁰ upwards, 1024 a step.
    fileprivate static let binarySuffixes = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]

    /// `digits` · 10^-fractionDigits · base^exponent in billionths, rounded up, cut to the range.
    private static func nanos(
        digits: ArraySlice<UInt8>,
        fractionDigits: Int,
        _ base: Int128,
        _ exponent: Int
    ) -> Int128 {
        let factor: UInt128 = base == 2 ? 1 << UInt128(exponent) : 1
        var scale = 9 + (base == 10 ? exponent : 0)
        let firstFraction = digits.endIndex - fractionDigits
        var mantissa: UInt128 = 0
        var cutOff = false
        for (index, digit) in zip(digits.indices, digits) {
            // Digits that no longer fit can only be far behind the point, where it matters that they exist.
            if mantissa >= UInt128.max / 10 || (index >= firstFraction && scale <= -38) {
                if index < firstFraction { return .max }
                cutOff = cutOff || digit != UInt8(ascii: "0")
                continue
            }
            mantissa = mantissa * 10 + UInt128(digit - UInt8(ascii: "0"))
            if index >= firstFraction { scale -= 1 }
        }
        if mantissa == 0 { return cutOff ? 1 : 0 }
        if scale >= 0 { return product(mantissa, factor, powerOfTen: scale) }
        if scale < -38 { return 1 }
        let divisor = (0 ..< -scale).reduce(UInt128(1)) { power, _ in power * 10 }
        // 128 bits times at most 2⁶⁰ need more than 128 bits until they have been divided again.
        let dividend = mantissa.multipliedFullWidth(by: factor)
        guard dividend.high < divisor else { return .max }
        let (quotient, remainder) = divisor.dividingFullWidth((dividend.high, dividend.low))
        guard quotient < UInt128(Int128.max) else { return .max }
        return Int128(quotient) + (cutOff || remainder != 0 ? 1 : 0)
    }

    private static func product(_ mantissa: UInt128, _ factor: UInt128, powerOfTen: Int) -> Int128 {
        guard powerOfTen <= 38 else { return .max }
        var result = mantissa
        for step in [factor] + Array(repeating: 10, count: powerOfTen) {
            let (product, overflow) = result.multipliedReportingOverflow(by: step)
            if overflow { return .max }
            result = product
        }
        return Int128(clamping: result)
    }
}

extension Quantity: CustomStringConvertible {
    /// The canonical text: no fraction, the largest suffix that allows that.
    public var description: String {
        if nanos == 0 { return "0" }
        let units = nanos / Self.nanosPerUnit
        if format == .binarySI, isWhole, units >= 1024 || units <= -1024 { return Self.binaryText(units) }
        var (mantissa, exponent) = (nanos, -9)
        while mantissa % 10 == 0 {
            mantissa /= 10
            exponent += 1
        }
        while exponent % 3 != 0 || (exponent > 18 && format != .decimalExponent) {
            mantissa *= 10
            exponent -= 1
        }
        if format == .decimalExponent { return exponent == 0 ? "\(mantissa)" : "\(mantissa)e\(exponent)" }
        return "\(mantissa)" + Self.decimalSuffixes[exponent / 3 + 3]
    }

    private static func binaryText(_ units: Int128) -> String {
        var (mantissa, index) = (units, -1)
        while mantissa % 1024 == 0, index + 1 < binarySuffixes.count {
            mantissa /= 1024
            index += 1
        }
        return "\(mantissa)" + (index < 0 ? "" : binarySuffixes[index])
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
}
