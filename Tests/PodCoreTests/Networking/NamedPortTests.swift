import Testing

@testable import PodCore

@Suite struct NamedPortTests {
    private var container: Container {
        var container = Container()
        let ports: [(String, Int32)] = [("web", 8080), ("", 9090), ("admin", 9091)]
        container.ports = ports.map { name, number in
            var port = ContainerPort()
            (port.name, port.containerPort) = (name, number)
            return port
        }
        return container
    }

    @Test(
        "A port is found by its number, by its name or by a number in words",
        arguments: [(.int(7), 7), (.string("web"), 8080), (.string("admin"), 9091), (.string("81"), 81)]
            as [(IntOrString, UInt16)]
    )
    func found(port: IntOrString, number: UInt16) throws { #expect(try container.number(of: port) == number) }

    @Test(
        "What leads nowhere is an error that says why",
        arguments: [
            (.string("other"), "the container has no port named \"other\""),
            (.string(""), "the container has no port named \"\""), (.int(0), "invalid port number: 0"),
            (.int(65536), "invalid port number: 65536"), (.string("-1"), "invalid port number: -1"),
        ] as [(IntOrString, String)]
    )
    func lost(port: IntOrString, message: String) {
        let error = #expect(throws: PortFailure.self) { try container.number(of: port) }
        #expect(error?.description == message)
    }
}
