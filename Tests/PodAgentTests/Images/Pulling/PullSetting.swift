import Glibc
import PodCore
import Testing

@testable import PodAgent

/// A store that images are pulled into, and what a test looks for in it.
struct PullSetting {
    let scratch: Scratch
    let store: ImageStore
    var configuration = RegistryConfiguration()
    /// The node's.
    var credentials: [RegistryCredential] = []

    @discardableResult
    func pull(
        _ name: String,
        progress: PullProgress = PullProgress(),
        cancellation: PullCancellation = PullCancellation()
    ) throws -> LoadedImage {
        let offered = credentials.map { OfferedCredential(credential: $0, isOfPod: false) }
        let order = PullOrder(
            reference: try ImageReference(parsing: name),
            configuration: configuration,
            credentials: { _ in offered }
        )
        return try store.pull(order, progress: progress, cancellation: cancellation)
    }

    /// What a pull fails with, which leaves nothing that could be taken for an image; nil when it succeeds.
    func failure(
        _ name: String,
        cancellation: PullCancellation = PullCancellation(),
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> SourceProblem? {
        do {
            try pull(name, cancellation: cancellation)
            Issue.record("the pull of \(name) succeeds", sourceLocation: sourceLocation)
            return nil
        } catch ImageFailure.pull(_, let problem) {
            try expectNothingVisible(name, sourceLocation: sourceLocation)
            return problem
        }
    }

    /// Neither a name nor an image nor anything half unpacked. Layers that were verified may stay.
    func expectNothingVisible(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(try store.resolve(name) == nil, sourceLocation: sourceLocation)
        for part in ["names", "records", "blobs"] {
            #expect(try scratch.stored(part) == [], "\(part)", sourceLocation: sourceLocation)
        }
        try expectNoRemains(sourceLocation: sourceLocation)
    }

    func expectNoRemains(sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(
            try scratch.stored("work").filter { !$0.hasSuffix(".lock") } == [],
            sourceLocation: sourceLocation
        )
        let known = try scratch.stored("layer-info").map { String($0.dropLast(".json".count)) }
        #expect(
            Set(try scratch.stored("layers")) == Set(known + [ImageStore.emptyLayer]),
            sourceLocation: sourceLocation
        )
    }

    /// That a name stands for just this image, and all of it is there.
    func expect(
        _ name: String,
        is image: TestImage,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let found = try #require(try store.resolve(name), sourceLocation: sourceLocation)
        #expect(found.id == "\(image.id)", sourceLocation: sourceLocation)
        let names = image.diffIDs.reversed().map(\.shortName)
        #expect(found.root == .layers(names), sourceLocation: sourceLocation)
        for name in names {
            #expect(FileFacts("\(store.layersPath)/\(name)")?.kind == S_IFDIR, sourceLocation: sourceLocation)
        }
        try expectNoRemains(sourceLocation: sourceLocation)
        #expect(try scratch.stored("expected") == [], sourceLocation: sourceLocation)
    }
}

extension TestImage {
    static let manifestType = "application/vnd.oci.image.manifest.v1+json"
    static let indexType = "application/vnd.oci.image.index.v1+json"

    /// What a registry has for the image, by path.
    func published(_ repository: String = "app", tag: String = "1") -> [String: HostileRegistry.Content] {
        let manifest = HostileRegistry.Content(bytes: manifestBytes, type: Self.manifestType)
        var contents = [
            "/v2/\(repository)/manifests/\(tag)": manifest,
            "/v2/\(repository)/manifests/\(manifestDigest)": manifest,
        ]
        for blob in blobs + [configBytes] { contents[blobPath(blob, repository)] = .init(bytes: blob) }
        return contents
    }

    func blobPath(_ blob: [UInt8], _ repository: String = "app") -> String {
        "/v2/\(repository)/blobs/\(Digest(of: blob))"
    }

    /// An image with one layer of some size, which is the same each time.
    static func big(_ bytes: Int = 300_000) -> TestImage {
        var state: UInt64 = 42
        let content = (0..<bytes).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        var tar = TarWriter()
        tar.add(Array("big".utf8), .file, content)
        return TestImage(layers: [tar.finished()])
    }
}
