/// The `labelSelector` of a request: `app=web,tier in (a, b),!canary`. Every requirement must hold.
public struct LabelQuery: Sendable, Hashable {
    /// One of the requirements.
    public enum Requirement: Sendable, Hashable {
        case exists(String)
        case absent(String)
        /// The label is there and has one of these values.
        case isOneOf(String, [String])
        /// The label is missing or has none of these values.
        case isNoneOf(String, [String])
        case isGreater(String, Int64)
        case isLess(String, Int64)
    }

    /// The requirements in the order of the text; none matches everything.
    public var requirements: [Requirement]

    /// Makes a query of requirements.
    public init(_ requirements: [Requirement]) { self.requirements = requirements }

    /// Whether an object with these labels is selected.
    public func matches(_ labels: [String: String]) -> Bool {
        requirements.allSatisfy { requirement in
            switch requirement {
            case .exists(let key): labels[key] != nil
            case .absent(let key): labels[key] == nil
            case .isOneOf(let key, let values): labels[key].map { values.contains($0) } ?? false
            case .isNoneOf(let key, let values): labels[key].map { !values.contains($0) } ?? true
            case .isGreater(let key, let bound): labels[key].flatMap { Int64($0) }.map { $0 > bound } ?? false
            case .isLess(let key, let bound): labels[key].flatMap { Int64($0) }.map { $0 < bound } ?? false
            }
        }
    }
}

extension LabelQuery {
    /// Reads the text of a selector; 400 when it is none.
    public init(parsing text: String) throws(StatusFailure) {
        var parser = LabelQueryParser(text)
        do {
            requirements = try parser.requirements()
        } catch {
            throw .badRequest("unable to parse requirement: \(error.text)")
        }
    }
}

/// What is wrong with a selector.
private struct LabelQueryMistake: Error {
    var text: String
}

/// Reads selectors word by word, as `k8s.io/apimachinery/pkg/labels` does.
private struct LabelQueryParser {
    private enum Token: Equatable {
        case word(String)
        case symbol(String)
        case end

        var text: String {
            switch self {
            case .word(let text), .symbol(let text): text
            case .end: ""
            }
        }
    }

    private static let symbolBytes = Set("=!(),><".utf8)

    private var tokens: [Token] = []
    private var position = 0

    init(_ text: String) {
        var rest = Array(text.utf8)[...]
        while let byte = rest.first {
            if byte == 0x20 || (0x09...0x0D).contains(byte) {
                rest = rest.dropFirst()
            } else if Self.symbolBytes.contains(byte) {
                let isPair = rest.starts(with: "==".utf8) || rest.starts(with: "!=".utf8)
                let symbol = rest.prefix(isPair ? 2 : 1)
                tokens.append(.symbol(String(decoding: symbol, as: UTF8.self)))
                rest = rest.dropFirst(symbol.count)
            } else {
                let word = rest.prefix { $0 > 0x20 && !Self.symbolBytes.contains($0) }
                // A control character belongs to no word; it is shown as the mistake that it is.
                let taken = word.isEmpty ? rest.prefix(1) : word
                tokens.append(.word(String(decoding: taken, as: UTF8.self)))
                rest = rest.dropFirst(taken.count)
            }
        }
    }

    private var current: Token { position < tokens.count ? tokens[position] : .end }

    private mutating func take() -> Token {
        defer { position += 1 }
        return current
    }

    mutating func requirements() throws(LabelQueryMistake) -> [LabelQuery.Requirement] {
        var found: [LabelQuery.Requirement] = []
        while current != .end {
            found.append(try requirement())
            switch take() {
            case .end: return found
            case .symbol(","):
                guard current != .end else { throw mistake(.end, "identifier after ','") }
            case let other: throw mistake(other, "',' or 'end of string'")
            }
        }
        return found
    }

    private mutating func requirement() throws(LabelQueryMistake) -> LabelQuery.Requirement {
        if current == .symbol("!") {
            position += 1
            return .absent(try key())
        }
        let key = try key()
        switch current {
        case .end, .symbol(","): return .exists(key)
        default: break
        }
        switch take() {
        case .symbol("="), .symbol("=="): return .isOneOf(key, [try value()])
        case .symbol("!="): return .isNoneOf(key, [try value()])
        case .symbol(">"): return .isGreater(key, try number())
        case .symbol("<"): return .isLess(key, try number())
        case .word("in"): return .isOneOf(key, try values())
        case .word("notin"): return .isNoneOf(key, try values())
        case let other: throw mistake(other, "in, notin, =, ==, !=, gt, lt")
        }
    }

    private mutating func key() throws(LabelQueryMistake) -> String {
        let token = take()
        guard case .word(let key) = token else { throw mistake(token, "identifier") }
        if let rule = NameRules.qualifiedName(key).first {
            throw LabelQueryMistake(text: "\(key.quoted) is no key of a label: \(rule)")
        }
        return key
    }

    /// The empty value may be written as nothing.
    private mutating func value() throws(LabelQueryMistake) -> String {
        guard case .word(let value) = current else {
            if current == .end || current == .symbol(",") || current == .symbol(")") { return "" }
            throw mistake(current, "identifier")
        }
        position += 1
        if let rule = NameRules.labelValue(value).first {
            throw LabelQueryMistake(text: "\(value.quoted) is no value of a label: \(rule)")
        }
        return value
    }

    private mutating func number() throws(LabelQueryMistake) -> Int64 {
        let token = take()
        guard let number = Int64(token.text) else { throw mistake(token, "an integer") }
        return number
    }

    private mutating func values() throws(LabelQueryMistake) -> [String] {
        let open = take()
        guard open == .symbol("(") else { throw mistake(open, "'('") }
        var values: [String] = []
        while true {
            values.append(try value())
            switch take() {
            case .symbol(")"): return values
            case .symbol(","): continue
            case let other: throw mistake(other, "',' or ')'")
            }
        }
    }

    private func mistake(_ found: Token, _ expected: String) -> LabelQueryMistake {
        LabelQueryMistake(text: "found '\(found.text)', expected: \(expected)")
    }
}
