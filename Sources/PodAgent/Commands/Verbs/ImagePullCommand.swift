import Glibc
import PodCore

/// `podagent image pull`: the agent pulls, and this shows how far it is.
struct ImagePullCommand {
    static let verb = Verb(
        name: "image pull",
        aliases: ["pull"],
        synopsis: "REFERENCE",
        summary: "Pull an image from its registry.",
        details: """
            Layers that the node has are not fetched again. On a terminal each layer has a bar of its own;
            otherwise a line is printed when a layer is there. Ctrl-C ends the pull, unless a Pod waits for
            the image too.
            """,
        examples: ["image pull nginx:1.27", "image pull registry.example.org/team/app@sha256:…"],
        flags: [.toggle("quiet", "q", "Print nothing but the image's ID.")],
        words: 1...1,
        run: { arguments, console throws(CommandError) in
            try ImagePullCommand(arguments, console).run()
        }
    )

    private let arguments: Arguments
    private let console: Console

    private init(_ arguments: Arguments, _ console: Console) {
        (self.arguments, self.console) = (arguments, console)
    }

    private func run() throws(CommandError) {
        var client = APIClient(arguments, console)
        client.patience = .seconds(30)
        let reference = arguments.words[0]
        let request = APIClient.Request("POST", ["images", "pull"], query: [("reference", reference)])
        let answer = try client.send(request)
        let isQuiet = arguments.isOn("quiet")
        var display = PullDisplay(isTerminal: isatty(2) == 1 && !isQuiet)
        while let line = try answer.bodyLine() {
            let update = try APIClient.document(line)
            if let progress = update["progress"] {
                if !isQuiet { show(display.update(PullState(progress))) }
            } else if let image = update["image"] {
                return try finish(image, isQuiet)
            } else if let error = update["error"] {
                let status: Status = try APIClient.object(error)
                throw .failed(status.message)
            }
        }
        throw .failed("the agent ended the pull of \(reference) without a word: see its log")
    }

    /// Progress goes where it does not mix with what was asked for.
    private func show(_ text: String) { if !text.isEmpty { _ = console.write(2, Array(text.utf8)) } }

    private func finish(_ image: Document, _ isQuiet: Bool) throws(CommandError) {
        if case .list(let warnings)? = image["warnings"]?.value {
            for warning in warnings { console.note("warning: \(warning.string ?? "")") }
        }
        let id = image["id"]?.string ?? ""
        if isQuiet { return try console.print("\(id)\n") }
        let fresh = (image["newLayers"]?.integer ?? 0) > 0
        try console.print(
            "\(fresh ? "Pulled image" : "Image is up to date"): \(image["name"]?.string ?? "") (\(image["imageID"]?.string ?? id))\n"
        )
    }
}

/// A pull as text: lines that are drawn over each other on a terminal, or a line for each thing that is done.
struct PullDisplay {
    private static let barWidth = 30

    let isTerminal: Bool
    private var drawn = 0
    private var told: Set<Digest> = []
    private var summary = ""

    init(isTerminal: Bool) { self.isTerminal = isTerminal }

    /// What to print now.
    mutating func update(_ state: PullState) -> String {
        isTerminal ? redraw(state) : news(state)
    }

    private mutating func redraw(_ state: PullState) -> String {
        var lines = state.layers.map(Self.line)
        lines.append(state.summary)
        // Back to the first line of the last time, and each line to its end.
        var text = drawn > 0 ? "\u{1B}[\(drawn)A" : ""
        for line in lines { text += "\r\(line)\u{1B}[K\n" }
        drawn = lines.count
        return text
    }

    private static func line(_ layer: PullState.Layer) -> String {
        let share = layer.size > 0 ? min(1, Double(layer.received) / Double(layer.size)) : 1
        let filled = Int(Double(barWidth) * (layer.isHere ? 1 : share))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: barWidth - filled)
        let sizes =
            "\(ByteCount.text(layer.isHere ? layer.size : layer.received))/\(ByteCount.text(layer.size))"
        return "\(layer.digest.hex.prefix(12)) [\(bar)] \(layer.isHere ? "done" : sizes)"
    }

    private mutating func news(_ state: PullState) -> String {
        if state.layers.isEmpty {
            guard state.summary != summary else { return "" }
            summary = state.summary
            return "\(summary)\n"
        }
        let new = state.layers.filter { $0.isHere && told.insert($0.digest).inserted }
        return new.map { "\($0.digest.hex.prefix(12)): done, \(ByteCount.text($0.size))\n" }.joined()
    }
}

extension PullState {
    /// As it came over the socket; what cannot be read of it is left out.
    init(_ document: Document) {
        self.init()
        isQueued = document["summary"]?.string == PullState.queuedSummary
        guard case .list(let items)? = document["layers"]?.value else { return }
        layers = items.compactMap { item in
            guard let digest = item["digest"]?.string.flatMap({ try? Digest(parsing: $0) }) else {
                return nil
            }
            return Layer(
                digest: digest,
                size: item["size"]?.integer ?? 0,
                received: item["received"]?.integer ?? 0,
                isHere: item["done"]?.bool ?? false
            )
        }
    }
}
