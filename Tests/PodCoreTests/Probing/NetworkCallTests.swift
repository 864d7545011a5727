import PodCore
import Testing

@Suite struct NetworkCallTests {
    private static let container: Container = {
        var port = ContainerPort()
        port.name = "web"
        port.containerPort = 8080
        var container = Container()
        container.ports = [port]
        return container
    }()

    @Test("A host of its own is asked, or else the Pod's address")
    func hosts() throws {
        var action = HTTPGetAction()
        action.port = .string("web")
        action.scheme = .https
        action.path = "/x"
        let call = try NetworkCall(
            action,
            of: Self.container,
            at: "fd00::5",
            timeout: .seconds(2),
            purpose: .hook
        )
        #expect(call.address == "[fd00::5]:8080")
        #expect(call.timeout == .seconds(2) && call.purpose == .hook)
        #expect(call.question == .http(HTTPCall(scheme: .https, target: HTTPTarget(path: "/x"))))
        action.host = "web.example"
        #expect(
            try NetworkCall(action, of: Self.container, at: nil, timeout: .seconds(1)).address
                == "web.example:8080"
        )
        action.host = "[::1]"
        #expect(
            try NetworkCall(action, of: Self.container, at: nil, timeout: .seconds(1)).address == "[::1]:8080"
        )
    }

    @Test(
        "A host is a name or an address, and not a piece of a URL",
        arguments: [
            "a b", "a\r\nb", "user@host", "host/path", "host:80", "ü", "%", "::1%", "::1%a/b", "[::1", "\0",
        ]
    )
    func badHosts(_ host: String) {
        var action = HTTPGetAction()
        action.host = host
        action.port = .int(80)
        #expect(throws: NetworkCallFailure.host(host)) {
            try NetworkCall(action, of: Self.container, at: nil, timeout: .seconds(1))
        }
    }

    @Test("What leads nowhere is told, and counts as nothing")
    func failures() {
        var action = TCPSocketAction()
        action.port = .string("web")
        #expect(throws: NetworkCallFailure.noAddress) {
            try NetworkCall(action, of: Self.container, at: nil, timeout: .seconds(1))
        }
        action.port = .string("db")
        #expect(throws: NetworkCallFailure.port(.unknown("db"))) {
            try NetworkCall(action, of: Self.container, at: "10.0.0.5", timeout: .seconds(1))
        }
        action.port = .int(70_000)
        #expect(throws: NetworkCallFailure.port(.outOfRange(70_000))) {
            try NetworkCall(action, of: Self.container, at: "10.0.0.5", timeout: .seconds(1))
        }
        #expect(NetworkCallFailure.port(.outOfRange(70_000)).outcome == .error("invalid port number: 70000"))
        #expect(throws: NetworkCallFailure.port(.outOfRange(0))) {
            try NetworkCall(GRPCAction(), at: "10.0.0.5", timeout: .seconds(1))
        }
    }

    @Test(
        "Durations read as in Go",
        arguments: [
            (Duration.seconds(1), "1s"), (.milliseconds(250), "250ms"), (.milliseconds(1_500), "1.5s"),
            (.seconds(60), "1m0s"), (.seconds(90), "1m30s"), (.seconds(3_600), "1h0m0s"), (.zero, "0s"),
            (.milliseconds(1_050), "1.05s"),
        ]
    )
    func durations(_ duration: Duration, _ text: String) {
        #expect(duration.inGo == text)
    }
}
