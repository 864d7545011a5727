import Glibc
import PodCore

/// `podagent image …`: through the agent, or with `--state-dir` on the store itself.
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
        details: """
            LAST USED is when a container last ran from the image, to within five minutes. IN USE
            counts the Pods that have the image or name it; -o wide names them.
            """,
        flags: [
            stateDirectory, .value("output", "o", "FORMAT", "wide, json or yaml; a table if not given."),
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

    static let pin = Verb(
        name: "image pin",
        synopsis: "REFERENCE...",
        summary: "Keep images, whatever room they take.",
        details: """
            What is pinned is a name, also for the images that get it later. It is neither
            cleared away nor pruned nor removed. Images from --preload-dir are pinned anyway.
            """,
        flags: [stateDirectory],
        words: 1...Int.max,
        run: { arguments, console throws(CommandError) in
            try ImageCommands(arguments, console).setPinned(true)
        }
    )

    static let unpin = Verb(
        name: "image unpin",
        synopsis: "REFERENCE...",
        summary: "Let go of images that were pinned.",
        flags: [stateDirectory],
        words: 1...Int.max,
        run: { arguments, console throws(CommandError) in
            try ImageCommands(arguments, console).setPinned(false)
        }
    )

    static let prune = Verb(
        name: "image prune",
        synopsis: "",
        summary: "Remove the images without a name that nothing uses.",
        details: """
            With --all, also those with names. What a container has, what a Pod or a manifest
            names and what is pinned stays in any case.
            """,
        flags: [
            stateDirectory, .toggle("all", "a", "Every image that nothing uses, with or without a name."),
        ],
        words: 0...0,
        run: { arguments, console throws(CommandError) in try ImageCommands(arguments, console).prune() }
    )

    private let arguments: Arguments
    private let console: Console
    private let client: APIClient
    /// The store itself, when no agent is to be asked.
    private let store: ImageStore?
    /// What the store lies in.
    private let state: RootedDirectory?

    private init(_ arguments: Arguments, _ console: Console) throws(CommandError) {
        self.arguments = arguments
        self.console = console
        client = APIClient(arguments, console)
        guard let path = arguments.value("state-dir") else {
            (store, state) = (nil, nil)
            return
        }
        let directory: RootedDirectory
        do throws(SystemFailure) { directory = try RootedDirectory(hostPath: path) } catch {
            throw .failed(error)
        }
        state = directory
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
        let format = try arguments.choice("output", ["wide", "json", "yaml"])
        let answer: Document
        if let store {
            do throws(CommandError) {
                try nameUses(in: store)
            } catch {
                console.note("warning: who uses the images is not known: \(error.text ?? "")")
            }
            answer = try Self.images { () throws(ImageFailure) in
                ImageDocuments.list(try store.list(), users: try store.users())
            }
        } else {
            answer = try client.document(APIClient.Request(["images"]))
        }
        switch format {
        case "json": try console.print(answer.json(indentation: 4) + "\n")
        case "yaml": try console.print(answer.yaml())
        default:
            var table = ImageTable(now: Clock.wall(), isWide: format == "wide")
            table.withHeader = !arguments.isOn("no-headers")
            try console.print(table.text(Self.images(in: answer)))
        }
    }

    private func remove() throws(CommandError) {
        // Held until all is done: no agent begins meanwhile.
        let lock = try refuseAgent()
        defer { withExtendedLifetime(lock) {} }
        for reference in arguments.words {
            if let store {
                _ = try Self.images { () throws(ImageFailure) in try store.remove(reference) }
            } else {
                _ = try client.document(
                    APIClient.Request("DELETE", ["images"], query: [("reference", reference)])
                )
            }
            try console.print("Removed image: \(reference)\n")
        }
    }

    private func setPinned(_ isPinned: Bool) throws(CommandError) {
        for reference in arguments.words {
            let names: [String]
            if let store {
                names = try Self.images { () throws(ImageFailure) in
                    try store.setPinned(isPinned, reference)
                }
            } else {
                let body = Document.map(["reference": Document(.string(reference))])
                let request = APIClient.Request("POST", ["images", isPinned ? "pin" : "unpin"], body: body)
                names = Self.texts(try client.document(request)["names"])
            }
            for name in names {
                try console.print("\(isPinned ? "Pinned" : "Unpinned") image: \(name)\n")
            }
        }
    }

    private func prune() throws(CommandError) {
        let all = arguments.isOn("all")
        let lock = try refuseAgent()
        defer { withExtendedLifetime(lock) {} }
        let answer: Document
        if let store {
            answer = ImageDocuments.pruned(
                try Self.images { () throws(ImageFailure) in try store.prune(all: all) }
            )
        } else {
            var client = client
            // Removing takes as long as there are files.
            client.patience = nil
            let body = Document.map(["all": Document(.bool(all))])
            answer = try client.document(APIClient.Request("POST", ["images", "prune"], body: body))
        }
        for image in Self.images(in: answer) {
            let names = Self.texts(image["names"])
            for name in names.isEmpty ? [image["id"]?.string ?? ""] : names {
                try console.print("Removed image: \(name)\n")
            }
        }
        let freed = answer["freedBytes"]?.integer ?? 0
        try console.print("Freed: \(ImageTable.size(freed)) (\(freed) bytes)\n")
    }

    // MARK: Without an agent

    /// Nothing is taken away from under an agent that runs, and knows alone what it needs; nor from the Pods that an
    /// agent has left running.
    private func refuseAgent() throws(CommandError) -> LockFile? {
        guard let store, let state else { return nil }
        let lock: LockFile
        do throws(SystemFailure) {
            lock = try LockFile(NodeDirectories.stateLockLeaf, in: state, patience: .zero)
        } catch {
            guard error.errno == EWOULDBLOCK else { throw .failed(error) }
            throw .failed("an agent uses \(state.name): do it through that, without --state-dir")
        }
        try nameUses(in: store)
        return lock
    }

    /// Tells the store which images the Pods have or name that an agent has left records of.
    private func nameUses(in store: ImageStore) throws(CommandError) {
        guard let state else { return }
        do throws(SystemFailure) {
            try store.uses.name(recordedIn: state)
        } catch {
            throw .failed(error)
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
