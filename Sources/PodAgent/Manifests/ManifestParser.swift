import PodCore

/// Parses manifests and request bodies: bytes in, documents or problems with their lines out. Never stops the
/// program and never takes more than ``ManifestLimits`` allow, whatever the bytes are.
enum ManifestParser {
    /// Parses the content of a manifest. A text without any document is a problem too: it is what a file looks
    /// like between being truncated and being written.
    static func parse(_ bytes: [UInt8], format: ManifestName.Format) -> ParsedManifest {
        var parsed =
            switch format {
            case .json5: JSONReader.read(bytes, dialect: .json5, duplicateKeys: .refused)
            case .yaml: YAMLReader.read(bytes)
            }
        parsed.documents.removeAll(where: \.isNull)
        if parsed.documents.isEmpty && parsed.problems.isEmpty {
            parsed.problems.append(ManifestProblem(message: "the file is empty: it holds no object"))
        }
        let mayHoldSecret = !parsed.problems.isEmpty && bytes.firstRange(of: Array("Secret".utf8)) != nil
        if mayHoldSecret { parsed.problems = parsed.problems.map(Self.withoutQuotation) }
        return parsed
    }

    /// A parser's message without what it quotes of the text: in a file with a Secret that may be a part of it.
    private static func withoutQuotation(_ problem: ManifestProblem) -> ManifestProblem {
        var problem = problem
        var words: [Substring] = []
        for word in problem.message.split(separator: " ", omittingEmptySubsequences: false) {
            // 'word', *alias, the tag !name; a single character between quotes is what was found or expected.
            let isQuoted = (word.hasPrefix("'") || word.hasPrefix("\"")) && word.count > 4
            let isName = (word.hasPrefix("*") && word.count > 1) || words.last == "tag"
            words.append(isQuoted || isName ? "<redacted>" : word)
        }
        problem.message = words.joined(separator: " ")
        return problem
    }

    /// Parses a manifest that comes by some other way than a file with a telling name, such as standard input:
    /// what begins like a JSON map or list and reads as one is JSON, everything else is YAML.
    static func parse(guessing bytes: [UInt8]) -> ParsedManifest {
        let first = bytes.first { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
        guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") || first == UInt8(ascii: "/") else {
            return parse(bytes, format: .yaml)
        }
        let json = parse(bytes, format: .json5)
        if json.problems.isEmpty { return json }
        // YAML's flow style looks like JSON from afar. If it is not that either, the problems of JSON say more.
        let yaml = parse(bytes, format: .yaml)
        return yaml.problems.isEmpty ? yaml : json
    }

    /// Parses a request body by its `Content-Type`; nil for a type that is not understood. JSON is strict here,
    /// and keys that occur twice are left to the API's decoder, as Kubernetes' server has it.
    static func parse(body: [UInt8], contentType: String) -> ParsedManifest? {
        let type = contentType.prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
        switch type {
        case "application/json", "": return JSONReader.read(body)
        case "application/yaml", "application/x-yaml", "text/yaml":
            return YAMLReader.read(body, duplicateKeys: .kept)
        default: return nil
        }
    }
}
