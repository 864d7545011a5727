/// The `registries` section of the node's configuration: a map from hosts to what is said of them.
extension RegistryConfiguration {
    private static let keys = ["plainHTTP", "ca", "clientCertificate", "clientKey", "mirrors", "tokenHosts"]

    /// Reads the section; null is an empty one. Throws the first thing that is wrong, with its line.
    public init(section: Document) throws(ManifestProblem) {
        self.init()
        let path = FieldPath("registries")
        guard !section.isNull else { return }
        let entries = try Self.map(section, at: path)
        for entry in entries {
            try Self.checkHost(entry, at: path)
            hosts[entry.key] = try Self.host(entry, at: path[entry.key])
        }
        let others = hosts.values.flatMap { $0.mirrors.map(Self.mirrorHost) + $0.tokenHosts }
        for entry in entries where !others.contains(entry.key) { try Self.checkUse(entry, at: path) }
    }

    private static func host(_ entry: Document.Entry, at path: FieldPath) throws(ManifestProblem) -> Host {
        var host = Host()
        for setting in try map(entry.value, at: path) where !setting.value.isNull {
            let place = path.field(setting.key)
            switch setting.key {
            case "plainHTTP": host.isPlainHTTP = try flag(setting.value, at: place)
            case "ca": host.authoritiesFile = try file(setting.value, at: place)
            case "clientCertificate": host.certificateFile = try file(setting.value, at: place)
            case "clientKey": host.keyFile = try file(setting.value, at: place)
            case "mirrors": host.mirrors = try mirrors(setting.value, of: entry.key, at: place)
            case "tokenHosts": host.tokenHosts = try tokenHosts(setting.value, at: place)
            default:
                let near = nearest(to: setting.key, among: keys).map { "; did you mean \($0)?" } ?? ""
                throw refusal(path, "has no setting \(setting.key.quoted)\(near)", setting.value)
            }
        }
        try checkTogether(host, entry.value, at: path)
        return host
    }

    /// What one setting makes of another.
    private static func checkTogether(
        _ host: Host,
        _ document: Document,
        at path: FieldPath
    ) throws(ManifestProblem) {
        if host.keyFile != nil, host.certificateFile == nil {
            throw refusal(
                path.field("clientKey"),
                "needs a clientCertificate beside it",
                document["clientKey"]
            )
        }
        guard host.isPlainHTTP == true else { return }
        for (key, value) in [("ca", host.authoritiesFile), ("clientCertificate", host.certificateFile)]
        where value != nil {
            throw refusal(path.field(key), "has no effect where plainHTTP is true", document[key])
        }
    }

    // MARK: Hosts

    private static func checkHost(_ entry: Document.Entry, at path: FieldPath) throws(ManifestProblem) {
        let host = entry.key
        if let problem = hostProblem(host) { throw refusal(path, "\(host.quoted) \(problem)", entry.value) }
        guard host == ImageReference.legacyDefaultDomain else { return }
        let detail = "\(host.quoted) is Docker Hub, whose name here is \(ImageReference.defaultDomain)"
        throw refusal(path, detail, entry.value)
    }

    /// A key that is neither a mirror nor a token server must be what stands before the first slash of an image's name,
    /// or nothing would ever match it.
    private static func checkUse(_ entry: Document.Entry, at path: FieldPath) throws(ManifestProblem) {
        let name = try? ImageReference(parsing: "\(entry.key)/a/b")
        guard name?.domain != entry.key else { return }
        let hub = ImageReference.defaultDomain
        let reason = "is the host of no image: a name without a dot and a port is a part of \(hub)"
        throw refusal(path, "\(entry.key.quoted) \(reason)", entry.value)
    }

    private static func mirrorHost(_ mirror: String) -> String {
        mirror.split(separator: "/", maxSplits: 1).first.map(String.init) ?? mirror
    }

    /// Why a text is no host as image names have it.
    private static func hostProblem(_ host: String) -> String? {
        if host.contains("://") { return "must be a host without http:// or https://; see plainHTTP" }
        guard ReferenceGrammar.isDomain(host) else {
            return "must be a host as in names of images, such as registry.example or registry.example:5000"
        }
        guard let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") else { return nil }
        let port = UInt16(host[host.index(after: colon)...]) ?? 0
        return port == 0 ? "must have a port from 1 to 65535" : nil
    }

    private static func mirrors(
        _ document: Document,
        of host: String,
        at path: FieldPath
    ) throws(ManifestProblem) -> [String] {
        var mirrors: [String] = []
        for (index, item) in try list(document, at: path).enumerated() {
            let mirror = try text(item, at: path[index])
            let parts = mirror.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(
                String.init
            )
            if let problem = hostProblem(mirror.contains("://") ? mirror : parts[0]) {
                throw refusal(path[index], "\(mirror.quoted) \(problem)", item)
            }
            if parts.count > 1, !ReferenceGrammar.isPath(parts[1]) {
                let rule =
                    "must have a path as in names of images behind its host, such as mirror.example/hub"
                throw refusal(path[index], "\(mirror.quoted) \(rule)", item)
            }
            if mirror.lowercased() == host.lowercased() {
                throw refusal(
                    path[index],
                    "\(mirror.quoted) is the registry itself, which is asked last anyway",
                    item
                )
            }
            if mirrors.contains(mirror) {
                throw refusal(path[index], "\(mirror.quoted) stands there twice", item)
            }
            mirrors.append(mirror)
        }
        return mirrors
    }

    /// Names alone: a token server's port does not matter to who it is. (``WebOrigin/isTrusted(by:tokenHosts:)``.)
    private static func tokenHosts(_ document: Document, at path: FieldPath) throws(ManifestProblem)
        -> [String]
    {
        var hosts: [String] = []
        for (index, item) in try list(document, at: path).enumerated() {
            let host = try text(item, at: path[index])
            guard ReferenceGrammar.isDomain(host), !host.contains(":") else {
                throw refusal(
                    path[index],
                    "\(host.quoted) must be a host name such as auth.example, without a port",
                    item
                )
            }
            hosts.append(host.lowercased())
        }
        return hosts
    }

    // MARK: Values

    private static func file(_ document: Document, at path: FieldPath) throws(ManifestProblem) -> String {
        let file = try text(document, at: path)
        guard file.hasPrefix("/"), !file.utf8.contains(0) else {
            throw refusal(path, "must be a path that begins with a slash, not \(file.quoted)", document)
        }
        return file
    }

    private static func flag(_ document: Document, at path: FieldPath) throws(ManifestProblem) -> Bool {
        guard case .bool(let flag) = document.value else {
            throw refusal(path, "must be true or false, not \(document.kindDescription)", document)
        }
        return flag
    }

    private static func text(_ document: Document, at path: FieldPath) throws(ManifestProblem) -> String {
        guard let text = document.string else {
            throw refusal(path, "must be a text, not \(document.kindDescription)", document)
        }
        return text
    }

    private static func list(_ document: Document, at path: FieldPath) throws(ManifestProblem) -> [Document] {
        guard case .list(let items) = document.value else {
            throw refusal(path, "must be a list, not \(document.kindDescription)", document)
        }
        return items
    }

    private static func map(
        _ document: Document,
        at path: FieldPath
    ) throws(ManifestProblem) -> [Document.Entry] {
        guard case .map(let entries) = document.value else {
            throw refusal(path, "must be a map, not \(document.kindDescription)", document)
        }
        return entries
    }

    private static func refusal(_ path: FieldPath, _ message: String, _ at: Document?) -> ManifestProblem {
        ManifestProblem(path: path, line: at?.line, message: message)
    }
}
