/// What the `image:` of a container names: an image of the store, or a directory of the host.
public enum ImageSource: Hashable, Sendable {
    /// An image by name.
    case named(ImageReference)
    /// An image by the digest of its config, as status and `image list` show it.
    case id(Digest)
    /// `rootfs:/some/dir`: the directory is the read-only root.
    case directory(path: String)

    static let directoryPrefix = "rootfs:"

    /// Reads the `image:` of a container.
    public init(parsing image: String) throws(ImageReferenceFailure) {
        if image.hasPrefix(Self.directoryPrefix) {
            let path = String(image.dropFirst(Self.directoryPrefix.count))
            // Bytes, not characters: a combining mark behind a slash would make it another character.
            let parts = path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
            guard path.utf8.first == UInt8(ascii: "/"), !parts.contains(".."), !path.utf8.contains(0) else {
                throw ImageReferenceFailure(image: image, problem: .directory)
            }
            self = .directory(path: "/" + parts.filter { $0 != "." }.joined(separator: "/"))
        } else if let id = try? Digest(parsing: image) {
            // Not being an ID is no failure: the text is then read as a name.
            self = .id(id)
        } else {
            self = .named(try ImageReference(parsing: image))
        }
    }
}
