/// Which images the names of a store stand for.
public struct ImageNames: Sendable {
    private var byName: [String: String] = [:]
    private var byDigest: [String: Set<String>] = [:]

    /// Knows no names.
    public init() {}

    /// Adds a name: the canonical one, the image's ID and the digests of what it stood for at its source.
    public mutating func add(_ name: String, image: String, digests: [String]) {
        byName[name] = image
        // What stands in a record was a name when it was written.
        guard let repository = (try? ImageReference(parsing: name))?.repository else { return }
        for digest in digests { byDigest["\(repository)@\(digest)", default: []].insert(image) }
    }

    /// The IDs of the images that the `image:` of a container may mean. None for what is no name, is not in the store or
    /// is a directory.
    public func images(of reference: String) -> Set<String> {
        guard let source = try? ImageSource(parsing: reference) else { return [] }
        switch source {
        case .directory: return []
        case .id(let id): return [id.description]
        case .named(let wanted):
            if let digest = wanted.digest { return byDigest["\(wanted.repository)@\(digest)"] ?? [] }
            return byName[wanted.storedName].map { [$0] } ?? []
        }
    }
}
