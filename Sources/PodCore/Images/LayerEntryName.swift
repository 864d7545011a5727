/// A place in a layer: the names of directories and of what lies in them, from the layer's root. Names are bytes,
/// since nothing says that they are UTF-8.
public struct LayerPath: Hashable, Sendable {
    /// The components; none for the root. No component is empty, `.` or `..`, or has a `/` or a NUL in it.
    public let components: [[UInt8]]

    /// Cleans a name from an archive: an absolute name starts at the layer's root, and `..` cannot climb out of it.
    public init(cleaning name: some Sequence<UInt8>, limits: ImageLimits = ImageLimits())
        throws(LayerNameFailure)
    {
        let name = Array(name)
        guard name.count <= limits.nameBytes else { throw .tooLong(limit: limits.nameBytes) }
        guard !name.contains(0) else { throw .nul }
        var components: [[UInt8]] = []
        for part in name.split(separator: UInt8(ascii: "/")) {
            switch part {
            case [UInt8(ascii: ".")]: continue
            case [UInt8(ascii: "."), UInt8(ascii: ".")]: _ = components.popLast()
            default: components.append(Array(part))
            }
        }
        guard components.count <= limits.depth else { throw .tooDeep(limit: limits.depth) }
        self.components = components
    }

    init(components: [[UInt8]]) { self.components = components }

    /// The directory that holds it; the root's is the root.
    public var parent: LayerPath { LayerPath(components: components.dropLast()) }

    /// Its own name; nil for the root.
    public var leaf: [UInt8]? { components.last }

    /// Whether it is the layer's root itself.
    public var isRoot: Bool { components.isEmpty }

    /// The components with slashes between them; `.` for the root.
    public var joined: [UInt8] {
        isRoot ? [UInt8(ascii: ".")] : Array(components.joined(separator: [UInt8(ascii: "/")]))
    }
}

extension LayerPath: CustomStringConvertible {
    /// The name as text; bytes that are not UTF-8 are shown as replacement characters.
    public var description: String { String(decoding: joined, as: UTF8.self) }
}

/// What the name of an entry asks for. (OCI image specification, "Image Layer Filesystem Changeset".)
public enum LayerEntryName: Hashable, Sendable {
    /// The entry is an object of the layer.
    case object(LayerPath)
    /// `.wh.name`: what lower layers have under this path is hidden.
    case whiteout(LayerPath)
    /// `.wh..wh..opq`: all that lower layers have in this directory is hidden.
    case opaque(directory: LayerPath)
    /// Other `.wh..wh.` names were AUFS's own bookkeeping and mean nothing.
    case bookkeeping

    static let whiteoutPrefix = Array(".wh.".utf8)
    static let bookkeepingPrefix = Array(".wh..wh.".utf8)
    static let opaqueName = Array(".wh..wh..opq".utf8)

    /// Reads the name of an entry.
    public init(parsing name: some Sequence<UInt8>, limits: ImageLimits = ImageLimits())
        throws(LayerNameFailure)
    {
        let path = try LayerPath(cleaning: name, limits: limits)
        guard let leaf = path.leaf else {
            self = .object(path)
            return
        }
        if leaf == Self.opaqueName {
            self = .opaque(directory: path.parent)
        } else if path.components.contains(where: { $0.starts(with: Self.bookkeepingPrefix) }) {
            self = .bookkeeping
        } else if leaf.starts(with: Self.whiteoutPrefix) {
            let hidden = Array(leaf.dropFirst(Self.whiteoutPrefix.count))
            guard !hidden.isEmpty, hidden != Array(".".utf8), hidden != Array("..".utf8) else {
                throw .whiteoutOfNothing
            }
            self = .whiteout(LayerPath(components: path.parent.components + [hidden]))
        } else {
            self = .object(path)
        }
        guard !path.parent.components.contains(where: Self.isWhiteout) || self == .bookkeeping else {
            throw .beneathWhiteout
        }
    }

    private static func isWhiteout(_ component: [UInt8]) -> Bool { component.starts(with: whiteoutPrefix) }
}

/// Why the name of an entry is refused.
public enum LayerNameFailure: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    /// Longer than ``ImageLimits/nameBytes``.
    case tooLong(limit: Int)
    /// Deeper than ``ImageLimits/depth``.
    case tooDeep(limit: Int)
    /// Has a NUL in it.
    case nul
    /// A whiteout of `.`, `..` or of no name at all.
    case whiteoutOfNothing
    /// Lies in a directory whose name is a whiteout's.
    case beneathWhiteout

    /// A sentence without the entry, which is named before it.
    public var description: String {
        switch self {
        case .tooLong(let limit): "its name is longer than \(limit) bytes"
        case .tooDeep(let limit): "it lies more than \(limit) directories deep"
        case .nul: "its name has a NUL byte"
        case .whiteoutOfNothing: "it is a whiteout of \".\", \"..\" or of no name"
        case .beneathWhiteout: "it lies beneath a whiteout"
        }
    }
}
