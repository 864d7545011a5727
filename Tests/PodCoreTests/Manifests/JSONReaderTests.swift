import PodCore
import Testing

@Suite struct JSONReaderTests {
    private static func json5(_ text: String) -> ParsedManifest {
        JSONReader.read(Array(text.utf8), dialect: .json5, duplicateKeys: .refused)
    }

    @Test(
        "JSON5 reads what people write by hand",
        arguments: [
            ("{a: 1,}", ["a": 1]),
            ("{'a': 'it''s' /* no */}", nil),
            ("{'a': 'quote \"'}", ["a": "quote \""]),
            ("// first\n{\"a\": /* inside */ [1, 2,], // last\n}", ["a": [1, 2]]),
            ("{$a_1: true, b: null}", ["$a_1": true, "b": .null]),
            ("{a: +1, b: .5, c: 5., d: -0x1F}", ["a": 1, "b": 0.5, "c": 5.0, "d": -31]),
            ("{a: 'x' 'y'}", nil),
            ("{a: 'two \\\nlines'}", ["a": "two lines"]),
            ("{a: '\\x41\\u00e9\\ud83d\\ude00\\v'}", ["a": "Aé😀\u{B}"]),
            ("\u{FEFF}{é: 1}", ["é": 1]),
        ] as [(String, KeyValuePairs<String, Document>?)]
    )
    func handwritten(text: String, expected: KeyValuePairs<String, Document>?) {
        let parsed = Self.json5(text)
        if let expected {
            #expect(parsed == ParsedManifest(documents: [.map(expected)]))
        } else {
            #expect(!parsed.problems.isEmpty)
        }
    }

    @Test(
        "JSON is as RFC 8259 has it",
        arguments: [
            ("[0, -0, 10, 1.5, 1e3, -2E-2]", [0, 0, 10, 1.5, 1000.0, -0.02]),
            ("[9223372036854775807, -9223372036854775808]", [.init(.integer(.max)), .init(.integer(.min))]),
            ("[9223372036854775808]", [9_223_372_036_854_775_808.0]),
            (" [\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"] \r\n", ["\"\\/\u{8}\u{C}\n\r\t"]),
            ("[[], {}, \"\", true, false, null]", [[], .map([:]), "", true, false, .null]),
        ] as [(String, Document)]
    )
    func standard(text: String, expected: Document) {
        #expect(JSONReader.read(Array(text.utf8)) == ParsedManifest(documents: [expected]))
        #expect(Self.json5(text) == ParsedManifest(documents: [expected]))
    }

    @Test(
        "JSON refuses the liberties of JSON5, and both refuse what is neither",
        arguments: [
            "{a: 1}", "{'a': 1}", "[1,]", "[.5]", "[5.]", "[+1]", "[0x1]", "// c\n1", "[1 2]", "[01]", "[1",
            "{\"a\"",
            "{\"a\":", "{\"a\" 1}", "\"", "\"\\", "\"\\u12\"", "\"\\q\"", "\"\u{1}\"", "[1]]", "nul", "NaN",
            "[1e]",
            "[1e999]", "[-]", "\"\\ud800\"", "\"\\udc00\\ud800\"", "{,}", "[,]", "{\"a\":1,,}", "*",
        ]
    )
    func refused(text: String) {
        #expect(!JSONReader.read(Array(text.utf8)).problems.isEmpty)
    }

    @Test(
        "A mistake is reported on its line",
        arguments: [
            ("{\n  a: 1\n  b: 2\n}", 3, "expected ',' or '}', found 'b'"),
            ("{\n  a: 0644\n}", 2, "'0644' is not a number; write file modes in decimal: 0644 is 420"),
            ("{a: 1,\n\n a: 2}", 3, "the key \"a\" stands twice in the same map"),
            ("{a: yes}", 1, "'yes' is not a value; strings need quotes"),
            ("{app.kubernetes.io/name: 1}", 1, "expected ':' after the key \"app\", found '.'"),
            ("{\n/* never", 2, "a comment is not closed: '*/' is missing"),
            ("{a: 'x\ny'}", 1, "byte 0xa inside a string; it must be escaped"),
            ("{\n", 2, "the map is not closed: '}' is missing"),
        ]
    )
    func lines(text: String, line: Int, message: String) {
        let problem = Self.json5(text).problems.first
        #expect(problem?.message == message)
        #expect(problem?.line == line)
    }

    @Test("Values know their lines")
    func valueLines() {
        let document = Self.json5(
            "{\n  spec: {\n    // the first\n    containers: [\n      {name: 'a'},\n    ],\n  },\n}"
        )
        .documents.first
        #expect(document?["spec"]?.line == 2)
        #expect(document?["spec"]?["containers"]?[0]?["name"]?.line == 5)
    }

    @Test("Several values may follow each other")
    func several() {
        #expect(Self.json5("{a: 1}\n{a: 2}").documents == [.map(["a": 1]), .map(["a": 2])])
    }

    @Test("Without refusal, keys that occur twice are kept for whoever decodes")
    func duplicatesKept() {
        let parsed = JSONReader.read(Array("{\"a\":1,\"a\":2}".utf8))
        #expect(parsed == ParsedManifest(documents: [.map(["a": 1, "a": 2])]))
    }

    struct Hostile: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var bytes: [UInt8]

        init(_ description: String, _ bytes: [UInt8]) {
            testDescription = description
            self.bytes = bytes
        }

        init(_ description: String, _ part: String, times: Int) {
            self.init(description, Array(String(repeating: part, count: times).utf8))
        }
    }

    @Test(
        "A hostile text ends in a problem, quickly",
        arguments: [
            Hostile("five million open lists", "[", times: 5_000_000),
            Hostile("a million open maps", "{a:", times: 1_000_000),
            Hostile("two million lists", "[],", times: 2_000_000),
            Hostile("eleven megabytes of nothing", " ", times: 11 << 20),
            Hostile("UTF-16", [0xFF, 0xFE]),
            Hostile("a broken sequence in a string", [0x22, 0xC3, 0x28, 0x22]),
            Hostile("a surrogate in a string", [0x22, 0xED, 0xA0, 0x80, 0x22]),
            Hostile("a zero byte", [0]),
            Hostile("a lone slash", "/", times: 1),
            Hostile("a huge exponent", "1e99999999999999999999", times: 1),
        ]
    )
    func hostile(given: Hostile) {
        #expect(JSONReader.read(given.bytes, dialect: .json5).problems.count == 1)
    }

    @Test("Whatever is cut off or changed in a manifest, reading it ends", arguments: 0..<300)
    func mutations(seed: UInt64) {
        var random = SplitMix(state: seed)
        var bytes = Array("{apiVersion: 'v1', /* c */ a: [1.5e3, -0x1F, \"\\u00e9\\n\", true,],}".utf8)
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &random)
            case 1: bytes.remove(at: index)
            default: bytes = Array(bytes[...index])
            }
            if bytes.isEmpty { return }
        }
        let parsed = JSONReader.read(bytes, dialect: .json5)
        // What was read can be written and read again.
        for document in parsed.documents {
            let again = JSONReader.read(Array(document.json().utf8))
            #expect(again.problems.isEmpty)
            #expect(again.documents == [document])
        }
    }
}
