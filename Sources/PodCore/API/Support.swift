/// What this version of podagent does with a field of the API. Every field of every type carries one of these;
/// what decoding refuses and what `docs/pod-support.md` says both come from it.
public enum Support<Value: APIValue>: Sendable {
    /// Does what Kubernetes documents.
    case honoured
    /// Does what Kubernetes documents for some values or in some places; the text says which. What it does not
    /// do is refused by a rule of ``ConditionalSupport``.
    case partly(String)
    /// Accepted, without any effect on a single node; the text says why.
    case informational(String)
    /// Known but not built yet: refused by name, save for the values in `unless`, which ask for what podagent
    /// does anyway. The text names the part of the project that will bring it.
    case notYet(String, unless: [Value] = [])
    /// Refused for good; the text is the whole reason.
    case refused(String)
}

/// ``Support`` with the type of the value forgotten, for tables of all fields.
public enum SupportLevel: Sendable, Equatable {
    /// See ``Support/honoured``.
    case honoured
    /// See ``Support/partly(_:)``.
    case partly(String)
    /// See ``Support/informational(_:)``.
    case informational(String)
    /// See ``Support/notYet(_:unless:)``; the allowed values as compact JSON.
    case notYet(String, unless: [String])
    /// See ``Support/refused(_:)``.
    case refused(String)
}

extension Support {
    /// The same without the type of the value.
    var level: SupportLevel {
        switch self {
        case .honoured: .honoured
        case .partly(let what): .partly(what)
        case .informational(let reason): .informational(reason)
        case .notYet(let part, let unless):
            .notYet(part, unless: unless.map { $0.document.json() })
        case .refused(let reason): .refused(reason)
        }
    }

    /// Reports a value that podagent does not honour. A value that encodes to nothing, such as an empty list,
    /// counts as not given.
    func check(_ value: Value, at path: FieldPath, line: Int?, report: inout DecodeReport) {
        switch self {
        case .honoured, .partly: return
        case .informational(let reason):
            guard value.encoded() != nil else { return }
            report.notes.append(ManifestProblem(path: path, line: line, message: "has no effect: " + reason))
        case .notYet(let part, let unless):
            guard value.encoded() != nil, !unless.contains(value) else { return }
            report.refuse(.forbidden(path, notSupportedYet(part)), line: line)
        case .refused(let reason):
            guard value.encoded() != nil else { return }
            report.refuse(.forbidden(path, reason), line: line)
        }
    }
}

/// The words with which a field that is not built yet is refused.
func notSupportedYet(_ part: String) -> String {
    "not supported by this version of podagent yet (\(part))"
}
