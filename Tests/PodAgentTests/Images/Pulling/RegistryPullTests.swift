import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Images that skopeo pushes, pulled from a real registry.
@Suite(
    .blocking,
    .enabled(if: geteuid() == 0, "owners and whiteouts need root"),
    .enabled(if: RegistryProcess.isInstalled, RegistryProcess.isNeeded)
)
struct RegistryPullTests {
    private static let image = TestImage(
        layers: [
            TestImage.layer("lower", String(repeating: "text ", count: 20_000)), TestImage.layer("upper"),
        ],
        compression: .gzip
    )

    /// Where an image lies for skopeo.
    private func layout(_ image: TestImage, in scratch: Scratch) throws -> String {
        "oci:\(try scratch.write("layout-\(image.id.shortName)", files: image.layoutFiles)):example.com/app:1"
    }

    private func facing(
        _ access: (Scratch) throws -> RegistryProcess.Access = { _ in RegistryProcess.Access() },
        _ body: (RegistryProcess, PullSetting) throws -> Void
    ) throws {
        try Scratch.run { scratch in
            let access = try access(scratch)
            try RegistryProcess.run(in: scratch.path, access) { registry in
                try body(registry, PullSetting(scratch: scratch, store: try scratch.store()))
            }
        }
    }

    @Test("An image is pulled whole, by tag and by digest, and fetched once")
    func plain() throws {
        try facing { registry, setting in
            try registry.push(layout(Self.image, in: setting.scratch), as: "team/app:1")
            let name = "\(registry.host)/team/app:1"
            let loaded = try setting.pull(name)
            #expect(loaded.newLayers == 2)
            #expect(loaded.imageID == "\(registry.host)/team/app@\(Self.image.manifestDigest)")
            try setting.expect(name, is: Self.image)
            #expect(try setting.pull(name).newLayers == 0)
            let byDigest = "\(registry.host)/team/app@\(Self.image.manifestDigest)"
            #expect(try setting.pull(byDigest).newLayers == 0)
            try setting.expect(byDigest, is: Self.image)
            let problem = try #require(throws: ImageFailure.self) {
                try setting.pull("\(registry.host)/team/app:2")
            }
            #expect("\(problem)".contains("MANIFEST_UNKNOWN"), "\(problem)")
        }
    }

    @Test(
        "Whatever form skopeo gives the image, it is the same one",
        arguments: ["gzip", "zstd"],
        ["oci", "v2s2"]
    )
    func forms(compression: String, format: String) throws {
        // Docker's own media types have none for zstd.
        if compression == "zstd", format == "v2s2" { return }
        var image = Self.image
        image.compression = .none
        try facing { registry, setting in
            try registry.push(
                layout(image, in: setting.scratch),
                as: "app:1",
                "--dest-compress-format",
                compression,
                "--format",
                format
            )
            let name = "\(registry.host)/app:1"
            try setting.pull(name)
            let found = try #require(try setting.store.resolve(name))
            #expect(found.root == .layers(image.diffIDs.reversed().map(\.shortName)))
            #expect(found.config.entrypoint == ["/bin/app"])
            let lower = "\(setting.store.layersPath)/\(image.diffIDs[0].shortName)/lower"
            #expect(FileFacts(lower)?.size == 100_000)
        }
    }

    @Test("Of an image for several machines the one for this is taken")
    func platforms() throws {
        var other = TestImage(layers: [TestImage.layer("other")], compression: .gzip)
        other.architecture = Self.image.architecture == "amd64" ? "s390x" : "amd64"
        let (image, index) = (
            Self.image, TestImage.index([other.listed(platform: true), Self.image.listed(platform: true)])
        )
        try facing { registry, setting in
            var files = image.contentFiles.merging(other.contentFiles) { old, _ in old }
            files[TestImage.path(index)] = index
            let extra = #","annotations":{"org.opencontainers.image.ref.name":"all"}"#
            files["index.json"] = TestImage.index([
                TestImage.descriptor(TestImage.indexType, index, extra: extra)
            ])
            let path = try setting.scratch.write("several", files: files)
            try registry.push("oci:\(path):all", as: "app:1", "--all")
            let name = "\(registry.host)/app:1"
            let loaded = try setting.pull(name)
            #expect(loaded.imageID == "\(registry.host)/app@\(Digest(of: index))")
            try setting.expect(name, is: image)
        }
    }

    @Test("A registry that asks for a password gets the right one in, and nobody else")
    func password() throws {
        try facing { _ in
            RegistryProcess.Access(asksForPassword: true)
        } _: { registry, setting in
            try registry.push(layout(Self.image, in: setting.scratch), as: "app:1")
            let name = "\(registry.host)/app:1"
            var setting = setting
            for wrong: [RegistryCredential] in [[], [.password(user: "puller", password: "wrong")]] {
                setting.credentials = wrong
                guard case .registry(.denied)? = try setting.failure(name) else {
                    Issue.record("\(wrong) are let in")
                    return
                }
            }
            let right = RegistryCredential.password(
                user: RegistryProcess.user,
                password: RegistryProcess.password
            )
            setting.credentials = [.password(user: "puller", password: "wrong"), right]
            try setting.pull(name)
            try setting.expect(name, is: Self.image)
        }
    }

    @Test("A registry behind TLS is recognised by the authority that the node's configuration names")
    func tls() throws {
        try facing { scratch in
            RegistryProcess.Access(authority: try TestAuthority(in: "\(scratch.path)/tls"))
        } _: { registry, setting in
            let scratch = setting.scratch
            try registry.push(layout(Self.image, in: scratch), as: "app:1")
            let name = "\(registry.host)/app:1"
            var setting = setting
            // Without a word about it a loopback address is asked without TLS.
            _ = try setting.failure(name)
            var unknown = RegistryConfiguration.Host()
            unknown.isPlainHTTP = false
            setting.configuration.hosts[registry.host] = unknown
            let problem = try setting.failure(name)
            #expect("\(try #require(problem))".contains("certificate"), "\(String(describing: problem))")
            let another = try TestAuthority(in: "\(scratch.path)/another")
            setting.configuration.hosts[registry.host] = .over(another)
            _ = try setting.failure(name)
            let right = try TestAuthority(existingIn: "\(scratch.path)/tls")
            setting.configuration.hosts[registry.host] = .over(right)
            try setting.pull(name)
            try setting.expect(name, is: Self.image)
        }
    }

    @Test("A registry that asks for a certificate is shown the node's")
    func clientCertificate() throws {
        try facing { scratch in
            RegistryProcess.Access(
                authority: try TestAuthority(in: "\(scratch.path)/tls"),
                asksForCertificate: true
            )
        } _: { registry, setting in
            try registry.push(layout(Self.image, in: setting.scratch), as: "app:1")
            let name = "\(registry.host)/app:1"
            let authority = try TestAuthority(existingIn: "\(setting.scratch.path)/tls")
            var setting = setting
            setting.configuration.hosts[registry.host] = .over(authority)
            _ = try setting.failure(name)
            setting.configuration.hosts[registry.host] = .over(authority, showingCertificate: true)
            try setting.pull(name)
            try setting.expect(name, is: Self.image)
        }
    }

    @Test("A mirror is asked first, and the registry itself when the mirror does not have the image")
    func mirror() throws {
        try facing { registry, setting in
            try registry.push(layout(Self.image, in: setting.scratch), as: "app:1")
            let mirror = try HostileRegistry(Self.image.published("copy/app"))
            try withExtendedLifetime(mirror) {
                var setting = setting
                var host = RegistryConfiguration.Host()
                host.mirrors = ["127.0.0.1:1", "\(mirror.host)/copy"]
                setting.configuration.hosts[registry.host] = host
                let name = "\(registry.host)/app:1"
                try setting.pull(name)
                try setting.expect(name, is: Self.image)
                #expect(Self.image.blobs.map(mirror.fetches) == [1, 1])
                mirror.replace([:])
                #expect(try setting.pull(name).newLayers == 0)
            }
        }
    }
}
