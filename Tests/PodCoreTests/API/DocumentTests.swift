import PodCore
import Testing

@Suite struct DocumentTests {
    static let sample: Document = .map([
        "metadata": .map(["name": "web", "labels": .map([:])]),
        "list": [1, "two", [true, Document(.null)], [.map(["k": "v", "l": []])]],
    ])

    @Test("Compact JSON has no blanks and keeps the order of the keys")
    func compactJSON() {
        #expect(
            Self.sample.json()
                == #"{"metadata":{"name":"web","labels":{}},"list":[1,"two",[true,null],[{"k":"v","l":[]}]]}"#
        )
    }

    @Test("Pretty JSON is indented by four spaces, empty maps and lists stay on their line")
    func prettyJSON() {
        let text: Document = .map(["a": [1, .map(["b": .map([:])])], "c": []])
        #expect(
            text.json(indentation: 4) == """
                {
                    "a": [
                        1,
                        {
                            "b": {}
                        }
                    ],
                    "c": []
                }
                """
        )
    }

    @Test(
        "JSON strings escape what RFC 8259 demands and nothing else",
        arguments: [
            ("plain ü \u{1F600}", #""plain ü 😀""#), ("a\"b\\c", #""a\"b\\c""#),
            ("\n\r\t\u{8}\u{C}", #""\n\r\t\b\f""#),
            ("\u{0}\u{1F}", #""\u0000\u001f""#), ("</x>", #""</x>""#),
        ]
    )
    func escapes(text: String, json: String) {
        #expect(Document.jsonString(text) == json)
    }

    @Test("YAML puts dashes in the column of the key and maps behind their dash")
    func yamlLayout() {
        #expect(
            Self.sample.yaml() == """
                metadata:
                  name: web
                  labels: {}
                list:
                - 1
                - two
                - - true
                  - null
                - - k: v
                    l: []

                """
        )
    }

    @Test(
        "YAML quotes a string that would be read as another type, and no other",
        arguments: [
            ("nginx:1.25", "nginx:1.25"), ("", #""""#), ("true", #""true""#), ("No", #""No""#),
            ("y", #""y""#),
            ("~", #""~""#), ("1", #""1""#), ("-1", #""-1""#), ("1.5", #""1.5""#), (".5", #"".5""#),
            ("1e3", #""1e3""#),
            ("0x1F", #""0x1F""#), ("0o17", #""0o17""#), ("1_000", #""1_000""#),
            ("190:20:30", #""190:20:30""#),
            ("+.5", #""+.5""#), ("10.0.0.1", "10.0.0.1"), ("100m", "100m"), ("1Gi", "1Gi"),
            ("2026-01-02", #""2026-01-02""#),
            ("2026-01-02T03:04:05Z", #""2026-01-02T03:04:05Z""#), ("-c", "-c"), ("--flag=x", "--flag=x"),
            ("- x", "'- x'"), ("-", "'-'"), ("a: b", "'a: b'"), ("a #b", "'a #b'"), ("a#b", "a#b"),
            ("a:", "'a:'"),
            ("*x", "'*x'"), ("it's", "it's"), ("'x", "'''x'"), ("{x}", "'{x}'"), ("a{x}", "a{x}"),
            (" x", "' x'"), ("x ", "'x '"), ("a\tb", #""a\tb""#), ("\u{1}", #""\u0001""#),
            ("\u{85}", #""\u0085""#),
            ("<<", #""<<""#), ("---", "'---'"), ("1.2.3", "1.2.3"), ("/bin/sh", "/bin/sh"), ("ü", "ü"),
            ("deadbeef", "deadbeef"), ("12-34", "12-34"), ("@x", "'@x'"), (".inf", #"".inf""#),
            ("...", "'...'"),
        ]
    )
    func yamlScalars(text: String, yaml: String) {
        #expect(Document(.string(text)).yaml() == yaml + "\n")
        #expect(Document(.map([.init("k", .init(.string(text)))])).yaml() == "k: \(yaml)\n")
    }

    @Test(
        "Strings of several lines become literal blocks where a block can carry them",
        arguments: [
            ("a\nb", "k: |-\n  a\n  b\n"), ("a\n\n b\n", "k: |\n  a\n\n   b\n"), ("a\n\n", "k: |+\n  a\n\n"),
            (" a\nb", "k: \" a\\nb\"\n"), ("a \nb", "k: \"a \\nb\"\n"), ("\n", "k: \"\\n\"\n"),
            ("a\tb\n", "k: \"a\\tb\\n\"\n"),
        ]
    )
    func yamlBlocks(text: String, yaml: String) {
        #expect(Document(.map([.init("k", .init(.string(text)))])).yaml() == yaml)
    }

    @Test("Of two equal keys the last one is read, and lines do not count when comparing")
    func reading() {
        let document: Document = .map(["a": 1, "a": 2, "l": ["x"]])
        #expect(document["a"]?.integer == 2)
        #expect(document["l"]?[0]?.string == "x")
        #expect(document["l"]?[1] == nil)
        #expect(document["missing"] == nil)
        #expect(Document(.bool(true), line: 3) == Document(.bool(true), line: 9))
    }
}
