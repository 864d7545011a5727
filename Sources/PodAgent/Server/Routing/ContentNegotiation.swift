import PodCore

/// In which form the client wants an object or a list (RFC 9110 section 12.5.1).
enum ContentForm: Hashable, Sendable {
    case json
    /// What `kubectl get` prints (`as=Table;g=meta.k8s.io`).
    case table

    /// The best form that the client accepts. Of equally good ones the first named; 406 when none is spoken here.
    init(accept: [String], allowsTable: Bool) throws(StatusFailure) {
        guard !accept.isEmpty else {
            self = .json
            return
        }
        var best: (form: ContentForm, quality: Int)?
        for range in accept.map(MediaType.init) where range.quality > 0 {
            guard let form = Self.form(of: range, allowsTable: allowsTable) else { continue }
            if range.quality > best?.quality ?? 0 { best = (form, range.quality) }
        }
        guard let best else {
            throw StatusFailure(
                .notAcceptable,
                "only the following media types are accepted: application/json"
                    + (allowsTable ? ", application/json;as=Table;v=v1;g=meta.k8s.io" : "")
            )
        }
        self = best.form
    }

    private static func form(of range: MediaType, allowsTable: Bool) -> ContentForm? {
        guard ["application/json", "application/*", "*/*"].contains(range.name) else { return nil }
        guard let kind = range.parameters["as"] else { return .json }
        let isTable =
            kind == "Table" && range.parameters["g"] == "meta.k8s.io" && range.parameters["v"] == "v1"
        return isTable && allowsTable ? .table : nil
    }
}

/// `application/json; charset=utf-8`, taken apart.
struct MediaType: Hashable, Sendable {
    /// In lower case, without parameters.
    let name: String
    /// Their names in lower case.
    let parameters: [String: String]

    init(_ text: String) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map(\.trimmingBlanks)
        name = parts[0].lowercased()
        var parameters: [String: String] = [:]
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1).map(\.trimmingBlanks)
            if pair.count == 2 { parameters[pair[0].lowercased()] = pair[1] }
        }
        self.parameters = parameters
    }

    /// The weight that a client gives it, in thousandths; 1000 unless it says less.
    var quality: Int {
        guard let text = parameters["q"] else { return 1_000 }
        guard let value = Double(text), value >= 0, value <= 1 else { return 0 }
        return Int(value * 1_000)
    }
}

extension HTTPRequestHead {
    /// The media ranges of all Accept headers.
    var accept: [String] { headers.elements("accept") }

    /// The type of the body; JSON when it is not stated, as in Kubernetes.
    var contentType: MediaType { MediaType(headers["content-type"] ?? "application/json") }
}
