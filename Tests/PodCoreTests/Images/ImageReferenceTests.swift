import PodCore
import Testing

@Suite struct ImageReferenceTests {
    private static let hex = String(repeating: "0123456789abcdef", count: 4)

    @Test(
        "A name gets its registry, library and tag as Docker and the kubelet give them",
        arguments: [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.2", "docker.io/library/nginx:1.2"),
            ("docker.io/nginx", "docker.io/library/nginx:latest"),
            ("index.docker.io/nginx:1", "docker.io/library/nginx:1"),
            ("docker.io/library/nginx", "docker.io/library/nginx:latest"),
            ("reg/x@sha256:\(hex)", "docker.io/reg/x@sha256:\(hex)"),
            ("reg:5000/x", "reg:5000/x:latest"),
            ("localhost/x", "localhost/x:latest"),
            ("localhost:5000/x:y", "localhost:5000/x:y"),
            ("r/x:1@sha256:\(hex)", "docker.io/r/x:1@sha256:\(hex)"),
            ("quay.io/a/b/c__d/e-f.g:V1_2-3.4", "quay.io/a/b/c__d/e-f.g:V1_2-3.4"),
            ("[::1]:5000/x", "[::1]:5000/x:latest"),
            ("Reg/x", "Reg/x:latest"),
            ("a/b", "docker.io/a/b:latest"),
            ("x---y", "docker.io/library/x---y:latest"),
            ("\(hex):tag", "docker.io/library/\(hex):tag"),
        ]
    )
    func normalises(given: String, canonical: String) throws {
        #expect(try ImageReference(parsing: given).canonical == canonical)
    }

    @Test(
        "A name that cannot be read gives the kubelet's sentence",
        arguments: [
            ("NGINX", "invalid reference format: repository name (library/NGINX) must be lowercase"),
            ("quay.io/A/b:1", "invalid reference format: repository name (A/b) must be lowercase"),
            ("BAD IMAGE", "invalid reference format: repository name (library/BAD IMAGE) must be lowercase"),
            (hex, "invalid repository name (\(hex)), cannot specify 64-byte hexadecimal strings"),
            ("a b", "invalid reference format"),
            (" nginx", "invalid reference format"),
            ("https://example.com/x", "invalid reference format"),
            ("", "invalid reference format"),
            ("x:", "invalid reference format"),
            ("x@", "invalid reference format"),
            ("x:-tag", "invalid reference format"),
            ("x:" + String(repeating: "t", count: 129), "invalid reference format"),
            ("a//b", "invalid reference format"),
            ("a/b/", "invalid reference format"),
            ("../../etc", "invalid reference format"),
            ("a/../b", "invalid reference format"),
            ("x_-y", "invalid reference format"),
            ("x..y", "invalid reference format"),
            ("x___y", "invalid reference format"),
            ("-reg.io/x", "invalid reference format"),
            ("reg:port/x", "invalid reference format"),
            ("reg:/x", "invalid reference format"),
            ("x@sha256:abc", "invalid reference format"),
            ("x@sha256:../../\(hex)", "invalid reference format"),
            ("x@sha256:\(hex)00", "invalid checksum digest length"),
            ("x@sha256:\(hex.uppercased())", "invalid checksum digest format"),
            ("x@md5:\(hex)", "unsupported digest algorithm"),
            ("nginx\u{301}", "invalid reference format"),
        ]
    )
    func refuses(given: String, problem: String) {
        let failure = #expect(throws: ImageReferenceFailure.self) { try ImageReference(parsing: given) }
        #expect(failure?.description == "couldn't parse image name \"\(given)\": \(problem)")
    }

    @Test("A repository of 256 characters is too long")
    func tooLong() {
        let name = "x/" + String(repeating: "a", count: 254)
        let failure = #expect(throws: ImageReferenceFailure.self) { try ImageReference(parsing: name) }
        #expect(failure?.problem == .tooLong)
        #expect(throws: Never.self) { try ImageReference(parsing: String(name.dropLast())) }
    }

    @Test(
        "Only a missing tag is appended to the string of the spec",
        arguments: [
            ("nginx", "nginx:latest"), ("nginx:1", "nginx:1"), ("reg:5000/x", "reg:5000/x:latest"),
            ("x@sha256:\(hex)", "x@sha256:\(hex)"),
        ]
    )
    func appliesTheDefaultTag(given: String, tagged: String) throws {
        #expect(try ImageReference.applyingDefaultTag(to: given) == tagged)
    }

    @Test("A name is quoted in the message as Go quotes it")
    func quotes() {
        let failure = #expect(throws: ImageReferenceFailure.self) {
            try ImageReference(parsing: "a\"\n\u{1}")
        }
        #expect(failure?.description == #"couldn't parse image name "a\"\n\x01": invalid reference format"#)
    }

    @Test("rootfs: takes an absolute path, and nothing that climbs")
    func directories() throws {
        #expect(try ImageSource(parsing: "rootfs:/srv//x/./y/") == .directory(path: "/srv/x/y"))
        #expect(try ImageSource(parsing: "rootfs:/") == .directory(path: "/"))
        for wrong in ["rootfs:", "rootfs:srv", "rootfs:/a/../b", "rootfs:/a\0b", "rootfs:../\u{301}"] {
            #expect(throws: ImageReferenceFailure.self, "\(wrong)") { try ImageSource(parsing: wrong) }
        }
    }

    @Test("A digest alone is an image's ID")
    func ids() throws {
        let id = try Digest(parsing: "sha256:\(Self.hex)")
        #expect(try ImageSource(parsing: "sha256:\(Self.hex)") == .id(id))
    }
}

@Suite struct DigestTests {
    private static let hex = String(repeating: "0123456789abcdef", count: 4)

    @Test("Well-formed digests are read and printed unchanged")
    func reads() throws {
        for text in ["sha256:\(Self.hex)", "sha512:\(Self.hex)\(Self.hex)"] {
            #expect(try Digest(parsing: text).description == text)
        }
    }

    @Test(
        "Anything else is refused before a path can be built from it",
        arguments: [
            ("", DigestFailure.format), (":", .format), ("sha256", .format), ("sha256:", .format),
            ("sha256:\(hex.dropLast())", .length), ("sha256:\(hex)0", .length), ("sha512:\(hex)", .length),
            ("sha256:\(hex.uppercased())", .format), ("SHA256:\(hex)", .unsupportedAlgorithm),
            ("md5:\(hex)", .unsupportedAlgorithm), ("../sha256:\(hex)", .unsupportedAlgorithm),
            ("sha256:../../../../../../../../../../../../../../../../../../../../../etc", .length),
            ("sha256:" + String(repeating: "../", count: 21) + "/", .format),
            ("sha256:\(hex.dropLast())/", .format), ("sha256:\(hex.dropLast())\n", .format),
        ]
    )
    func refuses(text: String, problem: DigestFailure) {
        #expect(throws: problem) { try Digest(parsing: text) }
    }

    @Test("Bytes and hexadecimal digits are the same digest")
    func bytes() throws {
        let digest = Digest(algorithm: .sha256, bytes: (0..<32).map { UInt8($0) })
        #expect(digest.hex.hasPrefix("000102") && digest.hex.hasSuffix("1e1f"))
        #expect(try Digest(parsing: digest.description) == digest)
    }

    @Test("The short name is the base 32 of the first 130 bits")
    func shortNames() throws {
        // Computed with Python's base64.b32encode over the same bytes.
        let digest = try Digest(parsing: "sha256:\(Self.hex)")
        #expect(digest.shortName == "aerukz4jvpg66ajdivtytk6n54")
        let last = try Digest(parsing: "sha256:" + String(repeating: "f", count: 64))
        #expect(last.shortName == String(repeating: "7", count: 26))
    }

    @Test("127 short names with colons between them fit into a page of mount options")
    func shortNamesFit() { #expect(127 * 27 < 4096 - "lowerdir=,upperdir=,workdir=".utf8.count - 512) }
}
