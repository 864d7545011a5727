import PodCore
import Testing

@testable import PodAgent

@Suite struct YAMLReaderTests {
    private static func read(_ text: String) -> ParsedManifest { YAMLReader.read(Array(text.utf8)) }

    @Test(
        "YAML is read as the tree that its JSON would be",
        arguments: [
            ("a: 1\nb: [x, 'y', \"z\\n\"]", [.map(["a": 1, "b": ["x", "y", "z\n"]])]),
            ("- 1\n- a: ~\n  b: {}", [[1, .map(["a": .null, "b": .map([:])])]]),
            ("a: |\n  two\n  lines\nb: >-\n  one\n  line", [.map(["a": "two\nlines\n", "b": "one line"])]),
            (
                "a: '1'\nb: \"true\"\nc: 'yes'\nd: yes",
                [.map(["a": "1", "b": "true", "c": "yes", "d": true])]
            ),
            ("mode: 0644\nother: 0o644", [.map(["mode": 420, "other": 420])]),
            ("---\na: 1\n---\n# nothing\n---\nb: 2\n...\n", [.map(["a": 1]), .map(["b": 2])]),
            ("1: a\ntrue: b\n'2': c\non: d", [.map(["1": "a", "true": "b", "2": "c", "true": "d"])]),
            (
                "a: !!str 1\nb: !!int '2'\nc: !!bool yes\nd: ! 3",
                [.map(["a": "1", "b": 2, "c": true, "d": "3"])]
            ),
            ("{\"a\": [1, 2], \"b\": null}", [.map(["a": [1, 2], "b": .null])]),
            ("a: &x [1, 2]\nb: *x\nc: *x", [.map(["a": [1, 2], "b": [1, 2], "c": [1, 2]])]),
            ("a: &x 1\n---\nb: &x 2\nc: *x", [.map(["a": 1]), .map(["b": 2, "c": 2])]),
            ("%YAML 1.1\n---\na: 1", [.map(["a": 1])]),
            ("\u{FEFF}a: é😀", [.map(["a": "é😀"])]),
        ] as [(String, [Document])]
    )
    func values(text: String, documents: [Document]) {
        let parsed = Self.read(text)
        #expect(parsed.documents == documents)
        // The key that stands twice above is one that YAML itself makes equal.
        #expect(parsed.problems.isEmpty || text.contains("on: d"))
    }

    @Test(
        "Merge keys give way to keys of the map itself, and to earlier ones",
        arguments: [
            ("base: &b {x: 1, z: 1}\nuse:\n  <<: *b\n  z: 2", .map(["z": 2, "x": 1])),
            ("base: &b {x: 1, z: 1}\nuse:\n  z: 2\n  <<: *b", .map(["z": 2, "x": 1])),
            ("a: &a {x: 1}\nb: &b {x: 2, z: 2}\nuse: {<<: [*a, *b]}", .map(["x": 1, "z": 2])),
            ("use: {'<<': 1}", .map(["<<": 1])),
        ] as [(String, Document)]
    )
    func merges(text: String, use: Document) {
        let parsed = Self.read(text)
        #expect(parsed.documents.first?["use"] == use)
        #expect(parsed.problems.isEmpty)
    }

    @Test(
        "A mistake is reported on its line",
        arguments: [
            ("a: 1\nb: 2\na: 3", 3, "the key \"a\" stands twice in the same map"),
            (
                "a:\n  b: 1\n c: 2", 3,
                "did not find expected key while parsing a block mapping that began on line 1"
            ),
            ("a: [1,\n  2\nb: 3", 3, nil),
            ("a: *x", 1, "the alias *x has no anchor before it"),
            ("a: &x\n  b: *x", 2, "the alias *x stands inside its own anchor"),
            ("a: 1\nb: !secret x", 2, "the tag !secret has no meaning in a manifest"),
            ("a: !!binary aGk=", 1, "the tag tag:yaml.org,2002:binary has no meaning in a manifest"),
            ("a: !!int x", 1, "'x' does not fit its tag tag:yaml.org,2002:int"),
            ("a: !!map [1]", 1, "the tag tag:yaml.org,2002:map has no meaning in a manifest"),
            ("a: .inf", 1, ".inf is a number that no field takes; put it in quotes if it is a string"),
            ("\n{a: 1}: b", 2, "a key must be a string, not a map; put it in quotes"),
            ("~: b", 1, "a key must be a string, not null; put it in quotes"),
            ("<<: 1", 1, "<< merges maps, not a number"),
            ("a: \"x", 1, nil), ("a: b: c", 1, nil), ("\ta: 1", 1, nil), ("@x", 1, nil), ("%TAG ! x", 2, nil),
        ] as [(String, Int, String?)]
    )
    func lines(text: String, line: Int, message: String?) {
        let problem = Self.read(text).problems.first
        #expect(problem?.line == line)
        if let message { #expect(problem?.message == message) }
    }

    @Test("Values know their lines")
    func valueLines() {
        let document = Self.read("# c\nspec:\n  containers:\n  - name: a\n    image: b\n").documents.first
        #expect(document?["spec"]?["containers"]?[0]?["image"]?.line == 5)
        #expect(document?["spec"]?["containers"]?.line == 4)
    }

    struct Hostile: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var text: String
    }

    /// Nine anchors, each a list of nine aliases of the one before: 9^9 values in 400 bytes.
    private static let aliasBomb: String = {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"]
        return names.indices.map { index in
            let item = index == 0 ? "lol" : "*\(names[index - 1])"
            return
                "\(names[index]): &\(names[index]) [\(Array(repeating: item, count: 9).joined(separator: ","))]"
        }.joined(separator: "\n")
    }()

    @Test(
        "A hostile text ends in a problem, quickly",
        arguments: [
            Hostile(testDescription: "an alias bomb", text: aliasBomb),
            Hostile(
                testDescription: "an alias bomb of merges",
                text: "a: &a {x: 1}\nb: {<<: [\(String(repeating: "*a,", count: 300_000))]}"
            ),
            Hostile(testDescription: "open lists", text: String(repeating: "[", count: 5_000_000)),
            Hostile(testDescription: "open maps", text: String(repeating: "{", count: 5_000_000)),
            Hostile(testDescription: "keys that are maps", text: String(repeating: "? {", count: 1_000_000)),
            Hostile(testDescription: "dashes", text: String(repeating: "- ", count: 1_000_000)),
            Hostile(
                testDescription: "many values",
                text: "[" + String(repeating: "0,", count: 1_000_000) + "]"
            ),
            Hostile(testDescription: "many documents", text: String(repeating: "--- 1\n", count: 1_000_000)),
            Hostile(testDescription: "too long", text: String(repeating: "#", count: 11 << 20)),
            Hostile(testDescription: "a zero byte", text: "a: \0"),
        ]
    )
    func hostile(given: Hostile) {
        #expect(Self.read(given.text).problems.count == 1)
    }

    @Test(
        "Bytes that are no text at all are a problem",
        arguments: [[0xC3, 0x28], [0xFF], [0x61, 0x3A, 0x20, 0xFE]] as [[UInt8]]
    )
    func notText(bytes: [UInt8]) {
        #expect(YAMLReader.read(bytes).problems.count == 1)
    }

    @Test("What is written as YAML is read back as it was", arguments: 0..<200)
    func roundTrip(seed: UInt64) {
        var random = SplitMix(state: seed)
        let document = Self.randomDocument(&random, depth: 0)
        let parsed = Self.read(document.yaml())
        #expect(parsed.problems.isEmpty, "\(document.yaml())")
        #expect(parsed.documents == (document.isNull ? [] : [document]), "\(document.yaml())")
    }

    private static func randomDocument(_ random: inout SplitMix, depth: Int) -> Document {
        switch Int.random(in: depth > 3 ? 2..<6 : 0..<6, using: &random) {
        case 0:
            return Document(
                .list(
                    (0..<Int.random(in: 0...3, using: &random)).map { _ in
                        randomDocument(&random, depth: depth + 1)
                    }
                )
            )
        case 1:
            var seen = Set<String>()
            return Document(
                .map(
                    (0..<Int.random(in: 0...3, using: &random)).compactMap { _ in
                        let key = randomText(&random)
                        guard seen.insert(key).inserted else { return nil }
                        return Document.Entry(key, randomDocument(&random, depth: depth + 1))
                    }
                )
            )
        case 2: return Document(.integer(Int64.random(in: -9...99, using: &random)))
        case 3: return Document(.bool(Bool.random(using: &random)))
        case 4: return Document(.number(0.25))
        default: return Document(.string(randomText(&random)))
        }
    }

    private static func randomText(_ random: inout SplitMix) -> String {
        let parts = [
            "", "a", " ", "\n", ": ", "#", " #", "-", "- ", "yes", "0644", "1e3", "~", "'", "\"", "\\", "<<",
            "é", "😀",
            "\t", "\u{85}", "\u{1}", "{", "]", ",", "&", "*", "!", "%", "@", "`", "|", ">", "null", "---",
            "...", "?", "=",
        ]
        return (0..<Int.random(in: 0...4, using: &random)).map { _ in
            parts[Int.random(in: 0..<parts.count, using: &random)]
        }
        .joined()
    }
}

@Suite struct ManifestParserTests {
    @Test(
        "What has no object in it is a problem",
        arguments: ["", "\n", "# only a comment\n", "---\n---\n", "null"]
    )
    func empty(text: String) {
        let message = "the file is empty: it holds no object"
        #expect(ManifestParser.parse(Array(text.utf8), format: .yaml).problems.map(\.message) == [message])
    }

    @Test(
        "Standard input is JSON if it reads as such, else YAML",
        arguments: [
            ("{a: 1, /* x */ b: 2,}", .map(["a": 1, "b": 2])), ("{a: x}", .map(["a": "x"])),
            ("\n  a: 1", .map(["a": 1])), ("// c\n[1]", [1]), ("- a", ["a"]),
        ] as [(String, Document)]
    )
    func guessing(text: String, document: Document) {
        #expect(ManifestParser.parse(guessing: Array(text.utf8)) == ParsedManifest(documents: [document]))
    }

    @Test("Something that looks like JSON is judged as JSON")
    func guessingProblem() {
        #expect(
            ManifestParser.parse(guessing: Array("{\"a\": [1}".utf8)).problems.first?.message.contains("']'")
                == true
        )
    }

    @Test(
        "A request body is read by its content type",
        arguments: [
            ("application/json", "{\"a\":1}", true), ("application/json; charset=utf-8", "{\"a\":1}", true),
            ("", "{\"a\":1}", true), ("application/yaml", "a: 1", true), ("Application/JSON", "{a:1}", false),
            ("application/json", "a: 1", false),
        ]
    )
    func bodies(type: String, text: String, isGood: Bool) throws {
        let parsed = try #require(ManifestParser.parse(body: Array(text.utf8), contentType: type))
        #expect(parsed.problems.isEmpty == isGood)
    }

    @Test(
        "A type that is not understood is not guessed at",
        arguments: ["text/plain", "application/vnd.kubernetes.protobuf"]
    )
    func unknownTypes(type: String) {
        #expect(ManifestParser.parse(body: [], contentType: type) == nil)
    }
}
