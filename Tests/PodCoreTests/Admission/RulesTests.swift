import Testing

@testable import PodCore

@Suite struct RulesTests {
    @Test(
        "Addresses are IPv4 without leading zeros, or IPv6",
        arguments: [
            ("10.9.8.7", true), ("2001:db8::ffff", true), ("::", true), ("::1", true), ("1::", true),
            ("1:2:3:4:5:6:7:8", true), ("::ffff:10.0.0.1", true), ("1:2:3:4:5:6:1.2.3.4", true),
            ("1::2:3:4:5:6:7", true),
            ("", false), ("1.2.3", false), ("1.2.3.256", false), ("01.2.3.4", false), ("1.2.3.4.5", false),
            ("1.2.3.", false),
            ("1.2.3.4 ", false), ("-1.2.3.4", false), (":", false), (":::", false), ("1::2::3", false),
            ("1:2:3:4:5:6:7", false),
            ("1:2:3:4:5:6:7:8:9", false), ("1:2:3:4:5:6:7::8", false), ("12345::", false), ("g::", false),
            ("::1%eth0", false),
            ("1.2.3.4::", false), ("::1.2.3.4:5", false), (":1", false), ("1:", false),
            ("1:2:3:4:5:6:7:1.2.3.4", false),
            ("٣.1.1.1", false),
        ]
    )
    func addresses(text: String, isAddress: Bool) {
        #expect(AddressRules.address(text).isEmpty == isAddress)
    }

    @Test(
        "Paths of field references are taken apart",
        arguments: [
            ("metadata.name", .field("metadata.name")),
            ("metadata.labels['app']", .entry(map: "metadata.labels", key: "app")),
            ("metadata.annotations['a.b/c']", .entry(map: "metadata.annotations", key: "a.b/c")),
            ("metadata.labels['']", .entry(map: "metadata.labels", key: "")),
            ("metadata.labels[app]", .field("metadata.labels[app]")),
            ("metadata.labels['", .field("metadata.labels['")),
            ("metadata.labels[']", .field("metadata.labels[']")),
            ("']", .field("']")), ("", .field("")),
        ] as [(String, DownwardField)]
    )
    func downwardFields(path: String, field: DownwardField) {
        #expect(DownwardField(path: path) == field)
    }
}
