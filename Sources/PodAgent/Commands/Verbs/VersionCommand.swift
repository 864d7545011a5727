import PodCore

/// `podagent version`.
enum VersionCommand {
    static let verb = Verb(
        name: "version",
        synopsis: "",
        summary: "Print the version of this program, and of the running agent if there is one.",
        flags: [.toggle("client", nil, "Do not ask the agent.")],
        words: 0...0,
        run: { arguments, console throws(CommandError) in
            try console.print("podagent \(PodAgentVersion.text)\n")
            guard !arguments.isOn("client") else { return }
            var client = APIClient(arguments, console)
            client.patience = .seconds(5)
            do throws(CommandError) {
                let answer = try client.document(APIClient.Request(["version"]))
                try console.print(
                    "agent at \(client.socketPath): \(answer["gitVersion"]?.string ?? "unknown")\n"
                )
            } catch {
                // Without an agent there is nothing wrong, unless one was named.
                if arguments.value("socket") != nil { throw error }
            }
        }
    )
}
