import PodCore

/// What stood on the command line after the verb, taken apart and asked for by type.
struct Arguments: Hashable, Sendable {
    /// The verb, for messages.
    var verb: String
    /// The values of each flag given, in order; `true` or `false` for switches.
    var flags: [String: [String]] = [:]
    /// What stood there without being a flag, before any `--`.
    var words: [String] = []
    /// What stood after `--`; nil if there was none.
    var rest: [String]?

    /// Whether a switch is on.
    func isOn(_ flag: String, default standard: Bool = false) -> Bool {
        flags[flag]?.last.map { $0 == "true" } ?? standard
    }

    func value(_ flag: String) -> String? { flags[flag]?.last }

    func values(_ flag: String) -> [String] { flags[flag] ?? [] }

    /// A usage failure of this verb.
    func wrong(_ text: String) -> CommandError { .usage(text, verb: verb) }

    func integer(_ flag: String, in range: ClosedRange<Int64>) throws(CommandError) -> Int64? {
        guard let text = value(flag) else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            let bound = range.upperBound == .max ? "of at least \(range.lowerBound)" : "in \(range)"
            throw wrong("--\(flag) must be a whole number \(bound), not '\(text)'")
        }
        return number
    }

    func duration(_ flag: String) throws(CommandError) -> Duration? {
        guard let text = value(flag) else { return nil }
        guard let duration = Duration(parsing: text) else {
            throw wrong("--\(flag) must be a duration such as 30s, 5m or 1h30m, not '\(text)'")
        }
        return duration
    }

    func choice(_ flag: String, _ choices: [String]) throws(CommandError) -> String? {
        guard let text = value(flag) else { return nil }
        guard choices.contains(text) else {
            throw wrong("--\(flag) must be one of \(choices.joined(separator: ", ")), not '\(text)'")
        }
        return text
    }

    /// The namespace that was asked for.
    var namespace: String { value("namespace") ?? "default" }
}

extension Duration {
    /// Reads a duration as Go writes them: numbers with units, `1h30m`, `1.5s`, `250ms`. A number alone is seconds.
    /// nil for anything else, and for what is negative or beyond a century.
    init?(parsing text: String) {
        let century = 3_155_760_000.0
        if let seconds = Double(text), text.utf8.allSatisfy({ $0.isDigit || $0 == UInt8(ascii: ".") }) {
            guard seconds <= century else { return nil }
            self = .seconds(seconds)
            return
        }
        let units: [(String, Double)] = [
            ("ms", 0.001), ("us", 1e-6), ("ns", 1e-9), ("h", 3600), ("m", 60), ("s", 1),
        ]
        var rest = Substring(text)
        var total = 0.0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            rest = rest.dropFirst(digits.count)
            guard let number = Double(digits),
                let (unit, scale) = units.first(where: { rest.hasPrefix($0.0) })
            else {
                return nil
            }
            rest = rest.dropFirst(unit.count)
            total += number * scale
        }
        guard total <= century else { return nil }
        self = .seconds(total)
    }
}
