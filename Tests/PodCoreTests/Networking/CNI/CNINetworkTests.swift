import PodCore
import Testing

struct CNINetworkTests {
    private func document(_ text: String) throws -> Document {
        let parsed = JSONReader.read(Array(text.utf8))
        try #require(parsed.problems == [])
        return try #require(parsed.documents.first)
    }

    @Test("A list is read with its plugins and what they want to be told of")
    func list() throws {
        let text = """
            {"cniVersion": "1.0.0", "name": "pods.1_a-b", "disableCheck": true, "plugins": [
              {"type": "bridge", "ipam": {"type": "host-local"}},
              {"type": "portmap", "capabilities": {"portMappings": true, "bandwidth": false}}]}
            """
        let network = try CNINetwork(document(text), form: .list)
        #expect(network.name == "pods.1_a-b")
        #expect(network.version == .v1_0_0)
        #expect(network.disablesCheck)
        #expect(network.plugins.map(\.type) == ["bridge", "portmap"])
        #expect(network.plugins.map(\.capabilities) == [[], ["portMappings"]])
        #expect(network.hasCapability("portMappings"))
        #expect(!network.hasCapability("bandwidth"))
        #expect(try CNINetwork(network.document, form: .list) == network)
    }

    @Test("The object of one plugin is a list of one")
    func single() throws {
        let text = #"{"cniVersion": "0.4.0", "name": "pods", "type": "ptp", "mtu": 1400}"#
        let network = try CNINetwork(document(text), form: .single)
        #expect(network.plugins.map(\.type) == ["ptp"])
        #expect(network.version == .v0_4_0)
        #expect(!network.disablesCheck)
        #expect(try CNINetwork(network.document, form: .list) == network)
    }

    @Test(
        "The latest version that both sides know is spoken",
        arguments: [
            (#""cniVersion": "0.3.0""#, "0.3.0"), (#""cniVersion": "0.3.1""#, "0.3.1"),
            (#""cniVersion": "1.1.0""#, "1.1.0"),
            (#""cniVersion": "1.0.0", "cniVersions": ["0.4.0", "1.0.0", "1.1.0"]"#, "1.1.0"),
            (#""cniVersions": ["1.0.0", "2.0.0"]"#, "1.0.0"),
            (#""cniVersion": "0.1.0", "cniVersions": ["0.4.0"]"#, "0.4.0"),
        ]
    )
    func version(key: String, expected: String) throws {
        let text = "{\(key), \"name\": \"a\", \"plugins\": [{\"type\": \"p\"}]}"
        #expect(try CNINetwork(document(text), form: .list).version.rawValue == expected)
    }

    @Test(
        "What no plugin could be run with is refused in one line",
        arguments: [
            (#"[]"#, "it is a list, not a map"),
            (#"{"cniVersion": "1.0.0", "plugins": [{"type": "p"}]}"#, "name is missing"),
            (#"{"cniVersion": "1.0.0", "name": 1, "plugins": []}"#, "name is a number, not a string"),
            (
                #"{"cniVersion": "1.0.0", "name": "../a", "plugins": []}"#,
                #"name "../a": must begin with a letter or digit, and have nothing but those, '_', '.' and '-'"#
            ),
            (
                #"{"name": "a", "plugins": [{"type": "p"}]}"#,
                "cniVersion 0.1.0: podagent speaks 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0"
            ),
            (
                #"{"cniVersion": "0.2.0", "cniVersions": ["9.0.0"], "name": "a", "plugins": [{"type": "p"}]}"#,
                "cniVersion 0.2.0, 9.0.0: podagent speaks 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0"
            ),
            (#"{"cniVersion": 1.0, "name": "a"}"#, "cniVersion is a number, not a string"),
            (#"{"cniVersions": "1.0.0", "name": "a"}"#, "cniVersions is a string, not a list"),
            (#"{"cniVersions": [1], "name": "a"}"#, "cniVersions[0] is a number, not a string"),
            (#"{"cniVersion": "1.0.0", "name": "a"}"#, "plugins is missing"),
            (#"{"cniVersion": "1.0.0", "name": "a", "plugins": {}}"#, "plugins is a map, not a list"),
            (#"{"cniVersion": "1.0.0", "name": "a", "plugins": []}"#, "plugins is empty"),
            (#"{"cniVersion": "1.0.0", "name": "a", "plugins": [1]}"#, "plugins[0] is a number, not a map"),
            (#"{"cniVersion": "1.0.0", "name": "a", "plugins": [{}]}"#, "plugins[0].type is missing"),
            (
                #"{"cniVersion": "1.0.0", "name": "a", "plugins": [{"type": "../sh"}]}"#,
                #"type "../sh": must be the name of a program, without '/'"#
            ),
            (
                #"{"cniVersion": "1.0.0", "name": "a", "plugins": [{"type": ".."}]}"#,
                #"type "..": must be the name of a program, without '/'"#
            ),
            (
                #"{"cniVersion": "1.0.0", "name": "a", "plugins": [{"type": "p", "capabilities": []}]}"#,
                "plugins[0].capabilities is a list, not a map"
            ),
            (
                #"{"cniVersion": "1.0.0", "name": "a", "disableCheck": 1, "plugins": [{"type": "p"}]}"#,
                "disableCheck is a number, not a boolean"
            ),
        ]
    )
    func refused(text: String, problem: String) throws {
        let document = try document(text)
        let failure = #expect(throws: CNIConfigurationFailure.self) {
            try CNINetwork(document, form: .list)
        }
        #expect(failure?.description == problem)
    }
}
