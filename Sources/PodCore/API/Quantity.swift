/// An amount of a resource, as exact as Kubernetes keeps it: a multiple of 10⁻⁹ with the family of suffixes in
/// which it was written.
///
/// Source: the Kubernetes API conventions on quantities; `k8s.io/apimachinery/pkg/api/resource`.
public struct Quantity: Sendable, Hashable {
    /// The family of suffixes that an amount is written with.
    public enum Format: Sendable {
        /// `n u m k M G T P E`, powers of 1000.
        case decimalSI
        /// `Ki Mi Gi Ti Pi Ei`, powers of 1024.
        case binarySI
        /// `e3`, `E6`, powers of ten.
        case decimalExponent
    }

    /// The amount in billionths. 128 bits hold amounts up to 1.7·10²⁹; larger ones are cut to that.
    public private(set) var nanos: Int128
    /// How it is written.
    public private(set) var format: Format

    /// Zero.
    public init() {
        nanos = 0
        format = .decimalSI
    }

    /// A whole number.
    public init(_ value: Int64, format: Format = .decimalSI) {
        self.nanos = Int128(value) * Self.nanosPerUnit
        self.format = format
    }

    /// A number of thousandths, as CPU time is counted.
    public init(milli value: Int64) {
        self.nanos = Int128(value) * 1_000_000
        self.format = .decimalSI
    }

    init(nanos: Int128, format: Format) {
        self.nanos = nanos
        self.format = format
    }

    static let nanosPerUnit: Int128 = 1_000_000_000

    /// The amount in whole units, fractions rounded away from zero; the largest `Int64` when it is larger.
    public var value: Int64 { scaled(to: Self.nanosPerUnit) }

    /// The amount in thousandths, finer fractions rounded away from zero; the largest `Int64` when it is larger.
    public var milliValue: Int64 { scaled(to: 1_000_000) }

    /// The amount in units of `divisor`, rounded up, as `resourceFieldRef` shows it. A divisor of 0 counts as 1.
    public func divided(by divisor: Quantity) -> Int64 {
        scaled(to: divisor.nanos > 0 ? divisor.nanos : Self.nanosPerUnit)
    }

    private func scaled(to unit: Int128) -> Int64 { Int64(clamping: Self.divideAwayFromZero(nanos, unit)) }

    /// The amount rounded to thousandths away from zero, which the API does to every resource.
    public var roundedToMilli: Quantity {
        let milli = Self.divideAwayFromZero(nanos, 1_000_000)
        // Rounding may leave the range only by what is cut off anyway.
        let (product, overflow) = milli.multipliedReportingOverflow(by: 1_000_000)
        return Quantity(nanos: overflow ? nanos : product, format: format)
    }

    /// Whether the amount is a whole number of units.
    public var isWhole: Bool { nanos % Self.nanosPerUnit == 0 }

    static func divideAwayFromZero(_ dividend: Int128, _ divisor: Int128) -> Int128 {
        let (quotient, remainder) = dividend.quotientAndRemainder(dividingBy: divisor)
        return remainder == 0 ? quotient : quotient + (dividend < 0 ? -1 : 1)
    }
}

extension Quantity: Comparable {
    /// Compares amounts; how they are written does not count.
    public static func < (a: Quantity, b: Quantity) -> Bool { a.nanos < b.nanos }

    /// Equal amounts are equal, however they are written: `1Gi` is `1024Mi`.
    public static func == (a: Quantity, b: Quantity) -> Bool { a.nanos == b.nanos }

    /// Hashes the amount.
    public func hash(into hasher: inout Hasher) { hasher.combine(nanos) }

    /// The sum, written like `a` unless that is zero. Cut to the range.
    public static func + (a: Quantity, b: Quantity) -> Quantity {
        let (sum, overflow) = a.nanos.addingReportingOverflow(b.nanos)
        let format = a.nanos == 0 ? b.format : a.format
        return Quantity(nanos: overflow ? (a.nanos < 0 ? .min : .max) : sum, format: format)
    }

    /// Adds to `a`.
    public static func += (a: inout Quantity, b: Quantity) { a = a + b }
}

extension Quantity: APIValue, FieldErrorValue {
    /// Reads a text such as `1.5Gi`, or a number.
    public static func decode(_ document: Document, at path: FieldPath, report: inout DecodeReport)
        -> Quantity?
    {
        let text: String
        switch document.value {
        case .string(let string): text = string
        case .integer(let number): text = String(number)
        case .number(let number): text = "\(number)"
        default:
            report.wrongType(document, at: path, wanted: "a quantity such as \"500m\" or \"1Gi\"")
            return nil
        }
        do {
            return try Quantity(parsing: text)
        } catch {
            report.refuse(.invalid(path, text, error.description), line: document.line)
            return nil
        }
    }

    /// The value as a document.
    public var document: Document { Document(.string(description)) }
    /// What it is called.
    public static var shape: ValueShape { .scalar("quantity") }
    /// The text that an error shows.
    public var fieldErrorText: String { description.quoted }
}

/// Amounts of resources by name: `cpu`, `memory` and so on.
public typealias ResourceList = [String: Quantity]
