import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Manifests, indexes and headers that are not what they should be.
@Suite(.blocking, .enabled(if: geteuid() == 0, "owners and whiteouts need root"))
struct RegistryDocumentTests {
    private static let image = TestImage(layers: [TestImage.layer("lower"), TestImage.layer("upper")])

    struct Bad: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var manifest: @Sendable (TestImage) -> [UInt8]
        var type = TestImage.manifestType
        var says: String

        init(
            _ testDescription: String,
            type: String = TestImage.manifestType,
            says: String,
            _ manifest: @escaping @Sendable (TestImage) -> [UInt8]
        ) {
            (self.testDescription, self.type, self.says, self.manifest) = (
                testDescription, type, says, manifest
            )
        }

        /// The manifest with one piece of its text replaced.
        init(_ testDescription: String, says: String, replacing old: String, by new: String) {
            self.init(testDescription, says: says) { image in
                let text = String(decoding: image.manifestBytes, as: UTF8.self)
                precondition(text.contains(old))
                return Array(text.replacing(old, with: new).utf8)
            }
        }
    }

    private static let bad: [Bad] = [
        Bad("is cut short", says: "") { Array($0.manifestBytes.dropLast(30)) },
        Bad("is empty", says: "") { _ in [] },
        Bad("has five megabytes", says: "longer than 4194304 bytes") {
            $0.manifestBytes + [UInt8](repeating: 0x20, count: 5 << 20)
        },
        Bad("nests without end", says: "") { _ in
            [UInt8](repeating: UInt8(ascii: "["), count: 1 << 20)
        },
        Bad("is an index too", says: "", replacing: #""config":"#, by: #""manifests":[],"config":"#),
        Bad("has layers twice", says: "", replacing: #""layers":"#, by: #""layers":[],"layers":"#),
        Bad(
            "has layers of a kind that nobody knows",
            says: "application/x-something",
            replacing: "application/vnd.oci.image.layer.v1.tar",
            by: "application/x-something"
        ),
        Bad("comes as something else", type: TestImage.indexType, says: "") { $0.manifestBytes },
        Bad(
            "says that it is something else",
            says: "",
            replacing: TestImage.manifestType,
            by: TestImage.indexType
        ),
        Bad("has the first schema", says: "", replacing: #""schemaVersion":2"#, by: #""schemaVersion":1"#),
        Bad("has a layer too few for its config", says: "") { image in
            var other = image
            other.layers.removeLast()
            let text = String(decoding: other.manifestBytes, as: UTF8.self)
            let (own, full) = (other.configBytes, image.configBytes)
            return Array(
                text.replacing("\(Digest(of: own))", with: "\(Digest(of: full))")
                    .replacing("\"size\":\(own.count)", with: "\"size\":\(full.count)").utf8
            )
        },
    ]

    @Test("A manifest that makes no sense is refused, and nothing that it names is fetched", arguments: bad)
    func refused(bad: Bad) throws {
        var contents = Self.image.published()
        contents["/v2/app/manifests/1"] = .init(bytes: bad.manifest(Self.image), type: bad.type)
        try HostileRegistry.facing(contents) { registry, setting in
            let problem = try setting.failure("\(registry.host)/app:1")
            #expect("\(try #require(problem))".contains(bad.says), "\(String(describing: problem))")
            for blob in Self.image.blobs { #expect(registry.fetches(of: blob) == 0) }
        }
    }

    @Test("Foreign layers are refused, and their URLs are asked of nobody")
    func foreign() throws {
        let stranger = try HostileRegistry([:])
        try withExtendedLifetime(stranger) {
            for type in [
                "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                "application/vnd.oci.image.layer.nondistributable.v1.tar",
            ] {
                let text = String(decoding: Self.image.manifestBytes, as: UTF8.self)
                    .replacing(
                        #""mediaType":"application/vnd.oci.image.layer.v1.tar""#,
                        with: #""urls":["http://\#(stranger.host)/layer"],"mediaType":"\#(type)""#
                    )
                var contents = Self.image.published()
                contents["/v2/app/manifests/1"] = .init(bytes: Array(text.utf8), type: TestImage.manifestType)
                try HostileRegistry.facing(contents) { registry, setting in
                    let problem = try setting.failure("\(registry.host)/app:1")
                    #expect(problem == .foreignLayer(Self.image.diffIDs[0]))
                    for blob in Self.image.blobs { #expect(registry.fetches(of: blob) == 0) }
                }
            }
            #expect(stranger.asked == [])
        }
    }

    @Test("The URLs of an ordinary layer are asked of nobody either")
    func urls() throws {
        let stranger = try HostileRegistry([:])
        try withExtendedLifetime(stranger) {
            let text = String(decoding: Self.image.manifestBytes, as: UTF8.self)
                .replacing(
                    #""mediaType":"application/vnd.oci.image.layer.v1.tar""#,
                    with:
                        #""urls":["http://\#(stranger.host)/layer"],"mediaType":"application/vnd.oci.image.layer.v1.tar""#
                )
            var contents = Self.image.published()
            contents["/v2/app/manifests/1"] = .init(bytes: Array(text.utf8), type: TestImage.manifestType)
            try HostileRegistry.facing(contents) { registry, setting in
                try setting.pull("\(registry.host)/app:1")
                try setting.expect("\(registry.host)/app:1", is: Self.image)
            }
            #expect(stranger.asked == [])
        }
    }

    @Test("A manifest that is asked for by its digest has to have it")
    func digest() throws {
        let other = TestImage(layers: [TestImage.layer("evil")])
        var contents = Self.image.published().merging(other.published()) { old, _ in old }
        let path = "/v2/app/manifests/\(Self.image.manifestDigest)"
        let honest = contents
        contents[path]?.bytes = other.manifestBytes
        try HostileRegistry.facing(contents) { registry, setting in
            let name = "\(registry.host)/app@\(Self.image.manifestDigest)"
            let problem = try setting.failure(name)
            #expect("\(try #require(problem))".contains("has the digest \(other.manifestDigest)"))
            #expect(registry.asked == ["GET \(path)"])
            registry.replace(honest)
            try setting.pull(name)
            try setting.expect(name, is: Self.image)
        }
    }

    @Test("A registry that contradicts itself about a digest is not believed")
    func digestHeader() throws {
        try HostileRegistry.facing(Self.image.published()) { request, contents in
            guard request.path == "/v2/app/manifests/1" else { return nil }
            var reply = HostileRegistry.reply(to: request, contents)
            reply.headers["Docker-Content-Digest"] = "\(Digest(of: []))"
            return reply
        } _: { registry, setting in
            let problem = try setting.failure("\(registry.host)/app:1")
            #expect("\(try #require(problem))".contains("and says \(Digest(of: []))"))
        }
    }

    @Test("A config that is another one is refused before any layer is fetched")
    func config() throws {
        var contents = Self.image.published()
        contents[Self.image.blobPath(Self.image.configBytes)]?.bytes = Array("{}".utf8)
        try HostileRegistry.facing(contents) { registry, setting in
            let problem = try setting.failure("\(registry.host)/app:1")
            guard case .blob(_, .digest)? = problem else {
                Issue.record("\(String(describing: problem))")
                return
            }
            for blob in Self.image.blobs { #expect(registry.fetches(of: blob) == 0) }
        }
    }

    @Test("A descriptor that lies about its size is refused")
    func size() throws {
        let size = Self.image.blobs[1].count
        let text = String(decoding: Self.image.manifestBytes, as: UTF8.self)
            .replacing("\"size\":\(size)}]", with: "\"size\":\(size + 1)}]")
        var contents = Self.image.published()
        contents["/v2/app/manifests/1"] = .init(bytes: Array(text.utf8), type: TestImage.manifestType)
        try HostileRegistry.facing(contents) { registry, setting in
            _ = try setting.failure("\(registry.host)/app:1")
        }
    }

    @Test("Of an index the image for this machine is taken, and no other is fetched")
    func index() throws {
        var other = TestImage(layers: [TestImage.layer("other")])
        other.architecture = Self.image.architecture == "amd64" ? "s390x" : "amd64"
        let index = TestImage.index([other.listed(platform: true), Self.image.listed(platform: true)])
        var contents = Self.image.published().merging(other.published()) { old, _ in old }
        contents["/v2/app/manifests/1"] = .init(bytes: index, type: TestImage.indexType)
        try HostileRegistry.facing(contents) { registry, setting in
            let loaded = try setting.pull("\(registry.host)/app:1")
            #expect(loaded.imageID == "\(registry.host)/app@\(Digest(of: index))")
            try setting.expect("\(registry.host)/app:1", is: Self.image)
            #expect(registry.fetches(of: other.blobs[0]) == 0)
            #expect(!registry.asked.contains { $0.contains("\(other.manifestDigest)") })
        }
        contents["/v2/app/manifests/1"]?.bytes = TestImage.index([other.listed(platform: true)])
        try HostileRegistry.facing(contents) { registry, setting in
            let problem = try setting.failure("\(registry.host)/app:1")
            #expect(problem == .noPlatform(host: .host))
        }
    }

    @Test("A reference that there is none of is told in the registry's own words")
    func unknown() throws {
        try HostileRegistry.facing(Self.image.published()) { registry, setting in
            let problem = try setting.failure("\(registry.host)/app:2")
            #expect("\(try #require(problem))".contains("answers 404: MANIFEST_UNKNOWN: manifest unknown"))
        }
    }

    // MARK: Headers

    @Test("A server that knows no HEAD is asked for the manifest instead", arguments: [405, 501])
    func noHead(status: Int) throws {
        try HostileRegistry.facing(Self.image.published()) { request, _ in
            request.method == "HEAD" ? .status(status) : nil
        } _: { registry, setting in
            try setting.pull("\(registry.host)/app:1")
            registry.forgetRequests()
            #expect(try setting.pull("\(registry.host)/app:1").newLayers == 0)
            #expect(registry.asked.prefix(2) == ["HEAD /v2/app/manifests/1", "GET /v2/app/manifests/1"])
            for blob in Self.image.blobs { #expect(registry.fetches(of: blob) == 0) }
        }
    }

    @Test("Headers without end are cut off")
    func endlessHeaders() throws {
        let server = try ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\n")
            let line = "X-Filler: \(String(repeating: "a", count: 1000))\r\n"
            while connection.write(line) {}
        }
        try withExtendedLifetime(server) {
            try Scratch.run { scratch in
                let setting = PullSetting(scratch: scratch, store: try scratch.store())
                let problem = try setting.failure("127.0.0.1:\(server.port)/app:1")
                guard case .registry? = problem else {
                    Issue.record("\(String(describing: problem))")
                    return
                }
            }
        }
    }

    @Test(
        "What is no HTTP is refused",
        arguments: ["", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 abc\r\n\r\n"]
    )
    func noHTTP(text: String) throws {
        let server = try ScriptedServer.answering(text)
        try withExtendedLifetime(server) {
            try Scratch.run { scratch in
                let setting = PullSetting(scratch: scratch, store: try scratch.store())
                let problem = try setting.failure("127.0.0.1:\(server.port)/app:1")
                guard case .registry? = problem else {
                    Issue.record("\(String(describing: problem))")
                    return
                }
            }
        }
    }

    @Test("Nobody listens: the address is in the message")
    func nobody() throws {
        try Scratch.run { scratch in
            let setting = PullSetting(scratch: scratch, store: try scratch.store())
            let problem = try setting.failure("127.0.0.1:1/app:1")
            #expect("\(try #require(problem))".contains("http://127.0.0.1:1/v2/app/manifests/1"))
        }
    }
}
