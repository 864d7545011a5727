import CNamespaces
import Glibc
import PodCore

/// The files that an image, or several, come in: a layout's directory or an archive.
protocol ImageContent {
    /// A small file, whole; nil when there is none. Names have no leading `./`.
    func file(_ name: String, limit: Int) throws(SourceProblem) -> [UInt8]?

    /// Hands over each of the files named, once, in whatever order suits, as a stream that is valid during the call.
    func stream(
        _ names: Set<String>,
        _ body: (String, any ByteStream) throws(SourceProblem) -> Void
    ) throws(SourceProblem)
}

/// An OCI layout as a directory. (OCI image specification, "Image Layout".)
struct LayoutDirectory: ImageContent {
    let root: RootedDirectory

    func file(_ name: String, limit: Int) throws(SourceProblem) -> [UInt8]? {
        do {
            return try root.read(name, limit: limit)
        } catch  where error.errno == ENOENT {
            return nil
        } catch  where error.errno == EFBIG {
            throw .document(name, .tooLong(limit: limit))
        } catch {
            throw .system(error)
        }
    }

    func stream(
        _ names: Set<String>,
        _ body: (String, any ByteStream) throws(SourceProblem) -> Void
    ) throws(SourceProblem) {
        for name in names.sorted() { try body(name, open(name)) }
    }

    private func open(_ name: String) throws(SourceProblem) -> DescriptorStream {
        do throws(SystemFailure) {
            let descriptor = try root.open(name, flags: O_RDONLY | O_NONBLOCK | O_NOCTTY)
            guard try fileType(of: descriptor.raw, name) == S_IFREG else {
                throw SystemFailure(call: "read", subject: "\(root.name)/\(name)", errno: EINVAL)
            }
            return DescriptorStream(descriptor, subject: "\(root.name)/\(name)")
        } catch  where error.errno == ENOENT {
            throw .missing(name)
        } catch {
            throw .system(error)
        }
    }
}

/// Takes a layer: what would end it early, and how to get its bytes.
typealias LayerReceiver =
    @Sendable (ListedLayer, PullCancellation?, () throws(SourceProblem) -> any ByteStream)
    throws(SourceProblem) -> Void

/// Where the layers of images come from.
protocol LayerSource {
    /// Hands over each of the layers, once, in whatever order suits, perhaps several at a time from threads of its own.
    /// The stream is made when it is asked for, and is valid during the call.
    func stream(
        _ layers: [ListedLayer],
        _ body: @escaping LayerReceiver
    ) throws(SourceProblem)

    /// This one need not come: the store has it.
    func isHere(_ layer: ListedLayer)
}

/// The layers in an archive or a layout.
struct ContentLayers: LayerSource {
    let content: any ImageContent

    func stream(
        _ layers: [ListedLayer],
        _ body: @escaping LayerReceiver
    ) throws(SourceProblem) {
        var wanted: [String: ListedLayer] = [:]
        for layer in layers {
            guard wanted.updateValue(layer, forKey: layer.file) == nil else {
                throw .contradictoryLayers(layer.file)
            }
        }
        try content.stream(Set(wanted.keys)) { (file, stream) throws(SourceProblem) in
            guard let layer = wanted[file] else { return }
            try body(layer, nil) { stream }
        }
    }

    func isHere(_ layer: ListedLayer) {}
}
