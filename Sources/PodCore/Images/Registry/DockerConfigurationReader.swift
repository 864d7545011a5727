/// Takes the document of a docker configuration apart.
struct DockerConfigurationReader {
    private(set) var entries: [DockerConfiguration.Entry] = []
    private(set) var notes: [String] = []

    mutating func read(
        _ document: Document,
        form: DockerConfiguration.Form
    ) throws(DockerConfigurationFailure) {
        switch form {
        case .legacy: try readEntries(document, at: .root, store: nil)
        case .config:
            _ = try Self.map(document, at: .root)
            let store = try Self.text(document["credsStore"], at: FieldPath("credsStore"))
            if let auths = document["auths"], !auths.isNull {
                try readEntries(auths, at: FieldPath("auths"), store: store)
            }
            if let helpers = document["credHelpers"], !helpers.isNull { try readHelpers(helpers) }
        }
    }

    /// Entries by registry. Of a key that stands there twice the last counts.
    private mutating func readEntries(
        _ document: Document,
        at path: FieldPath,
        store: String?
    ) throws(DockerConfigurationFailure) {
        let all = try Self.map(document, at: path)
        var last: [String: Int] = [:]
        for (index, entry) in all.enumerated() { last[entry.key] = index }
        for (index, entry) in all.enumerated() where last[entry.key] == index {
            // A URL may have credentials of its own in front of the host.
            let name = RegistryKey.withoutUser(entry.key)
            let credentials = try Self.credentials(entry.value, at: path[name])
            if let key = RegistryKey(entry.key), !credentials.isEmpty {
                entries.append(DockerConfiguration.Entry(key: key, credentials: credentials))
            } else if credentials.isEmpty, let store {
                notes.append(
                    "\(path[name]) leaves its credentials to credsStore \(store.quoted), a program that podagent does not run"
                )
            } else {
                let reason = credentials.isEmpty ? "has no credentials" : "names no registry"
                notes.append("\(path[name]) \(reason), and has no effect")
            }
        }
    }

    private mutating func readHelpers(_ document: Document) throws(DockerConfigurationFailure) {
        let path = FieldPath("credHelpers")
        for entry in try Self.map(document, at: path) {
            let name = path[RegistryKey.withoutUser(entry.key)]
            guard let helper = try Self.text(entry.value, at: name) else { continue }
            notes.append("\(name) names \(helper.quoted), a program that podagent does not run")
        }
    }

    /// What one entry has. A token goes before a password, which is a placeholder where there are both.
    private static func credentials(
        _ document: Document,
        at path: FieldPath
    ) throws(DockerConfigurationFailure) -> [RegistryCredential] {
        if document.isNull { return [] }
        _ = try map(document, at: path)
        var found: [RegistryCredential] = []
        if let token = try token(document["registrytoken"], at: path.field("registrytoken")) {
            found.append(.registryToken(token))
        }
        if let token = try token(document["identitytoken"], at: path.field("identitytoken")) {
            found.append(.identityToken(token))
        }
        var user = try text(document["username"], at: path.field("username")) ?? ""
        var password = try text(document["password"], at: path.field("password")) ?? ""
        if let auth = try text(document["auth"], at: path.field("auth")) {
            (user, password) = try pair(auth, at: path.field("auth"))
        }
        let isPlaceholder = password.isEmpty && !found.isEmpty
        if !user.isEmpty || !password.isEmpty, !isPlaceholder {
            found.append(.password(user: user, password: password))
        }
        return found
    }

    /// User and password of an `auth`, with or without the padding of base64.
    private static func pair(
        _ auth: String,
        at path: FieldPath
    ) throws(DockerConfigurationFailure) -> (user: String, password: String) {
        let bare = auth.utf8.filter { $0 != 0x0A && $0 != 0x0D }
        let padding = bare.last == 0x3D ? 0 : (4 - bare.count % 4) % 4
        let padded = String(decoding: bare, as: UTF8.self) + String(repeating: "=", count: padding)
        guard let bytes = Base64.decode(padded), let text = String(validating: bytes, as: UTF8.self) else {
            throw DockerConfigurationFailure(path, .notBase64)
        }
        guard let colon = text.firstIndex(of: ":") else { throw DockerConfigurationFailure(path, .noColon) }
        return (String(text[..<colon]), String(text[text.index(after: colon)...]))
    }

    /// Tokens go into requests as they are.
    private static func token(
        _ document: Document?,
        at path: FieldPath
    ) throws(DockerConfigurationFailure) -> String? {
        guard let token = try text(document, at: path) else { return nil }
        guard token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw DockerConfigurationFailure(path, .notPrintable)
        }
        return token
    }

    /// Nil where nothing is given.
    private static func text(
        _ document: Document?,
        at path: FieldPath
    ) throws(DockerConfigurationFailure) -> String? {
        guard let document, !document.isNull else { return nil }
        guard let text = document.string else {
            throw DockerConfigurationFailure(path, .wrongType(wanted: "a string"))
        }
        return text.isEmpty ? nil : text
    }

    private static func map(
        _ document: Document,
        at path: FieldPath
    ) throws(DockerConfigurationFailure) -> [Document.Entry] {
        guard case .map(let entries) = document.value else {
            throw DockerConfigurationFailure(path, .wrongType(wanted: "a map"))
        }
        return entries
    }
}
