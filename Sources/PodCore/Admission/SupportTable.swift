/// What podagent does with every field of a Pod, as a page of documentation. Made from the field tables that
/// decoding follows, so that it cannot say anything else than the code does.
public enum SupportTable {
    /// `docs/pod-support.md`.
    public static func markdown() -> String {
        var collector = Collector()
        collector.visit(Pod.shape, at: "Pod")
        let counts = collector.counts
        var text = """
            # What podagent does with the fields of a Pod

            Made by `podagent` from the tables that the code follows; do not edit. The fields are those of
            Kubernetes 1.36.

            - **honoured**: does what Kubernetes documents.
            - **partly**: does so for some values or in some places; what it does not do is refused.
            - **no effect**: accepted, but on a single node there is nothing to be done; `validate` says so.
            - **not yet**: refused by name until the part of podagent that needs it is built.
            - **refused**: refused for good.

            Unknown fields are warnings. Of the fields below \(counts.honoured) are honoured, \(counts.partly) partly, \
            \(counts.informational) have no effect, \(counts.notYet) are not there yet and \(counts.refused) are refused \
            for good. Fields inside an object that is refused or has no effect share its fate and are not listed.

            """
        for section in collector.sections { text += "\n" + section.markdown }
        return text
    }

    /// One type of object with the places where it stands.
    private struct Section {
        var typeName: String
        var places: [String]
        var rows: [(name: String, level: SupportLevel)]

        var markdown: String {
            let places = places.map { "`\($0)`" }.joined(separator: ", ")
            var text = "## \(typeName)\n\n\(places)\n\n| Field | | |\n|---|---|---|\n"
            for row in rows { text += "| `\(row.name)` | \(row.level.word) | \(row.level.explanation) |\n" }
            return text
        }
    }

    private struct Collector {
        var sections: [Section] = []
        private var indexes: [String: Int] = [:]
        var counts = (honoured: 0, partly: 0, informational: 0, notYet: 0, refused: 0)

        /// Lists a type where it is met first, and only adds the place when it is met again.
        mutating func visit(_ shape: ValueShape, at place: String) {
            switch shape {
            case .scalar: return
            case .list(let element): visit(element, at: place + "[]")
            case .map(let element): visit(element, at: place + "[…]")
            case .object(let object):
                if let index = indexes[object.typeName] {
                    sections[index].places.append(place)
                } else {
                    list(object, at: place)
                }
            }
        }

        private mutating func list(_ object: ObjectShape, at place: String) {
            let fields = object.fields()
            let rows = fields.map { (name: $0.name, level: $0.level) }
            indexes[object.typeName] = sections.count
            sections.append(Section(typeName: object.typeName, places: [place], rows: rows))
            for row in rows { count(row.level) }
            for field in fields where field.level.looksInside {
                visit(field.shape, at: place == "Pod" ? field.name : "\(place).\(field.name)")
            }
        }

        private mutating func count(_ level: SupportLevel) {
            switch level {
            case .honoured: counts.honoured += 1
            case .partly: counts.partly += 1
            case .informational: counts.informational += 1
            case .notYet: counts.notYet += 1
            case .refused: counts.refused += 1
            }
        }
    }
}

extension SupportLevel {
    /// Whether the fields of the object below matter one by one.
    fileprivate var looksInside: Bool {
        switch self {
        case .honoured, .partly: true
        case .informational, .notYet, .refused: false
        }
    }

    fileprivate var word: String {
        switch self {
        case .honoured: "honoured"
        case .partly: "partly"
        case .informational: "no effect"
        case .notYet: "not yet"
        case .refused: "refused"
        }
    }

    fileprivate var explanation: String {
        switch self {
        case .honoured: ""
        case .partly(let text), .informational(let text), .refused(let text): text
        case .notYet(let part, let unless) where unless.isEmpty: part
        case .notYet(let part, let unless):
            "\(part); accepted: " + unless.map { "`\($0)`" }.joined(separator: ", ")
        }
    }
}
