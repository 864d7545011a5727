import PodCore

/// The documents from which a client learns what the server has.
enum Discovery {
    /// `GET /api`.
    static let versions: Document = .map([
        "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [],
    ])

    /// `GET /apis`: there is nothing beside the core group.
    static let groups: Document = .map(["kind": "APIGroupList", "apiVersion": "v1", "groups": []])

    /// `GET /api/v1`.
    static let resources: Document = .map([
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": "v1",
        "resources": [
            resource("events", "Event", singular: "event", ["get", "list", "watch"], short: ["ev"]),
            resource("nodes", "Node", singular: "node", ["get", "list"], short: ["no"], isNamespaced: false),
            resource(
                "pods",
                "Pod",
                singular: "pod",
                ["create", "delete", "get", "list", "watch"],
                short: ["po"],
                categories: ["all"]
            ),
            resource("pods/exec", "PodExecOptions", ["create", "get"]),
            resource("pods/log", "Pod", ["get"]),
            resource("pods/status", "Pod", ["get"]),
        ],
    ])

    private static func resource(
        _ name: String,
        _ kind: String,
        singular: String = "",
        _ verbs: [String],
        short: [String] = [],
        categories: [String] = [],
        isNamespaced: Bool = true
    ) -> Document {
        func list(_ texts: [String]) -> Document { Document(.list(texts.map { Document(.string($0)) })) }
        var entries: [Document.Entry] = [
            .init("name", Document(.string(name))), .init("singularName", Document(.string(singular))),
            .init("namespaced", Document(.bool(isNamespaced))), .init("kind", Document(.string(kind))),
            .init("verbs", list(verbs)),
        ]
        if !short.isEmpty { entries.append(.init("shortNames", list(short))) }
        if !categories.isEmpty { entries.append(.init("categories", list(categories))) }
        return Document(.map(entries))
    }
}

/// What `GET /version` answers: the version of Kubernetes' API that is spoken, and whose server it is.
struct ServerVersion: Sendable {
    /// podagent's own version.
    var agent: String
    /// The release of Kubernetes whose API this is.
    var major = "1"
    var minor = "36"
    var gitCommit = ""
    var buildDate = ""

    #if arch(x86_64)
        private static let platform = "linux/amd64"
    #elseif arch(arm64)
        private static let platform = "linux/arm64"
    #else
        private static let platform = "linux/unknown"
    #endif

    var document: Document {
        .map([
            "major": Document(.string(major)), "minor": Document(.string(minor)),
            "gitVersion": Document(.string("v\(major).\(minor).0+podagent.\(agent)")),
            "gitCommit": Document(.string(gitCommit)), "gitTreeState": "",
            "buildDate": Document(.string(buildDate)),
            // Clients that check answers against the schema want all of these; none of them is true here.
            "goVersion": "", "compiler": "", "platform": Document(.string(Self.platform)),
        ])
    }
}
