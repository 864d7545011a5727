import PodCore
import Testing

struct CNIAttachmentTests {
    private static let pod: Pod = {
        var pod = Pod()
        (pod.metadata.name, pod.metadata.namespace, pod.metadata.uid) = ("web-n1", "default", "0123abcd")
        var container = Container()
        container.name = "c"
        let ports: [(hostIP: String, hostPort: Int32)] = [
            ("", 8080), ("127.0.0.1", 8081), ("0.0.0.0", 8082), ("fd00:0::1", 8083), ("", 0),
        ]
        container.ports = ports.map {
            var port = ContainerPort()
            (port.hostIP, port.hostPort, port.containerPort) = ($0.hostIP, $0.hostPort, 80)
            return port
        }
        container.ports[1].protocol = .udp
        pod.spec.containers = [container]
        return pod
    }()

    private static let attachment = CNIAttachment(of: pod, pluginDirectories: ["/a", "/b"])

    @Test(
        "Plugins get their variables, and those of Kubernetes",
        arguments: [
            (CNIAttachment.Command.add, "/proc/7/ns/net" as String?), (.check, "/proc/7/ns/net"),
            (.delete, "/proc/7/ns/net"), (.delete, nil),
        ]
    )
    func environment(command: CNIAttachment.Command, namespace: String?) {
        #expect(
            Self.attachment.environment(command, namespace: namespace) == [
                "CNI_COMMAND=\(command.rawValue)", "CNI_CONTAINERID=0123abcd", "CNI_NETNS=\(namespace ?? "")",
                "CNI_IFNAME=eth0",
                "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-n1;"
                    + "K8S_POD_INFRA_CONTAINER_ID=0123abcd;K8S_POD_UID=0123abcd",
                "CNI_PATH=/a:/b",
            ]
        )
    }

    private func network(_ plugin: String, top: String = "") throws -> CNINetwork {
        let text = #"{"cniVersion": "1.0.0", "name": "pods", \#(top) "plugins": [\#(plugin)]}"#
        let parsed = JSONReader.read(Array(text.utf8))
        return try CNINetwork(try #require(parsed.documents.first), form: .list)
    }

    private static let mappings =
        #"[{"hostPort":8080,"containerPort":80,"protocol":"tcp"},"#
        + #"{"hostPort":8081,"containerPort":80,"protocol":"udp","hostIP":"127.0.0.1"},"#
        + #"{"hostPort":8082,"containerPort":80,"protocol":"tcp","hostIP":"0.0.0.0"},"#
        + #"{"hostPort":8083,"containerPort":80,"protocol":"tcp","hostIP":"fd00::1"}]"#

    @Test(
        "A plugin gets its own object with the network's name and version, and of runtimeConfig what it asks for",
        arguments: [
            (#"{"type": "a", "x": {"y": [1, null]}}"#, #""type":"a","x":{"y":[1,null]}"#),
            (#"{"type": "a", "name": "other", "cniVersion": "0.4.0", "prevResult": {}}"#, #""type":"a""#),
            (#"{"type": "a", "capabilities": {"portMappings": false}}"#, #""type":"a""#),
            (#"{"type": "a", "capabilities": {"bandwidth": true}}"#, #""type":"a""#),
            (
                #"{"type": "a", "capabilities": {"portMappings": true}}"#,
                #""type":"a","runtimeConfig":{"portMappings":\#(mappings)}"#
            ),
            (
                #"{"type": "a", "capabilities": {"portMappings": true, "mac": true}, "runtimeConfig": {"mac": "x"}}"#,
                #""type":"a","runtimeConfig":{"mac":"x","portMappings":\#(mappings)}"#
            ),
        ]
    )
    func configuration(plugin: String, expected: String) throws {
        let network = try network(plugin)
        let told = Self.attachment.configuration(of: network.plugins[0], in: network, previous: nil)
        #expect(told.json() == #"{"cniVersion":"1.0.0","name":"pods",\#(expected)}"#)
        let result: Document = .map(["ips": []])
        let later = Self.attachment.configuration(of: network.plugins[0], in: network, previous: result)
        #expect(later.json() == #"{"cniVersion":"1.0.0","name":"pods",\#(expected),"prevResult":{"ips":[]}}"#)
    }

    @Test("Without ports there is nothing to tell of them")
    func noPorts() throws {
        let network = try network(#"{"type": "a", "capabilities": {"portMappings": true}}"#)
        let attachment = CNIAttachment(unknownPod: "u", pluginDirectories: [])
        let told = attachment.configuration(of: network.plugins[0], in: network, previous: nil)
        #expect(told.json() == #"{"cniVersion":"1.0.0","name":"pods","type":"a"}"#)
    }

    @Test("A record gives back what was written, before ADD and after")
    func record() throws {
        let network = try network(
            #"{"type": "a", "capabilities": {"portMappings": true}}"#,
            top: #""disableCheck": true,"#
        )
        var record = CNIRecord(network: network, attachment: Self.attachment, state: .begun)
        #expect(record.result == nil)
        #expect(try CNIRecord(reread(record)) == record)
        let result: Document = .map(["ips": [.map(["address": "10.0.0.2/24"])], "dns": .map([:])])
        record.state = .attached(try CNIResult(result, interface: "eth0"))
        #expect(try CNIRecord(reread(record)) == record)
        #expect(record.result?.document == result)
    }

    private func reread(_ record: CNIRecord) throws -> Document {
        try #require(JSONReader.read(Array(record.document.json().utf8)).documents.first)
    }

    @Test(
        "A record that is not one is refused",
        arguments: [
            ("version", nil, "it has no version"), ("version", 2, "it has version 2, not 1"),
            ("containerID", nil, "containerID is no string"), ("arguments", 1, "arguments is no string"),
            ("pluginDirectories", "a", "pluginDirectories is no list"),
            ("portMappings", [1], "portMappings has an element that is none"),
            ("network", nil, "network: it is null, not a map"),
            ("result", .map([:]), "its result has no address for eth0 of the Pod"),
        ] as [(String, Document?, String)]
    )
    func noRecord(key: String, value: Document?, problem: String) throws {
        let record = CNIRecord(
            network: try network(#"{"type": "a"}"#),
            attachment: Self.attachment,
            state: .begun
        )
        guard case .map(var entries) = record.document.value else { return }
        entries.removeAll { $0.key == key }
        if let value { entries.append(.init(key, value)) }
        let document = Document(.map(entries))
        let failure = #expect(throws: CNIRecord.Failure.self) { try CNIRecord(document) }
        #expect(failure?.description == problem)
    }
}
