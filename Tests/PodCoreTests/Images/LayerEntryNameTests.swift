import PodCore
import Testing

@Suite struct LayerEntryNameTests {
    private func path(_ text: String) throws -> LayerPath { try LayerPath(cleaning: text.utf8) }

    @Test(
        "A name is confined to the layer, however it is written",
        arguments: [
            ("a/b", "a/b"), ("./a/./b/", "a/b"), ("/etc/passwd", "etc/passwd"), ("../../etc", "etc"),
            ("a/../../b", "b"), ("//a//b", "a/b"), ("..", "."), ("./", "."), ("", "."), ("/", "."),
            ("a/..", "."), ("...", "..."), ("a/..b", "a/..b"),
        ]
    )
    func confines(name: String, cleaned: String) throws {
        #expect(try path(name).description == cleaned)
        #expect(try LayerEntryName(parsing: name.utf8) == .object(path(cleaned)))
    }

    @Test("Whiteouts hide their neighbour, and an opaque directory everything in it")
    func whiteouts() throws {
        #expect(try LayerEntryName(parsing: "a/.wh.b".utf8) == .whiteout(path("a/b")))
        #expect(try LayerEntryName(parsing: ".wh.b".utf8) == .whiteout(path("b")))
        #expect(try LayerEntryName(parsing: "a/.wh..wh..opq".utf8) == .opaque(directory: path("a")))
        #expect(try LayerEntryName(parsing: ".wh..wh..opq".utf8) == .opaque(directory: path("/")))
        #expect(try LayerEntryName(parsing: ".wh..wh.plnk/12.34".utf8) == .bookkeeping)
        #expect(try LayerEntryName(parsing: ".wh..wh.aufs".utf8) == .bookkeeping)
        #expect(try LayerEntryName(parsing: "a.wh.b".utf8) == .object(path("a.wh.b")))
    }

    @Test("A whiteout of nothing, of . and of .. is refused", arguments: ["a/.wh.", ".wh..", "x/.wh..."])
    func whiteoutsOfNothing(name: String) {
        #expect(throws: LayerNameFailure.whiteoutOfNothing) { try LayerEntryName(parsing: name.utf8) }
    }

    @Test("Nothing lies beneath a whiteout", arguments: [".wh.a/b", "x/.wh.a/.wh.b", ".wh.a/.wh..wh..opq"])
    func beneathWhiteouts(name: String) {
        #expect(throws: LayerNameFailure.beneathWhiteout) { try LayerEntryName(parsing: name.utf8) }
    }

    @Test("Length and depth have limits, and a NUL is refused")
    func limits() throws {
        let long = String(repeating: "a/", count: 2048)
        #expect(throws: LayerNameFailure.tooLong(limit: 4096)) { try path(long + "b") }
        #expect(throws: LayerNameFailure.tooDeep(limit: 256)) { try path(long) }
        #expect(throws: Never.self) { try path(String(repeating: "a/", count: 256)) }
        #expect(throws: LayerNameFailure.nul) { try path("a\0b") }
    }

    @Test("Names are bytes and need not be UTF-8")
    func bytes() throws {
        let name: [UInt8] = [0x63, 0xE9, 0x2F, 0xFF]
        #expect(try LayerPath(cleaning: name).components == [[0x63, 0xE9], [0xFF]])
    }
}
