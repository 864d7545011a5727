import PodCore
import Testing

@Suite struct ImageDocumentTests {
    private static let oci = "application/vnd.oci.image."

    private func descriptor(_ type: String, size: Int64 = 1) throws -> ContentDescriptor {
        try ContentDescriptor(
            mediaType: type,
            digest: "sha256:" + String(repeating: "a", count: 64),
            size: size
        )
    }

    private func manifest(_ change: (inout ImageDocument.Members) throws -> Void = { _ in }) throws
        -> ImageDocument.Members
    {
        var members = ImageDocument.Members()
        members.schemaVersion = 2
        members.mediaType = Self.oci + "manifest.v1+json"
        members.config = try descriptor(Self.oci + "config.v1+json")
        members.layers = [try descriptor(Self.oci + "layer.v1.tar+gzip")]
        try change(&members)
        return members
    }

    private func index(_ change: (inout ImageDocument.Members) throws -> Void = { _ in }) throws
        -> ImageDocument.Members
    {
        var members = ImageDocument.Members()
        members.schemaVersion = 2
        members.manifests = [try descriptor(Self.oci + "manifest.v1+json")]
        try change(&members)
        return members
    }

    @Test("A manifest is a manifest and an index is an index")
    func reads() throws {
        guard case .manifest(let read) = try ImageDocument(manifest()) else {
            Issue.record("not a manifest")
            return
        }
        #expect(read.layers.count == 1)
        guard case .index(let list) = try ImageDocument(index()) else {
            Issue.record("not an index")
            return
        }
        #expect(list.manifests.count == 1)
    }

    @Test(
        "Layers of every compression and of Docker's types are layers",
        arguments: [
            "application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+zstd",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        ]
    )
    func layerTypes(type: String) throws {
        let members = try manifest { $0.layers = [try descriptor(type)] }
        #expect(throws: Never.self) { try ImageDocument(members) }
    }

    @Test("A document that could be both is refused, whichever half is missing a part")
    func ambiguous() throws {
        let withConfig = try index { $0.config = try descriptor(Self.oci + "config.v1+json") }
        let withLayers = try index { $0.layers = [] }
        for members in [withConfig, withLayers] {
            #expect(throws: ImageDocumentFailure.ambiguous) { try ImageDocument(members) }
        }
    }

    @Test("A media type that contradicts the content is refused, in the document and in the descriptor")
    func contradictions() throws {
        let indexType = Self.oci + "index.v1+json"
        let lying = try manifest { $0.mediaType = indexType }
        #expect(throws: ImageDocumentFailure.mediaType(indexType)) { try ImageDocument(lying) }
        let honest = try manifest()
        #expect(throws: ImageDocumentFailure.mediaType(indexType)) {
            try ImageDocument(honest, described: indexType)
        }
        #expect(throws: ImageDocumentFailure.self) {
            try ImageDocument(honest, described: "application/vnd.docker.distribution.manifest.v2+json")
        }
        let wrongIndex = try index { $0.mediaType = Self.oci + "manifest.v1+json" }
        #expect(throws: ImageDocumentFailure.self) { try ImageDocument(wrongIndex) }
    }

    @Test("What is not a container image is refused by name")
    func otherThings() throws {
        var empty = ImageDocument.Members()
        #expect(throws: ImageDocumentFailure.missing("schemaVersion 2")) { try ImageDocument(empty) }
        empty.schemaVersion = 2
        #expect(throws: ImageDocumentFailure.neither) { try ImageDocument(empty) }
        empty.hasSchema1Layers = true
        #expect(throws: ImageDocumentFailure.schema1) { try ImageDocument(empty) }
        let chart = try manifest {
            $0.config = try descriptor("application/vnd.cncf.helm.config.v1+json")
        }
        #expect(throws: ImageDocumentFailure.self) { try ImageDocument(chart) }
        let encrypted = try manifest {
            $0.layers = [try descriptor(Self.oci + "layer.v1.tar+gzip+encrypted")]
        }
        #expect(throws: ImageDocumentFailure.self) { try ImageDocument(encrypted) }
    }

    @Test("128 layers are one too many")
    func layerLimit() throws {
        let layer = try descriptor(Self.oci + "layer.v1.tar")
        let most = try manifest { $0.layers = Array(repeating: layer, count: 127) }
        #expect(throws: Never.self) { try ImageDocument(most) }
        let more = try manifest { $0.layers = Array(repeating: layer, count: 128) }
        #expect(throws: ImageDocumentFailure.tooManyLayers(128, limit: 127)) { try ImageDocument(more) }
    }

    @Test("Attestations in an index are passed over")
    func attestations() throws {
        let members = try index {
            $0.manifests?.append(
                try ContentDescriptor(
                    mediaType: nil,
                    digest: "sha256:" + String(repeating: "b", count: 64),
                    size: 1,
                    platform: Platform(os: "unknown", architecture: "unknown")
                )
            )
        }
        guard case .index(let list) = try ImageDocument(members) else {
            Issue.record("not an index")
            return
        }
        #expect(list.manifests.count == 1)
    }

    @Test("A descriptor needs a digest and a size, and the size is not negative")
    func descriptors() {
        let digest = "sha256:" + String(repeating: "a", count: 64)
        #expect(throws: ImageDocumentFailure.negativeSize(digest: digest)) {
            try ContentDescriptor(mediaType: nil, digest: digest, size: -1)
        }
        #expect(throws: ImageDocumentFailure.self) {
            try ContentDescriptor(mediaType: nil, digest: digest, size: nil)
        }
        #expect(throws: ImageDocumentFailure.self) {
            try ContentDescriptor(mediaType: nil, digest: nil, size: 1)
        }
        #expect(throws: ImageDocumentFailure.digest("sha256:../x", .length)) {
            try ContentDescriptor(mediaType: nil, digest: "sha256:../x", size: 1)
        }
    }

    @Test(
        "Nesting is counted outside strings only",
        arguments: [
            ("", 0), ("1", 0), ("[]", 1), (#"{"a":[{}]}"#, 3), (#"["[[[["]"#, 1), (#"["\"[[", []]"#, 2),
            (#"["\\", [[]]]"#, 3), ("[][][]", 1),
        ]
    )
    func nesting(text: String, depth: Int) { #expect(JSONNesting.depth(of: text.utf8) == depth) }
}

@Suite struct ImageConfigurationTests {
    private static let first = "sha256:" + String(repeating: "1", count: 64)
    private static let second = "sha256:" + String(repeating: "2", count: 64)

    private func configuration(
        _ config: ImageConfig = ImageConfig(),
        platform: Platform? = nil,
        diffIDs: [String] = [first, second]
    ) throws -> ImageConfiguration {
        try ImageConfiguration(
            config: config,
            platform: platform,
            created: nil,
            rootType: "layers",
            diffIDs: diffIDs
        )
    }

    @Test("The layers are stacked highest first, and a repeated one counts where it is highest")
    func stacking() throws {
        let (first, second) = (try Digest(parsing: Self.first), try Digest(parsing: Self.second))
        #expect(try configuration().stackedDiffIDs == [second, first])
        let repeated = try configuration(diffIDs: [Self.first, Self.second, Self.first])
        #expect(repeated.stackedDiffIDs == [first, second])
    }

    @Test("A string with a NUL is refused wherever execve would cut it short")
    func nuls() {
        for config in [
            ImageConfig(entrypoint: ["/bin/sh\0"]), ImageConfig(cmd: ["a", "\0"]), ImageConfig(env: ["A=\0"]),
            ImageConfig(workingDir: "/\0"), ImageConfig(user: "0\0"), ImageConfig(stopSignal: "\0"),
        ] {
            #expect(throws: ImageDocumentFailure.self) { try configuration(config) }
        }
    }

    @Test("An image for another machine is refused with both names")
    func otherMachines() throws {
        let host = Platform(os: "linux", architecture: "amd64")
        let arm = try configuration(platform: Platform(os: "linux", architecture: "arm64"))
        let failure = #expect(throws: ImageDocumentFailure.self) { try arm.check(layers: 2, host: host) }
        #expect(failure?.description == "is for linux/arm64; this node is linux/amd64")
        #expect(throws: Never.self) { try configuration().check(layers: 2, host: host) }
    }

    @Test("Layers and their digests must be equally many")
    func counts() throws {
        let two = try configuration()
        #expect(throws: ImageDocumentFailure.layerCount(layers: 3, diffIDs: 2)) {
            try two.check(layers: 3, host: .host)
        }
    }

    @Test("A bad diff_id is refused")
    func badDiffID() {
        #expect(throws: ImageDocumentFailure.digest("sha256:/", .length)) {
            try configuration(diffIDs: ["sha256:/"])
        }
    }
}
