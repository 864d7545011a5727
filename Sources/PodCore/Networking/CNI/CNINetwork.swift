/// A network as a file of `/etc/cni/net.d` describes it: a list of plugins that are run one after the other.
public struct CNINetwork: Hashable, Sendable {
    /// One plugin of the list.
    public struct Plugin: Sendable {
        /// The name of its program.
        public let type: String
        /// What it wants to be told of in `runtimeConfig`, of what the runtime has: `portMappings` for one.
        public let capabilities: Set<String>
        /// The whole of its object, for the plugin itself to understand.
        let configuration: [Document.Entry]
    }

    /// Unique on the node; plugins keep what they have given away under it.
    public let name: String
    /// What the plugins are spoken to in.
    public let version: CNIVersion
    /// `CHECK` is not to be called.
    public let disablesCheck: Bool
    /// At least one; run in this order for `ADD`, in reverse for `DEL`.
    public let plugins: [Plugin]

    /// How a file holds its network.
    public enum Form: Sendable {
        /// A list of plugins, `.conflist`.
        case list
        /// The object of the only plugin, with the network's name and version in it: `.conf` and `.json`, which the
        /// specification has given up in 1.0.0.
        case single
    }

    /// Reads a configuration; refuses what no plugin could be run with.
    public init(_ document: Document, form: Form) throws(CNIConfigurationFailure) {
        guard case .map(let entries) = document.value else {
            throw .wrongKind("", expected: "a map", found: document.kindDescription)
        }
        name = try Self.name(in: document)
        version = try Self.version(in: document)
        disablesCheck = try Self.flag("disableCheck", in: document)
        switch form {
        case .single:
            plugins = [try Plugin(document, entries, path: "")]
        case .list:
            guard let list = document["plugins"] else { throw .missing("plugins") }
            guard case .list(let items) = list.value else {
                throw .wrongKind("plugins", expected: "a list", found: list.kindDescription)
            }
            if items.isEmpty { throw .noPlugins }
            var plugins: [Plugin] = []
            for (index, item) in items.enumerated() {
                let path = "plugins[\(index)]"
                guard case .map(let entries) = item.value else {
                    throw .wrongKind(path, expected: "a map", found: item.kindDescription)
                }
                plugins.append(try Plugin(item, entries, path: "\(path)."))
            }
            self.plugins = plugins
        }
    }

    /// The same network as a list, for the record of an attachment.
    public var document: Document {
        .map([
            "cniVersion": Document(.string(version.rawValue)),
            "name": Document(.string(name)),
            "disableCheck": Document(.bool(disablesCheck)),
            "plugins": Document(.list(plugins.map { Document(.map($0.configuration)) })),
        ])
    }

    /// Whether one of the plugins wants to be told of something.
    public func hasCapability(_ name: String) -> Bool {
        plugins.contains { $0.capabilities.contains(name) }
    }

    private static func name(in document: Document) throws(CNIConfigurationFailure) -> String {
        let name = try text("name", in: document)
        guard isName(name) else { throw .badName(name) }
        return name
    }

    /// SPEC.md 1.0.0, section 1, of networks: plugins use it as a name of files.
    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, isAlphanumeric(first) else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || "_.-".utf8.contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private static func version(in document: Document) throws(CNIConfigurationFailure) -> CNIVersion {
        var offered: [String] = []
        if let known = try optionalText("cniVersion", in: document) { offered.append(known) }
        if let more = document["cniVersions"] {
            guard case .list(let items) = more.value else {
                throw .wrongKind("cniVersions", expected: "a list", found: more.kindDescription)
            }
            for (index, item) in items.enumerated() {
                guard let text = item.string else {
                    let path = "cniVersions[\(index)]"
                    throw .wrongKind(path, expected: "a string", found: item.kindDescription)
                }
                offered.append(text)
            }
        }
        // A configuration without any is of 0.1.0, says the specification.
        guard let version = CNIVersion(latestOf: offered) else {
            throw .version(offered.isEmpty ? ["0.1.0"] : offered)
        }
        return version
    }

    /// libcni takes the words too.
    private static func flag(_ key: String, in document: Document) throws(CNIConfigurationFailure) -> Bool {
        switch document[key]?.value {
        case nil, .null?, .string("false")?: return false
        case .bool(let flag)?: return flag
        case .string("true")?: return true
        default:
            let found = document[key]?.kindDescription ?? ""
            throw .wrongKind(key, expected: "a boolean", found: found)
        }
    }

    fileprivate static func text(
        _ key: String,
        in document: Document,
        path: String = ""
    ) throws(CNIConfigurationFailure) -> String {
        guard let text = try optionalText(key, in: document, path: path) else { throw .missing(path + key) }
        return text
    }

    private static func optionalText(
        _ key: String,
        in document: Document,
        path: String = ""
    ) throws(CNIConfigurationFailure) -> String? {
        guard let value = document[key], !value.isNull else { return nil }
        guard let text = value.string else {
            throw .wrongKind(path + key, expected: "a string", found: value.kindDescription)
        }
        return text
    }
}

extension CNINetwork.Plugin {
    fileprivate init(_ document: Document, _ entries: [Document.Entry], path: String)
        throws(CNIConfigurationFailure)
    {
        let type = try CNINetwork.text("type", in: document, path: path)
        // It is looked for in the directories of plugins, and nowhere else.
        guard !type.isEmpty, type != ".", type != "..", !type.utf8.contains(where: { $0 == 0x2F || $0 == 0 })
        else { throw .badType(type) }
        self.type = type
        var capabilities: Set<String> = []
        if let wanted = document["capabilities"], !wanted.isNull {
            guard case .map(let entries) = wanted.value else {
                throw .wrongKind("\(path)capabilities", expected: "a map", found: wanted.kindDescription)
            }
            for entry in entries where entry.value.value == .bool(true) { capabilities.insert(entry.key) }
        }
        self.capabilities = capabilities
        configuration = entries
    }
}

extension CNINetwork.Plugin: Hashable {
    /// Two plugins are the same when they are told the same.
    public static func == (a: Self, b: Self) -> Bool { a.configuration == b.configuration }

    /// By its program.
    public func hash(into hasher: inout Hasher) { hasher.combine(type) }
}
