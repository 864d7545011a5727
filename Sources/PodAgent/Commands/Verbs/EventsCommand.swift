import PodCore

/// `podagent events`: what happened, as `kubectl events` lists it.
struct EventsCommand {
    static let verb = Verb(
        name: "events",
        synopsis: "",
        summary: "List what happened, oldest first.",
        details: """
            What has happened several times is one event: 3m (x4 over 10m) is four times in
            ten minutes, last three minutes ago. Events of a Pod that is gone stay for an hour.
            """,
        examples: ["events -w", "events --for pod/web --types Warning", "events -A -o wide"],
        flags: [
            .value("for", nil, "pod/NAME", "Only what happened to this Pod, or to node/NAME."),
            .value("types", nil, "TYPES", "Normal or Warning; both with a comma between are all."),
            .value("output", "o", "FORMAT", "wide, json, yaml or name; a table if not given."),
            .toggle("watch", "w", "Go on printing what happens."),
            .toggle("all-namespaces", "A", "The events of all namespaces."),
            .toggle("no-headers", nil, "Leave out the line of headings."),
        ],
        words: 0...0,
        run: { arguments, console throws(CommandError) in try EventsCommand(arguments, console).run() }
    )

    private enum Format: String {
        case table, wide, json, yaml, name
    }

    /// An event as it was answered, and as it is understood.
    private struct Item {
        var document: Document
        var event: Event
    }

    private let console: Console
    private let client: APIClient
    private let format: Format
    /// nil for all.
    private let namespace: String?
    private let types: Set<EventType>
    private let subject: EventSubject?
    private let isWatch: Bool
    private var printer: TablePrinter

    private init(_ arguments: Arguments, _ console: Console) throws(CommandError) {
        self.console = console
        client = APIClient(arguments, console)
        let choice = try arguments.choice("output", ["wide", "json", "yaml", "name"])
        // The choices are the raw values.
        format = choice.flatMap { Format(rawValue: $0) } ?? .table
        namespace = arguments.isOn("all-namespaces") ? nil : arguments.namespace
        types = try arguments.eventTypes()
        subject = try EventSubject(arguments, client, in: namespace)
        printer = TablePrinter(
            isWide: format == .wide,
            withNamespace: namespace == nil,
            withHeader: !arguments.isOn("no-headers")
        )
        isWatch = arguments.isOn("watch")
    }

    private func run() throws(CommandError) {
        var printing = self
        if isWatch { return try printing.watch() }
        let list = try client.document(request)
        try printing.print(list, try wanted(in: list))
    }

    private var request: APIClient.Request {
        var fields = subject?.fields ?? []
        if types.count == 1, let type = types.first { fields.append("type=\(type.rawValue)") }
        var request = APIClient.Request(ResourceKind.events.path(namespace: namespace))
        if !fields.isEmpty { request.query.append(("fieldSelector", fields.joined(separator: ","))) }
        return request
    }

    /// The events of a list that are asked for, in the order in which they last happened.
    private func wanted(in list: Document) throws(CommandError) -> [Item] {
        guard case .list(let documents)? = list["items"]?.value else { return [] }
        var items: [Item] = []
        for document in documents {
            if let item = try wanted(document) { items.append(item) }
        }
        return items.sorted { $0.event.lastSeen < $1.event.lastSeen }
    }

    private func wanted(_ document: Document) throws(CommandError) -> Item? {
        let event: Event = try APIClient.object(document)
        guard subject?.isOf(event) ?? true else { return nil }
        return Item(document: document, event: event)
    }

    private mutating func print(_ list: Document, _ items: [Item]) throws(CommandError) {
        switch format {
        case .table, .wide:
            if items.isEmpty {
                console.note("No events found\(namespace.map { " in \($0) namespace" } ?? "").")
            }
            try printRows(items)
        case .name: for item in items { try printAlone(item) }
        case .json: try console.print(Self.list(list, items).json(indentation: 4) + "\n")
        case .yaml: try console.print(Self.list(list, items).yaml())
        }
    }

    /// The list as it was answered, with these items.
    private static func list(_ list: Document, _ items: [Item]) -> Document {
        var entries: [Document.Entry] = []
        for name in ["apiVersion", "items", "kind", "metadata"] {
            let value = name == "items" ? Document(.list(items.map(\.document))) : list[name]
            if let value { entries.append(.init(name, value)) }
        }
        return Document(.map(entries))
    }

    private mutating func printRows(_ items: [Item]) throws(CommandError) {
        let table = EventListing.table(items.map(\.event), now: Clock.wall())
        try console.print(printer.text([table.document]))
    }

    // MARK: Watching

    private mutating func watch() throws(CommandError) {
        let stream = WatchStream(client: client, request: request)
        var printing = self
        // When the agent has forgotten a version everything is listed again.
        var printed: UInt64 = 0
        _ = try stream.run { change throws(CommandError) -> Never? in
            let items: [Item]
            switch change {
            case .list(let list): items = try printing.wanted(in: list)
            case .added(let object), .modified(let object):
                items = try printing.wanted(object).map { [$0] } ?? []
            // One that is too old to be kept: nothing has happened.
            case .deleted: return nil
            }
            let news = items.filter { $0.event.versionNumber > printed }
            printed = max(printed, news.map(\.event.versionNumber).max() ?? 0)
            switch printing.format {
            case .table, .wide: try printing.printRows(news)
            case .name, .json, .yaml: for item in news { try printing.printAlone(item) }
            }
            return nil
        }
    }

    private func printAlone(_ item: Item) throws(CommandError) {
        switch format {
        case .table, .wide: return
        case .name: try console.print("event/\(item.event.metadata.name)\n")
        case .json: try console.print(item.document.json(indentation: 4) + "\n")
        case .yaml: try console.print("---\n" + item.document.yaml())
        }
    }
}

extension Arguments {
    /// Which types `--types` names; none for all.
    fileprivate func eventTypes() throws(CommandError) -> Set<EventType> {
        guard let text = value("types") else { return [] }
        var types: Set<EventType> = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard
                let type = EventType.allCases.first(where: { $0.rawValue.lowercased() == word.lowercased() })
            else {
                throw wrong("--types must be Normal, Warning, or both with a comma between, not '\(text)'")
            }
            types.insert(type)
        }
        return types
    }
}
