import PodCore
import Testing

@Suite struct PlatformTests {
    @Test(
        "Spellings that mean the same machine are one platform",
        arguments: [
            ("x86_64", nil, "linux/amd64"), ("amd64", "v1", "linux/amd64"), ("aarch64", nil, "linux/arm64"),
            ("arm64", "v8", "linux/arm64"), ("armhf", nil, "linux/arm/v7"), ("arm", nil, "linux/arm/v7"),
            ("armel", nil, "linux/arm/v6"), ("amd64", "v3", "linux/amd64/v3"), ("s390x", "", "linux/s390x"),
        ]
    )
    func spellings(architecture: String, variant: String?, text: String) {
        #expect(Platform(os: "linux", architecture: architecture, variant: variant).description == text)
    }

    private func descriptor(_ platform: Platform?, _ letter: Character) throws -> ContentDescriptor {
        try ContentDescriptor(
            mediaType: nil,
            digest: "sha256:" + String(repeating: letter, count: 64),
            size: 1,
            platform: platform
        )
    }

    @Test("The manifest for this machine is chosen from an index, wherever it stands")
    func choosesTheHost() throws {
        let host = Platform(os: "linux", architecture: "amd64")
        let all = [
            try descriptor(Platform(os: "windows", architecture: "amd64"), "a"),
            try descriptor(nil, "b"),
            try descriptor(Platform(os: "linux", architecture: "arm64"), "c"),
            try descriptor(Platform(os: "linux", architecture: "amd64", variant: "v3"), "d"),
            try descriptor(host, "e"),
        ]
        #expect(host.choose(from: all) == all[4])
        #expect(host.choose(from: Array(all.dropLast())) == all[1])
        #expect(host.choose(from: [all[0], all[2], all[3]]) == nil)
    }

    @Test("A 32-bit arm machine takes the nearest variant that it can run")
    func armVariants() throws {
        let host = Platform(os: "linux", architecture: "arm", variant: "v7")
        let v5 = try descriptor(Platform(os: "linux", architecture: "arm", variant: "v5"), "5")
        let v6 = try descriptor(Platform(os: "linux", architecture: "arm", variant: "v6"), "6")
        let v8 = try descriptor(Platform(os: "linux", architecture: "arm", variant: "v8"), "8")
        #expect(host.choose(from: [v5, v8, v6]) == v6)
        #expect(host.choose(from: [v8]) == nil)
    }
}
