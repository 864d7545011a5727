import CYAML
import PodCore

/// Reads YAML through libyaml's events into documents with lines.
///
/// Scalars mean what they mean to Kubernetes (``YAMLCoreScalar``). Anchors, aliases and merge keys work; what they
/// expand to counts against the limits as if it were written out. Tags other than YAML's own are refused, and so
/// are keys that stand twice in a map.
struct YAMLReader {
    private var events: YAMLEvents
    private let limits: ManifestLimits
    private let duplicateKeys: DuplicateKeys
    private var values = 0
    private var anchors: [String: Anchor] = [:]
    private var problems: [ManifestProblem] = []

    private struct Anchor {
        /// nil while the anchored value is still being read.
        var document: Document?
        /// How many values it holds, itself included.
        var size = 0
    }

    static func read(
        _ bytes: [UInt8],
        duplicateKeys: DuplicateKeys = .refused,
        limits: ManifestLimits = ManifestLimits()
    ) -> ParsedManifest {
        guard bytes.count <= limits.bytes else {
            return ParsedManifest(problems: [ManifestProblem(message: "longer than \(limits.bytes) bytes")])
        }
        return bytes.withUnsafeBufferPointer { buffer in
            var reader = YAMLReader(events: YAMLEvents(buffer), limits: limits, duplicateKeys: duplicateKeys)
            defer { reader.events.finish() }
            var documents: [Document] = []
            do throws(ManifestProblem) {
                try reader.stream(into: &documents)
            } catch {
                reader.problems.append(error)
            }
            return ParsedManifest(documents: documents, problems: reader.problems)
        }
    }

    private init(events: YAMLEvents, limits: ManifestLimits, duplicateKeys: DuplicateKeys) {
        self.events = events
        self.limits = limits
        self.duplicateKeys = duplicateKeys
    }

    private mutating func stream(into documents: inout [Document]) throws(ManifestProblem) {
        while true {
            let event = try events.next()
            switch event.kind {
            case .documentStart: anchors = [:]
            case .documentEnd, .streamStart: continue
            case .streamEnd: return
            case .scalar, .alias, .listStart, .listEnd, .mapStart, .mapEnd:
                let document = try value(event, depth: 0)
                if !document.isNull { documents.append(document) }
            }
        }
    }

    /// The value that begins with `event`.
    private mutating func value(_ event: YAMLEvents.Event, depth: Int) throws(ManifestProblem) -> Document {
        try count(1, line: event.line)
        guard depth < limits.depth else {
            throw ManifestProblem(line: event.line, message: "nested more than \(limits.depth) levels deep")
        }
        if event.kind == .alias { return try resolve(alias: event) }
        let before = values
        if let anchor = event.anchor { anchors[anchor] = Anchor() }
        let document =
            switch event.kind {
            case .listStart: try list(event, depth: depth)
            case .mapStart: try map(event, depth: depth)
            default: try scalar(event)
            }
        if let anchor = event.anchor {
            anchors[anchor] = Anchor(document: document, size: values - before + 1)
        }
        return document
    }

    private mutating func count(_ more: Int, line: Int) throws(ManifestProblem) {
        values += more
        guard values <= limits.values else {
            throw ManifestProblem(
                line: line,
                message: "more than \(limits.values) values, those repeated by aliases included"
            )
        }
    }

    private mutating func resolve(alias event: YAMLEvents.Event) throws(ManifestProblem) -> Document {
        let name = event.anchor ?? ""
        guard let anchor = anchors[name] else {
            throw ManifestProblem(line: event.line, message: "the alias *\(name) has no anchor before it")
        }
        guard let document = anchor.document else {
            throw ManifestProblem(
                line: event.line,
                message: "the alias *\(name) stands inside its own anchor"
            )
        }
        try count(anchor.size - 1, line: event.line)
        return document
    }

    private mutating func list(_ event: YAMLEvents.Event, depth: Int) throws(ManifestProblem) -> Document {
        try checkTag(event, allowed: "seq")
        var items: [Document] = []
        while true {
            let next = try events.next()
            if next.kind == .listEnd { return Document(.list(items), line: event.line) }
            items.append(try value(next, depth: depth + 1))
        }
    }

    private mutating func map(_ event: YAMLEvents.Event, depth: Int) throws(ManifestProblem) -> Document {
        try checkTag(event, allowed: "map")
        var entries: [Document.Entry] = []
        var merged: [Document.Entry] = []
        var seen = Set<String>()
        while true {
            let keyEvent = try events.next()
            if keyEvent.kind == .mapEnd { break }
            if keyEvent.kind == .scalar, keyEvent.isPlain, keyEvent.tag == nil, keyEvent.text == "<<" {
                merged += try merge(depth: depth)
                continue
            }
            let key = try self.key(keyEvent, depth: depth)
            if !seen.insert(key).inserted, duplicateKeys == .refused {
                problems.append(.duplicateKey(key, line: keyEvent.line))
            }
            entries.append(Document.Entry(key, try value(try events.next(), depth: depth + 1)))
        }
        // A key of the map itself wins over a merged one, an earlier merged one over a later one.
        for entry in merged where seen.insert(entry.key).inserted { entries.append(entry) }
        return Document(.map(entries), line: event.line)
    }

    /// What stands under `<<`: a map or a list of maps (https://yaml.org/type/merge.html).
    private mutating func merge(depth: Int) throws(ManifestProblem) -> [Document.Entry] {
        let event = try events.next()
        let source = try value(event, depth: depth + 1)
        let maps: [Document] = if case .list(let items) = source.value { items } else { [source] }
        var entries: [Document.Entry] = []
        for map in maps {
            guard case .map(let more) = map.value else {
                throw ManifestProblem(line: event.line, message: "<< merges maps, not \(map.kindDescription)")
            }
            entries += more
        }
        return entries
    }

    /// A key as the string that JSON will have: `1` becomes "1" and, as in Kubernetes, a plain `on` becomes "true".
    private mutating func key(_ event: YAMLEvents.Event, depth: Int) throws(ManifestProblem) -> String {
        let key = try value(event, depth: depth + 1)
        switch key.value {
        case .string(let text): return text
        case .integer(let number): return String(number)
        case .bool(let flag): return flag ? "true" : "false"
        case .number, .null, .list, .map:
            throw ManifestProblem(
                line: event.line,
                message: "a key must be a string, not \(key.kindDescription); put it in quotes"
            )
        }
    }

    private func scalar(_ event: YAMLEvents.Event) throws(ManifestProblem) -> Document {
        let value: Document.Value
        if event.tag == nil || event.tag == "!" {
            value =
                event.isPlain && event.tag == nil ? YAMLCoreScalar.resolve(event.text) : .string(event.text)
        } else {
            value = try tagged(event)
        }
        if case .number(let number) = value, !number.isFinite {
            throw ManifestProblem(
                line: event.line,
                message: "\(event.text) is a number that no field takes; put it in quotes if it is a string"
            )
        }
        return Document(value, line: event.line)
    }

    /// A scalar with one of YAML's own tags, which must fit what it says.
    private func tagged(_ event: YAMLEvents.Event) throws(ManifestProblem) -> Document.Value {
        let resolved = YAMLCoreScalar.resolve(event.text)
        switch (event.tag.map(Self.shortTag), resolved) {
        case ("str", _): return .string(event.text)
        case ("null", .null), ("bool", .bool), ("int", .integer), ("float", .number), ("float", .integer):
            return resolved
        case ("null", _), ("bool", _), ("int", _), ("float", _):
            throw ManifestProblem(
                line: event.line,
                message: "'\(event.text)' does not fit its tag \(event.tag ?? "")"
            )
        default: throw unknownTag(event)
        }
    }

    private func checkTag(_ event: YAMLEvents.Event, allowed: String) throws(ManifestProblem) {
        guard let tag = event.tag, tag != "!", Self.shortTag(tag) != allowed else { return }
        throw unknownTag(event)
    }

    private func unknownTag(_ event: YAMLEvents.Event) -> ManifestProblem {
        ManifestProblem(line: event.line, message: "the tag \(event.tag ?? "") has no meaning in a manifest")
    }

    private static func shortTag(_ tag: String) -> String {
        let core = "tag:yaml.org,2002:"
        return tag.hasPrefix(core) ? String(tag.dropFirst(core.count)) : tag
    }
}
