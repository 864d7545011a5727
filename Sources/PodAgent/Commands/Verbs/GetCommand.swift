import PodCore

/// `podagent get`: objects as a table, or as JSON or YAML, once or for as long as they change.
struct GetCommand {
    static let verb = Verb(
        name: "get",
        synopsis: "pods|events|nodes [NAME...]",
        summary: "List objects, or show some of them.",
        examples: ["get pods", "get pods -A -o wide", "get pod web -o yaml", "get pods -l app=web -w"],
        flags: [
            .value("output", "o", "FORMAT", "wide, json, yaml or name; a table if not given."),
            .toggle("watch", "w", "Go on printing what changes."),
            .toggle("all-namespaces", "A", "The objects of all namespaces."),
            .value("selector", "l", "QUERY", "Only objects with these labels: app=web,tier!=db."),
            .value("field-selector", nil, "QUERY", "Only objects with these fields: status.phase=Running."),
            .toggle("no-headers", nil, "Leave out the line of headings."),
        ],
        words: 1...Int.max,
        run: { arguments, console throws(CommandError) in try GetCommand(arguments, console).run() }
    )

    private enum Format: String {
        case table, wide, json, yaml, name

        var isTable: Bool { self == .table || self == .wide }
    }

    private let arguments: Arguments
    private let console: Console
    private let client: APIClient
    private let resource: ResourceKind
    private let names: [String]
    private let format: Format
    /// nil for all.
    private let namespace: String?

    private static let tableType = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

    private init(_ arguments: Arguments, _ console: Console) throws(CommandError) {
        self.arguments = arguments
        self.console = console
        client = APIClient(arguments, console)
        (resource, names) = try arguments.resource()
        let choice = try arguments.choice("output", ["wide", "json", "yaml", "name"])
        // The choices are the raw values.
        format = choice.flatMap { Format(rawValue: $0) } ?? .table
        namespace = arguments.isOn("all-namespaces") ? nil : arguments.namespace
        if !names.isEmpty, namespace == nil, resource.isNamespaced {
            throw arguments.wrong("an object is named within one namespace; use -n instead of -A")
        }
        if resource == .nodes, arguments.isOn("watch") {
            throw arguments.wrong("a node cannot be watched")
        }
        if names.count > 1, arguments.isOn("watch") {
            throw arguments.wrong("only one object, or all of them, can be watched")
        }
    }

    private func run() throws(CommandError) {
        if arguments.isOn("watch") { return try watch() }
        let documents = names.isEmpty ? [try client.document(listing())] : try named()
        if format.isTable {
            var printer = printer
            let tables =
                resource == .nodes ? documents.map { NodeTable.table($0, now: Clock.wall()) } : documents
            let text = printer.text(tables)
            if text.isEmpty { noteNothing() }
            return try console.print(text)
        }
        let items = names.isEmpty ? documents.flatMap { Self.items(of: $0) } : documents
        switch format {
        case .table, .wide: return
        case .name: try console.print(items.map { "\(resource.singular)/\(Self.name(of: $0))\n" }.joined())
        case .json:
            try console.print(Self.together(items, isList: names.count != 1).json(indentation: 4) + "\n")
        case .yaml: try console.print(Self.together(items, isList: names.count != 1).yaml())
        }
    }

    private var printer: TablePrinter {
        TablePrinter(
            isWide: format == .wide,
            withNamespace: namespace == nil && resource.isNamespaced,
            withHeader: !arguments.isOn("no-headers")
        )
    }

    private func noteNothing() {
        let place = resource.isNamespaced ? namespace.map { " in \($0) namespace" } ?? "" : ""
        console.note("No resources found\(place).")
    }

    // MARK: Requests

    private func listing(_ fields: [String] = []) throws(CommandError) -> APIClient.Request {
        var fields = fields
        if let selector = arguments.value("field-selector") { fields.append(selector) }
        var request = APIClient.Request(resource.path(namespace: namespace))
        if !fields.isEmpty { request.query.append(("fieldSelector", fields.joined(separator: ","))) }
        if let selector = arguments.value("selector") { request.query.append(("labelSelector", selector)) }
        if format.isTable, resource != .nodes { request.accept = Self.tableType }
        return request
    }

    private func named() throws(CommandError) -> [Document] {
        var documents: [Document] = []
        for name in names {
            var request = APIClient.Request(resource.path(namespace: namespace) + [name])
            if format.isTable, resource != .nodes { request.accept = Self.tableType }
            documents.append(try client.document(request))
        }
        return documents
    }

    // MARK: Watching

    private func watch() throws(CommandError) {
        var fields: [String] = []
        if let name = names.first {
            // The agent knows the whole name, with the node's suffix; a selector needs it.
            let object = try client.document(APIClient.Request(resource.path(namespace: namespace) + [name]))
            fields.append("metadata.name=\(Self.name(of: object))")
        }
        let stream = WatchStream(client: client, request: try listing(fields))
        var printer = printer
        _ = try stream.run { event throws(CommandError) -> Never? in
            switch event {
            case .list(let list):
                if format.isTable {
                    try console.print(printer.text([list]))
                } else {
                    for item in Self.items(of: list) { try printAlone(item) }
                }
            case .added(let object), .modified(let object), .deleted(let object):
                if format.isTable {
                    try console.print(printer.text([object]))
                } else {
                    try printAlone(object)
                }
            }
            return nil
        }
    }

    private func printAlone(_ object: Document) throws(CommandError) {
        switch format {
        case .table, .wide: return
        case .name: try console.print("\(resource.singular)/\(Self.name(of: object))\n")
        case .json: try console.print(object.json(indentation: 4) + "\n")
        case .yaml: try console.print("---\n" + object.yaml())
        }
    }

    // MARK: Documents

    private static func name(of object: Document) -> String { object["metadata"]?["name"]?.string ?? "" }

    private static func items(of list: Document) -> [Document] {
        if case .list(let items)? = list["items"]?.value { items } else { [] }
    }

    /// One object as it is, several as the list of any kinds that kubectl makes of them.
    private static func together(_ items: [Document], isList: Bool) -> Document {
        if !isList, let only = items.first { return only }
        return .map([
            "apiVersion": "v1", "items": Document(.list(items)), "kind": "List",
            "metadata": .map(["resourceVersion": ""]),
        ])
    }
}
