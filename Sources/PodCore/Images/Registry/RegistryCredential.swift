/// What a registry is shown to be let in. Never printed: descriptions of every kind leave the secret out.
public enum RegistryCredential: Hashable, Sendable {
    /// A name and a password, for basic authentication or for a token server.
    case password(user: String, password: String)
    /// An OAuth2 refresh token (`identitytoken` in a docker configuration), for a token server.
    case identityToken(String)
    /// A bearer token (`registrytoken`), shown to the registry as it is.
    case registryToken(String)
}

extension RegistryCredential: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The user at most.
    public var description: String {
        switch self {
        case .password(let user, _): "the credentials of \(user.quoted)"
        case .identityToken: "an identity token"
        case .registryToken: "a registry token"
        }
    }

    /// The same: a debugger's words end in logs too.
    public var debugDescription: String { description }

    /// Nothing, for `dump`.
    public var customMirror: Mirror { Mirror(self, children: [Mirror.Child]()) }
}
