/// What a registry says of an error. (OCI distribution specification, "Error Codes".)
public enum RegistryAnswer {
    /// The errors of an answer's body as one line; nil when it has none that can be read.
    ///
    /// Both the registries' list and the words of token servers and proxies are understood: `{"errors": [{"code":…,
    /// "message":…}]}`, `{"details": …}`, `{"message": …}`, `{"error_description": …}`.
    public static func errors(in body: [UInt8]) -> String? {
        var limits = ManifestLimits()
        limits.bytes = 64 << 10
        let parsed = JSONReader.read(body, limits: limits)
        guard let document = parsed.documents.first, parsed.problems.isEmpty else { return nil }
        if case .list(let errors)? = document["errors"]?.value {
            let texts = errors.prefix(3).compactMap { error -> String? in
                let parts = [error["code"]?.string, error["message"]?.string].compactMap(\.self)
                return parts.isEmpty ? nil : parts.joined(separator: ": ")
            }
            return texts.isEmpty ? nil : printed(texts.joined(separator: "; "))
        }
        for key in ["details", "message", "error_description", "error"] {
            if let text = document[key]?.string, !text.isEmpty { return printed(text) }
        }
        return nil
    }

    /// Text from a stranger: one line, and not a long one.
    private static func printed(_ text: String) -> String {
        let line = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : String($0) }.joined()
        return line.count > 300 ? "\(line.prefix(300))…" : line
    }

    /// A token server's answer: the token, and for how long it is good.
    public static func token(in body: [UInt8]) -> (token: String, seconds: Int64)? {
        var limits = ManifestLimits()
        limits.bytes = 256 << 10
        let parsed = JSONReader.read(body, limits: limits)
        guard let document = parsed.documents.first, parsed.problems.isEmpty else { return nil }
        let token = [document["token"], document["access_token"]].compactMap { $0?.string }
            .first { !$0.isEmpty }
        // It goes into a header as it is.
        guard let token, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        // Sixty seconds is what the specification of tokens sets where nothing is said.
        return (token, max(60, document["expires_in"]?.integer ?? 60))
    }
}
