/// Why a configuration is no network that Pods could be attached to.
public enum CNIConfigurationFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text is no JSON; with the reader's words and its line.
    case notJSON(String)
    case missing(String)
    /// The path is empty for the whole.
    case wrongKind(String, expected: String, found: String)
    case badName(String)
    case badType(String)
    case noPlugins
    /// None of these is spoken here.
    case version([String])

    /// One sentence that says what is expected.
    public var description: String {
        switch self {
        case .notJSON(let problem): "no JSON: \(problem)"
        case .missing(let key): "\(key) is missing"
        case .wrongKind("", let expected, let found): "it is \(found), not \(expected)"
        case .wrongKind(let path, let expected, let found): "\(path) is \(found), not \(expected)"
        case .badName(let name):
            "name \(name.quoted): must begin with a letter or digit, and have nothing but those, '_', '.' and '-'"
        case .badType(let type): "type \(type.quoted): must be the name of a program, without '/'"
        case .noPlugins: "plugins is empty"
        case .version(let offered):
            "cniVersion \(offered.joined(separator: ", ")): podagent speaks "
                + CNIVersion.allCases.map(\.rawValue).joined(separator: ", ")
        }
    }
}
