import PodCore

/// Images as a table, a line for each name.
struct ImageTable {
    let now: Timestamp
    let isWide: Bool
    var withHeader = true

    init(now: Timestamp, isWide: Bool = false) { (self.now, self.isWide) = (now, isWide) }

    func text(_ images: [Document]) -> String {
        var writer = TabWriter(minimumWidth: 6, padding: 3)
        let headings = ["IMAGE", "IMAGE ID", "LOADED", "SIZE", "LAST USED", "PINNED", "IN USE"]
        if withHeader { writer.line(headings + (isWide ? ["DIGEST", "PODS"] : [])) }
        for image in images {
            let names = Self.texts(image["names"])
            for name in names.isEmpty ? ["<none>"] : names { writer.line(cells(image, name)) }
        }
        return images.isEmpty && !withHeader ? "" : writer.text
    }

    private func cells(_ image: Document, _ name: String) -> [String] {
        let id = (image["id"]?.string ?? "").split(separator: ":").last.map { String($0.prefix(12)) } ?? ""
        let pods = Self.texts(image["usedBy"])
        let isPinned =
            Self.texts(image["pinnedNames"]).contains(name) || !Self.texts(image["preloadedFrom"]).isEmpty
        let cells = [
            name, id, age(image["loaded"], never: "<unknown>"), Self.size(image["size"]?.integer ?? 0),
            age(image["lastUsed"], never: "<never>"), isPinned ? "yes" : "no", String(pods.count),
        ]
        guard isWide else { return cells }
        // Of a repository that is another's, the digest is another's too.
        let repository = (try? ImageReference(parsing: name))?.repository
        let digests = Self.texts(image["digests"]).filter { $0.hasPrefix("\(repository ?? "")@") }
        let digest = digests.first.flatMap { $0.split(separator: "@").last.map(String.init) }
        return cells + [digest ?? "<none>", pods.isEmpty ? "<none>" : pods.joined(separator: ",")]
    }

    private func age(_ time: Document?, never: String) -> String {
        guard let time = time?.string.flatMap({ Timestamp(rfc3339: $0) }) else { return never }
        return now.age(since: time)
    }

    private static func texts(_ document: Document?) -> [String] {
        if case .list(let items)? = document?.value { items.compactMap(\.string) } else { [] }
    }

    /// In decimal units with three digits, as image tools print sizes: `12.3MB`.
    static func size(_ bytes: Int64) -> String {
        var value = Double(bytes)
        var units = ["B", "kB", "MB", "GB", "TB"][...]
        while value >= 999.5, units.count > 1 {
            value /= 1000
            units = units.dropFirst()
        }
        // Tenths only below a hundred, hundredths only below ten.
        let scale = units.first == "B" ? 1.0 : value < 9.995 ? 100.0 : value < 99.95 ? 10.0 : 1.0
        let rounded = (value * scale).rounded() / scale
        let text = rounded == rounded.rounded() ? String(Int64(rounded)) : String(rounded)
        return text + (units.first ?? "")
    }
}
