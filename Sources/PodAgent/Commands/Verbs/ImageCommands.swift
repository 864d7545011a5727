import Glibc
import PodCore

/// `podagent image load`, `list` and `rm`: through the agent, or with `--state-dir` on the store itself.
struct ImageCommands {
    private static let stateDirectory = CommandFlag.value(
        "state-dir",
        nil,
        "DIR",
        "Work on the images below this state directory, without an agent."
    )

    static let load = Verb(
        name: "image load",
        synopsis: "FILE",
        summary: "Load images from an OCI layout, an OCI archive or a docker-archive.",
        details: "FILE is a tar file, packed or not, or the directory of an OCI layout.",
        examples: ["image load nginx.tar", "image load ./layout --name example.org/web:1.2"],
        flags: [
            .value("name", nil, "REFERENCE", "The name to give the image instead of its own."),
            stateDirectory,
        ],
        words: 1...1,
        run: { arguments, console throws(CommandError) in try ImageCommands(arguments, console).load() }
    )

    static let list = Verb(
        name: "image list",
        aliases: ["image ls", "images"],
        synopsis: "",
        summary: "List the images of the node.",
        flags: [
            stateDirectory, .value("output", "o", "FORMAT", "json or yaml; a table if not given."),
            .toggle("no-headers", nil, "Leave out the line of headings."),
        ],
        words: 0...0,
        run: { arguments, console throws(CommandError) in try ImageCommands(arguments, console).list() }
    )

    static let remove = Verb(
        name: "image rm",
        aliases: ["image remove", "rmi"],
        synopsis: "REFERENCE...",
        summary: "Remove images by name or ID.",
        flags: [stateDirectory],
        words: 1...Int.max,
        run: { arguments, console throws(CommandError) in try ImageCommands(arguments, console).remove() }
    )

    private let arguments: Arguments
    private let console: Console
    private let client: APIClient
    /// The store itself, when no agent is to be asked.
    private let store: ImageStore?

    private init(_ arguments: Arguments, _ console: Console) throws(CommandError) {
        self.arguments = arguments
        self.console = console
        client = APIClient(arguments, console)
        guard let path = arguments.value("state-dir") else {
            store = nil
            return
        }
        let directory: RootedDirectory
        do throws(SystemFailure) { directory = try RootedDirectory(hostPath: path) } catch {
            throw .failed(error)
        }
        store = try Self.images { () throws(ImageFailure) in try ImageStore(stateDirectory: directory) }
    }

    private static func images<Result>(_ body: () throws(ImageFailure) -> Result) throws(CommandError)
        -> Result
    {
        do throws(ImageFailure) {
            return try body()
        } catch {
            throw .failed("\(error)")
        }
    }

    private func load() throws(CommandError) {
        let path = try Self.absolute(arguments.words[0])
        let name = arguments.value("name")
        let answer: Document
        if let store {
            answer = ImageDocuments.loaded(
                try Self.images { () throws(ImageFailure) in try store.load(path: path, name: name) }
            )
        } else {
            var body: [Document.Entry] = [.init("path", Document(.string(path)))]
            if let name { body.append(.init("name", Document(.string(name)))) }
            var client = client
            // Unpacking takes as long as the image is large.
            client.patience = nil
            answer = try client.document(
                APIClient.Request("POST", ["images", "load"], body: Document(.map(body)))
            )
        }
        for image in Self.images(in: answer) {
            for warning in Self.texts(image["warnings"]) { console.note("warning: \(warning)") }
            try console.print("Loaded image: \(image["name"]?.string ?? "")\n")
        }
    }

    private func list() throws(CommandError) {
        let format = try arguments.choice("output", ["json", "yaml"])
        let answer =
            if let store {
                ImageDocuments.list(try Self.images { () throws(ImageFailure) in try store.list() })
            } else {
                try client.document(APIClient.Request(["images"]))
            }
        switch format {
        case "json": try console.print(answer.json(indentation: 4) + "\n")
        case "yaml": try console.print(answer.yaml())
        default:
            let now = Clock.wall()
            try console.print(
                ImageTable.text(Self.images(in: answer), now: now, withHeader: !arguments.isOn("no-headers"))
            )
        }
    }

    private func remove() throws(CommandError) {
        for reference in arguments.words {
            if let store {
                _ = try Self.images { () throws(ImageFailure) in try store.remove(reference, inUse: []) }
            } else {
                _ = try client.document(
                    APIClient.Request("DELETE", ["images"], query: [("reference", reference)])
                )
            }
            try console.print("Removed image: \(reference)\n")
        }
    }

    private static func images(in answer: Document) -> [Document] {
        if case .list(let images)? = answer["items"]?.value { images } else { [] }
    }

    private static func texts(_ document: Document?) -> [String] {
        if case .list(let items)? = document?.value { items.compactMap(\.string) } else { [] }
    }

    /// The agent has another working directory than the command.
    private static func absolute(_ path: String) throws(CommandError) -> String {
        guard let resolved = realpath(path, nil) else {
            throw .failed(SystemFailure.current("open", path))
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

/// Images as a table.
enum ImageTable {
    static func text(_ images: [Document], now: Timestamp, withHeader: Bool = true) -> String {
        var writer = TabWriter(minimumWidth: 6, padding: 3)
        if withHeader { writer.line("IMAGE", "IMAGE ID", "LOADED", "SIZE") }
        for image in images {
            let id =
                (image["id"]?.string ?? "").split(separator: ":").last.map { String($0.prefix(12)) } ?? ""
            let loaded = image["loaded"]?.string.flatMap { Timestamp(rfc3339: $0) }
            let size = ByteCount.text(image["size"]?.integer ?? 0)
            var names = ["<none>"]
            if case .list(let items)? = image["names"]?.value, !items.isEmpty {
                names = items.compactMap(\.string)
            }
            for name in names { writer.line(name, id, now.age(since: loaded), size) }
        }
        return images.isEmpty && !withHeader ? "" : writer.text
    }
}
