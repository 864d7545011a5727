import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// A directory of its own for a test, with a canary that no image may touch.
struct Scratch {
    let root: RootedDirectory
    let path: String

    var canary: String { "\(path)/canary/file" }

    /// Runs a test in a scratch directory, checks the canary and removes everything.
    static func run<Result>(_ body: (Scratch) throws -> Result) throws -> Result {
        var template = Array("/tmp/podagent-images-XXXXXX".utf8CString)
        let path = try #require(mkdtemp(&template).map { String(cString: $0) })
        let parent = try RootedDirectory(hostPath: "/tmp")
        let leaf = try #require(path.split(separator: "/").last.map(String.init))
        defer { try? parent.removeTree(leaf) }
        let scratch = Scratch(root: try RootedDirectory(hostPath: path), path: path)
        let canary = try scratch.root.makeDirectory("canary", mode: 0o711)
        try canary.replaceFile("file", with: Array("untouched".utf8), mode: 0o640)
        let before = try scratch.snapshot()
        let result = try body(scratch)
        #expect(try scratch.snapshot() == before, "the canary was changed")
        return result
    }

    private func snapshot() throws -> [String] {
        var lines: [String] = []
        for name in ["canary", "canary/file"] {
            var status = stat()
            try #require(lstat("\(path)/\(name)", &status) == 0)
            lines.append(
                "\(name) \(status.st_mode) \(status.st_uid) \(status.st_gid) \(status.st_nlink) \(status.st_mtim.tv_sec)"
                    + " \(status.st_mtim.tv_nsec) \(status.st_ctim.tv_sec) \(status.st_ctim.tv_nsec)"
            )
        }
        lines += try root.directory("canary").entries()
        lines.append(String(decoding: try root.read("canary/file", limit: 100), as: UTF8.self))
        return lines
    }

    /// Writes a file, with the directories on its way, and returns its path.
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let (parent, leaf) = RootedDirectory.split(name)
        let directory = parent.isEmpty ? root : try root.makeDirectory(parent, mode: 0o755)
        try directory.replaceFile(leaf, with: bytes, mode: 0o644)
        return "\(path)/\(name)"
    }

    /// Writes files beneath a directory and returns the directory's path.
    func write(_ directory: String, files: [String: [UInt8]]) throws -> String {
        for (name, bytes) in files { _ = try write("\(directory)/\(name)", bytes) }
        return "\(path)/\(directory)"
    }

    func store(limits: ImageLimits = ImageLimits()) throws -> ImageStore {
        try ImageStore(stateDirectory: root.makeDirectory("state", mode: 0o755), limits: limits)
    }

    /// What lies in a directory of the store.
    func stored(_ part: String) throws -> [String] {
        try root.directory("state/images/\(part)").entries()
    }
}

/// An image for a test, written in any of the forms that can be loaded.
struct TestImage {
    /// Lowest first, as tar archives.
    var layers: [[UInt8]] = [TestImage.layer("hello")]
    var compression = Compression.none
    var run = #"{"Entrypoint":["/bin/app"],"Cmd":["serve"],"Env":["A=1"],"WorkingDir":"/srv","User":"app"}"#
    var architecture = Platform.host.architecture
    var annotations = ["org.opencontainers.image.ref.name": "example.com/app:1"]

    /// A layer with one file.
    static func layer(_ name: String, _ content: String = "content") -> [UInt8] {
        var tar = TarWriter()
        tar.add(name, .file, content)
        return tar.finished()
    }

    var diffIDs: [Digest] { layers.map { Digest(of: $0) } }
    var blobs: [[UInt8]] { layers.map(compression.apply) }

    var configBytes: [UInt8] {
        let ids = diffIDs.map { "\"\($0)\"" }.joined(separator: ",")
        return Array(
            """
            {"architecture":"\(architecture)","os":"linux","created":"2024-05-06T07:08:09Z","config":\(run),
            "rootfs":{"type":"layers","diff_ids":[\(ids)]}}
            """.utf8
        )
    }

    var id: Digest { Digest(of: configBytes) }

    var manifestBytes: [UInt8] {
        let suffix = compression == .none ? "" : "+\(compression.rawValue)"
        let listed = blobs.map {
            Self.descriptor("application/vnd.oci.image.layer.v1.tar\(suffix)", $0)
        }
        return Array(
            """
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
            "config":\(Self.descriptor("application/vnd.oci.image.config.v1+json", configBytes)),
            "layers":[\(listed.joined(separator: ","))]}
            """.utf8
        )
    }

    var manifestDigest: Digest { Digest(of: manifestBytes) }

    static func descriptor(_ type: String, _ bytes: [UInt8], extra: String = "") -> String {
        #"{"mediaType":"\#(type)","digest":"\#(Digest(of: bytes))","size":\#(bytes.count)\#(extra)}"#
    }

    /// The descriptor of the manifest, as an index lists it.
    func listed(platform: Bool = false) -> String {
        let texts = annotations.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\"\($0.value)\"" }
        let extra =
            (platform ? #","platform":{"os":"linux","architecture":"\#(architecture)"}"# : "")
            + (texts.isEmpty ? "" : ",\"annotations\":{\(texts.joined(separator: ","))}")
        return Self.descriptor("application/vnd.oci.image.manifest.v1+json", manifestBytes, extra: extra)
    }

    static func index(_ descriptors: [String]) -> [UInt8] {
        Array(#"{"schemaVersion":2,"manifests":[\#(descriptors.joined(separator: ","))]}"#.utf8)
    }

    var contentFiles: [String: [UInt8]] {
        var files = ["oci-layout": Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)]
        for blob in blobs + [configBytes, manifestBytes] { files[Self.path(blob)] = blob }
        return files
    }

    static func path(_ blob: [UInt8]) -> String { "blobs/sha256/\(Digest(of: blob).hex)" }

    var layoutFiles: [String: [UInt8]] {
        contentFiles.merging(["index.json": Self.index([listed()])]) { _, new in new }
    }

    func dockerFiles(tags: [String] = ["example.com/app:1"]) -> [String: [UInt8]] {
        var files = ["\(id.hex).json": configBytes]
        var names: [String] = []
        for (position, blob) in blobs.enumerated() {
            names.append("\(position)/layer.tar")
            files["\(position)/layer.tar"] = blob
        }
        let list = names.map { "\"\($0)\"" }.joined(separator: ",")
        let tags = tags.map { "\"\($0)\"" }.joined(separator: ",")
        files["manifest.json"] = Array(
            #"[{"Config":"\#(id.hex).json","RepoTags":[\#(tags)],"Layers":[\#(list)]}]"#.utf8
        )
        return files
    }

    /// A tar archive of files, in an order in which what is listed comes before what lists it.
    static func archive(_ files: [String: [UInt8]]) -> [UInt8] {
        var tar = TarWriter()
        for name in files.keys.sorted() { tar.add(Array(name.utf8), .file, files[name] ?? []) }
        return tar.finished()
    }
}

/// Bytes as a stream of small pieces.
final class BytesStream: ByteStream {
    private let bytes: [UInt8]
    private let piece: Int
    private let buffer: UnsafeMutableRawBufferPointer
    private var position = 0

    init(_ bytes: [UInt8], piece: Int = 1000) {
        self.bytes = bytes
        self.piece = piece
        buffer = .allocate(byteCount: piece, alignment: 16)
    }

    deinit { buffer.deallocate() }

    func next() throws(StreamProblem) -> UnsafeRawBufferPointer {
        let slice = bytes[position..<min(position + piece, bytes.count)]
        buffer.copyBytes(from: slice)
        position += slice.count
        return UnsafeRawBufferPointer(rebasing: buffer[..<slice.count])
    }
}

/// One file of a tree, as a test asserts it.
struct FileFacts: Equatable, CustomStringConvertible {
    var kind: mode_t
    var mode: mode_t
    var uid: uid_t
    var gid: gid_t
    var device: dev_t
    var inode: ino_t
    var links: nlink_t
    var size: Int
    var modifiedAt: Int

    init?(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        kind = status.st_mode & S_IFMT
        mode = status.st_mode & 0o7777
        (uid, gid, device, inode) = (status.st_uid, status.st_gid, status.st_rdev, status.st_ino)
        (links, size, modifiedAt) = (status.st_nlink, Int(status.st_size), status.st_mtim.tv_sec)
    }

    var isWhiteout: Bool { kind == S_IFCHR && device == 0 }

    var description: String { String(kind | mode, radix: 8) + " \(uid):\(gid) \(size) bytes" }
}

func content(_ path: String) -> String? {
    guard let directory = try? RootedDirectory(hostPath: "/") else { return nil }
    return (try? directory.read(path, limit: 1 << 20)).map { String(decoding: $0, as: UTF8.self) }
}

func attribute(_ path: String, _ name: String) -> [UInt8]? {
    var value = [UInt8](repeating: 0, count: 256)
    let file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    defer { close(file) }
    let count = cns_fgetxattr(file, name, &value, value.count)
    return count < 0 ? nil : Array(value.prefix(count))
}
