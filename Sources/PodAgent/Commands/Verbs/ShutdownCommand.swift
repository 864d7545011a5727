import PodCore

/// `podagent shutdown`: ends the node's Pods in order. The unit podagent-shutdown.service calls it when the machine goes
/// down.
enum ShutdownCommand {
    static let verb = Verb(
        name: "shutdown",
        synopsis: "",
        summary: "End all Pods in order, because the machine goes down.",
        details: """
            Pods get their grace period, or the node's if that is shorter (serve's flags
            --shutdown-grace-period and --shutdown-grace-period-critical-pods); those with
            priorityClassName system-node-critical or system-cluster-critical are ended when
            the others have gone. Nothing is started until the agent is: at the next boot,
            or by `systemctl restart podagent`.
            """,
        examples: ["shutdown"],
        flags: [],
        words: 0...0,
        run: { arguments, console throws(CommandError) in
            var client = APIClient(arguments, console)
            // The agent keeps the time.
            client.patience = nil
            let answer = try client.document(APIClient.Request("POST", ["shutdown"]))
            var remaining: [String] = []
            if case .list(let names)? = answer["remaining"]?.value { remaining = names.compactMap(\.string) }
            guard remaining.isEmpty else {
                throw .failed("still running after their time: \(remaining.joined(separator: ", "))")
            }
            try console.print("all Pods have ended\n")
        }
    )
}
