import PodCore
import Testing

@Suite struct YAMLCoreScalarTests {
    @Test(
        "Plain scalars mean what they mean to kubectl",
        arguments: [
            ("", .null), ("~", .null), ("Null", .null), ("nUll", .string("nUll")),
            ("true", .bool(true)), ("TRUE", .bool(true)), ("yes", .bool(true)), ("y", .bool(true)),
            ("On", .bool(true)), ("no", .bool(false)), ("off", .bool(false)), ("N", .bool(false)),
            ("tRue", .string("tRue")), ("yess", .string("yess")),
            ("0", .integer(0)), ("-0", .integer(0)), ("+12", .integer(12)), ("1_000", .integer(1000)),
            ("0644", .integer(420)), ("0o644", .integer(420)), ("0x1F", .integer(31)),
            ("-0b101", .integer(-5)),
            ("0_7", .integer(7)), ("08", .integer(8)), ("0800", .integer(800)), ("--1", .string("--1")),
            ("0x", .string("0x")), ("0x-1", .string("0x-1")), ("1__2", .integer(12)), ("_1", .string("_1")),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", .number(9_223_372_036_854_775_808)),
            ("1.5", .number(1.5)), (".5", .number(0.5)), ("1.", .integer(1)), ("1e3", .integer(1000)),
            ("1E-2", .number(0.01)), ("0.1", .number(0.1)), ("-.5", .number(-0.5)), ("1e", .string("1e")),
            ("1e400", .string("1e400")), (".", .string(".")), ("-", .string("-")), ("+", .string("+")),
            ("12:30:45", .string("12:30:45")), ("2026-01-02", .string("2026-01-02")),
            ("1.2.3", .string("1.2.3")),
            ("1.5Gi", .string("1.5Gi")), ("100m", .string("100m")), ("0xZZ", .string("0xZZ")),
            ("inf", .string("inf")), ("+Infinity", .string("+Infinity")), (".inf", .number(.infinity)),
            ("-.INF", .number(-.infinity)), ("0x1p3", .string("0x1p3")), ("٣", .string("٣")),
        ] as [(String, Document.Value)]
    )
    func resolve(text: String, value: Document.Value) {
        #expect(YAMLCoreScalar.resolve(text) == value)
    }

    @Test("Not a number is not a number")
    func notANumber() {
        guard case .number(let value) = YAMLCoreScalar.resolve(".nan") else {
            Issue.record("not a number at all")
            return
        }
        #expect(value.isNaN)
    }
}

@Suite struct ManifestNameTests {
    @Test(
        "Manifests end in .json, .yaml or .yml",
        arguments: ["a.json", "b.yaml", "c.yml", "a b.yaml", "é.yaml"]
    )
    func manifests(name: String) {
        #expect({ if case .manifest = ManifestName(name) { true } else { false } }())
    }

    @Test(
        "Dotfiles, backups and everything else are ignored with a reason",
        arguments: [
            (".a.yaml", "a dot"), ("..data", "a dot"), (".a.yaml.swp", "a dot"), ("a.yaml~", "(~)"),
            ("a.yaml.bak", "(.bak)"), ("a.yaml.BAK", "(.bak)"), ("a.json.backup", "(.backup)"),
            ("#a.yaml#", "unsaved"), ("a.yaml.orig", "(.orig)"), ("a.yaml.rej", "(.rej)"),
            ("a.yaml.swx", "(.swx)"),
            ("a.yaml.dpkg-old", "(.dpkg-old)"), ("a.yaml.tmp", "(.tmp)"), ("README.md", "not named"),
            ("4913", "not named"),
            ("a.YAML", "not named"), ("yaml", "not named"), ("a\u{FFFD}.yaml", "UTF-8"),
        ]
    )
    func ignored(name: String, part: String) {
        guard case .ignored(let reason) = ManifestName(name) else {
            Issue.record("\(name) counts as a manifest")
            return
        }
        #expect(reason.contains(part))
    }
}
