/// The value of a number as it is spelt in JSON (RFC 8259 section 6) or JSON5.
struct JSONNumber {
    /// Why a spelling is no number, to be said after it.
    struct Refusal: Error {
        var reason: String
    }

    let value: Document.Value

    init(_ spelling: ArraySlice<UInt8>, dialect: JSONReader.Dialect) throws(Refusal) {
        let isLenient = dialect == .json5
        let isNegative = spelling.first == UInt8(ascii: "-")
        let isSigned = isNegative || (isLenient && spelling.first == UInt8(ascii: "+"))
        let digits = isSigned ? spelling.dropFirst() : spelling
        if isLenient, digits.count > 2,
            digits.prefix(2).elementsEqual("0x".utf8) || digits.prefix(2).elementsEqual("0X".utf8)
        {
            value = try Self.hexadecimal(digits.dropFirst(2), isNegative: isNegative)
            return
        }
        guard Self.isDecimal(digits, isLenient: isLenient) else {
            let isOctal = digits.first == UInt8(ascii: "0") && digits.allSatisfy(JSONReader.isDigit)
            throw Refusal(
                reason: "is not a number" + (isOctal ? "; write file modes in decimal: 0644 is 420" : "")
            )
        }
        let text = String(decoding: spelling, as: UTF8.self)
        if digits.allSatisfy(JSONReader.isDigit), let integer = Int64(text) {
            value = .integer(integer)
        } else if let number = Double(text), number.isFinite {
            value = .number(number)
        } else {
            throw Refusal(reason: "is out of range")
        }
    }

    private static func hexadecimal(
        _ digits: ArraySlice<UInt8>,
        isNegative: Bool
    ) throws(Refusal) -> Document.Value {
        // Another sign here would otherwise pass as part of the number.
        guard digits.allSatisfy({ JSONReader.isDigit($0) || (0x61...0x66).contains($0 | 0x20) }) else {
            throw Refusal(reason: "is not a number")
        }
        guard let value = Int64((isNegative ? "-" : "") + String(decoding: digits, as: UTF8.self), radix: 16)
        else {
            throw Refusal(reason: "does not fit 64 bits")
        }
        return .integer(value)
    }

    /// Whether the digits follow the RFC; `isLenient` also lets one side of the point be empty.
    private static func isDecimal(_ digits: ArraySlice<UInt8>, isLenient: Bool) -> Bool {
        var rest = digits
        func take() -> ArraySlice<UInt8> {
            let taken = rest.prefix(while: JSONReader.isDigit)
            rest = rest.dropFirst(taken.count)
            return taken
        }
        let whole = take()
        guard whole.count <= 1 || whole.first != UInt8(ascii: "0") else { return false }
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            let fraction = take()
            guard isLenient ? !(whole.isEmpty && fraction.isEmpty) : !(whole.isEmpty || fraction.isEmpty)
            else {
                return false
            }
        } else if whole.isEmpty {
            return false
        }
        guard let exponent = rest.first, exponent | 0x20 == UInt8(ascii: "e") else { return rest.isEmpty }
        rest = rest.dropFirst()
        if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
        return !take().isEmpty && rest.isEmpty
    }
}
