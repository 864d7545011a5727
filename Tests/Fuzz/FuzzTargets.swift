import FoundationEssentials
import Glibc
import PodCore

/// The parsers that strangers' bytes reach first, one for each name in `PODAGENT_FUZZ`. Beside not crashing, each has
/// something that must hold.
enum FuzzTarget: String, CaseIterable {
    /// The name of an image, as a Pod or a person gives it.
    case reference
    /// Indexes, manifests, configs and lists of saved images.
    case document
    /// The bytes of a layer, compressed or not, down to the files that they become.
    case layer

    static let chosen: FuzzTarget = {
        let name = getenv("PODAGENT_FUZZ").map { String(cString: $0) } ?? ""
        guard let target = FuzzTarget(rawValue: name) else {
            fatalError("PODAGENT_FUZZ is none of \(allCases.map(\.rawValue))")
        }
        return target
    }()

    func run(_ bytes: [UInt8]) {
        switch self {
        case .reference: parseReference(bytes)
        case .document: parseDocument(bytes)
        case .layer: LayerFuzzing.shared.unpack(bytes)
        }
    }
}

/// What libFuzzer calls, again and again.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzTarget.chosen.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}

/// A reference that was read is read again from its own canonical name, as the same.
private func parseReference(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let reference = try? ImageReference(parsing: text) else { return }
    let name = reference.description
    guard let again = try? ImageReference(parsing: name) else {
        fatalError("\(name.debugDescription), from \(text.debugDescription), cannot be read again")
    }
    precondition(again.description == name, "\(name) is read as \(again)")
}

/// Whatever is read is within the limits.
private func parseDocument(_ bytes: [UInt8]) {
    var limits = ImageLimits()
    limits.layers = 8
    switch try? ImageDocument(json: bytes, described: "", limits: limits) {
    case .manifest(let manifest): precondition(manifest.layers.count <= 8)
    case .index, nil: break
    }
    if let configuration = try? ImageConfiguration(json: bytes, limits: limits) {
        precondition(configuration.stackedDiffIDs.count <= configuration.diffIDs.count)
        precondition(!configuration.config.entrypoint.contains { $0.utf8.contains(0) })
    }
    _ = try? ImageWire.decode([ImageWire.Saved].self, from: bytes, limits: limits)
}

/// Unpacks in a directory that is emptied each time, with a directory beside it in which nothing may ever be.
private final class LayerFuzzing {
    // libFuzzer calls from one thread.
    nonisolated(unsafe) static let shared = LayerFuzzing()

    private let scratch: RootedDirectory
    private let outside: String
    private let limits: ImageLimits

    private init() {
        var template = Array("/dev/shm/podagent-fuzz-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { fatalError("mkdtemp: \(errnoText(errno))") }
        outside = String(cString: made) + "/outside"
        mkdir(outside, 0o700)
        do {
            scratch = try RootedDirectory(hostPath: String(cString: made))
        } catch {
            fatalError("\(error)")
        }
        var limits = ImageLimits()
        limits.layerBytes = 1 << 20
        limits.layerEntries = 200
        self.limits = limits
    }

    func unpack(_ bytes: [UInt8]) {
        do {
            try scratch.removeTree("layer")
            let directory = try scratch.makeDirectory("layer", mode: 0o755)
            let tree = LayerTree(directory, limits: limits) { _ throws(SystemFailure) in }
            var entry: String?
            let digest = Digest(of: [])
            do throws(LayerProblem) {
                try tree.unpack(FuzzStream(bytes), diffID: digest, &entry)
                fatalError("took bytes of another digest")
            } catch {
                precondition(!"\(error)".isEmpty)
            }
            precondition(tree.facts.bytes <= limits.layerBytes)
            precondition(tree.facts.droppedAttributes.count <= LayerTree.droppedAttributesMax)
            guard try scratch.entries() == ["layer", "outside"],
                try scratch.directory("outside").entries() == []
            else { fatalError("something was made outside the layer") }
        } catch {
            fatalError("\(error)")
        }
    }
}

/// The bytes in two pieces, so that what lies across their border is met.
private final class FuzzStream: ByteStream {
    private let buffer: UnsafeMutableRawBufferPointer
    private var position = 0

    init(_ bytes: [UInt8]) {
        buffer = .allocate(byteCount: bytes.count, alignment: 16)
        buffer.copyBytes(from: bytes)
    }

    deinit { buffer.deallocate() }

    func next() throws(StreamProblem) -> UnsafeRawBufferPointer {
        let end = position == 0 ? (buffer.count + 1) / 2 : buffer.count
        defer { position = end }
        return UnsafeRawBufferPointer(rebasing: buffer[position..<end])
    }
}
