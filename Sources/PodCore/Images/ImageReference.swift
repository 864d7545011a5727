/// The name of an image, as a Pod writes it and with its defaults filled in.
///
/// Names are read as the kubelet and Docker read them: a first part that is no host name means `docker.io`, a single
/// part there means `library/…`. The grammar is the distribution project's `reference`.
public struct ImageReference: Hashable, Sendable {
    /// The registry's host, with its port if it has one: `docker.io`, `localhost`, `reg:5000`.
    public let domain: String
    /// The repository at that registry: `library/nginx`.
    public let path: String
    /// The tag. `latest` when neither a tag nor a digest was given; nil when there is only a digest.
    public let tag: String?
    /// The digest, which decides when there is a tag beside it.
    public let digest: Digest?

    /// The tag that a name without tag and digest has.
    public static let defaultTag = "latest"
    static let defaultDomain = "docker.io"
    static let legacyDefaultDomain = "index.docker.io"
    static let pathLengthMax = 255

    /// `docker.io/library/nginx`.
    public var repository: String { "\(domain)/\(path)" }

    /// The whole name: `docker.io/library/nginx:1.2`, `docker.io/r/x:1@sha256:…`.
    public var canonical: String {
        var text = repository
        if let tag { text += ":\(tag)" }
        if let digest { text += "@\(digest)" }
        return text
    }

    /// The name under which an image is kept: with the tag when there is one, which then need not be known by its
    /// digest; else with the digest.
    public var storedName: String { tag.map { "\(repository):\($0)" } ?? canonical }

    /// Reads a name and fills in registry, `library/` and `:latest`.
    public init(parsing image: String) throws(ImageReferenceFailure) {
        let parts = try Self.split(image)
        domain = parts.domain
        path = parts.path
        digest = parts.digest
        tag = parts.tag ?? (parts.digest == nil ? Self.defaultTag : nil)
    }

    /// The string of the spec with `:latest` behind it when it names neither tag nor digest. The kubelet shows this
    /// string and leaves the rest of the normalisation to the runtime.
    public static func applyingDefaultTag(to image: String) throws(ImageReferenceFailure) -> String {
        let parts = try split(image)
        return parts.tag == nil && parts.digest == nil ? "\(image):\(defaultTag)" : image
    }

    /// The same repository by the digest alone; this one when it has none.
    public var withoutTag: ImageReference {
        guard let digest else { return self }
        return ImageReference(domain: domain, path: path, tag: nil, digest: digest)
    }

    private init(domain: String, path: String, tag: String?, digest: Digest?) {
        (self.domain, self.path, self.tag, self.digest) = (domain, path, tag, digest)
    }

    private typealias Parts = (domain: String, path: String, tag: String?, digest: Digest?)

    private static func split(_ image: String) throws(ImageReferenceFailure) -> Parts {
        func failure(_ problem: ImageReferenceFailure.Problem) -> ImageReferenceFailure {
            ImageReferenceFailure(image: image, problem: problem)
        }
        guard !isImageID(image) else { throw failure(.hexadecimal) }
        let (domain, remainder) = splitDomain(image)
        let remote = remainder.prefix { $0 != ":" }
        guard remote.lowercased() == remote else { throw failure(.upperCase(repository: String(remote))) }

        let (named, digestText) = cut(remainder, at: "@")
        let (path, tag) = cut(named, at: ":")
        guard ReferenceGrammar.isDomain(domain), ReferenceGrammar.isPath(path),
            tag.map(ReferenceGrammar.isTag) ?? true,
            digestText.map(ReferenceGrammar.isDigest) ?? true
        else { throw failure(.format) }
        guard path.utf8.count <= pathLengthMax else { throw failure(.tooLong) }
        do {
            let digest: Digest? = if let digestText { try Digest(parsing: digestText) } else { nil }
            return (domain, path, tag, digest)
        } catch {
            throw failure(.digest(error))
        }
    }

    /// What stands before the first slash is a host only when it looks like one.
    private static func splitDomain(_ image: String) -> (domain: String, remainder: String) {
        guard let slash = image.firstIndex(of: "/") else { return (defaultDomain, "library/\(image)") }
        let first = String(image[..<slash])
        let rest = String(image[image.index(after: slash)...])
        let isHost =
            first == "localhost" || first.contains(".") || first.contains(":") || first.lowercased() != first
        let domain = !isHost || first == legacyDefaultDomain ? defaultDomain : first
        let remainder = isHost ? rest : image
        let needsLibrary = domain == defaultDomain && !remainder.contains("/")
        return (domain, needsLibrary ? "library/\(remainder)" : remainder)
    }

    private static func cut(_ text: String, at separator: Character) -> (String, String?) {
        guard let index = text.firstIndex(of: separator) else { return (text, nil) }
        return (String(text[..<index]), String(text[text.index(after: index)...]))
    }

    /// 64 hexadecimal digits are an image's ID and would be ambiguous as a name.
    private static func isImageID(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { ($0 >= 48 && $0 <= 57) || ($0 >= 97 && $0 <= 102) }
    }
}

extension ImageReference: CustomStringConvertible {
    /// The canonical form.
    public var description: String { canonical }
}
