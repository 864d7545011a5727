import Glibc
import PodCore
import Testing

@testable import PodAgent

@Suite(.blocking) struct GRPCProbeTests {
    private let prober = NetworkProber()

    struct Answer: CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let outcome: ProbeOutcome

        init(_ name: String, _ bytes: [UInt8], _ outcome: ProbeOutcome) {
            (testDescription, self.bytes, self.outcome) = (name, bytes, outcome)
        }
    }

    private static let ok = [("grpc-status", "0")]
    private static let unimplemented =
        "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): "

    static let answers: [Answer] = [
        Answer("Serving", GRPCServer.answer(message: [0, 0, 0, 0, 2, 8, 1], trailers: ok), .success),
        Answer(
            "Not serving",
            GRPCServer.answer(message: [0, 0, 0, 0, 2, 8, 2], trailers: ok),
            .failure("service unhealthy (responded with \"NOT_SERVING\")")
        ),
        Answer(
            "A message without fields is the state 0",
            GRPCServer.answer(message: [0, 0, 0, 0, 0], trailers: ok),
            .failure("service unhealthy (responded with \"UNKNOWN\")")
        ),
        Answer(
            "Not implemented",
            GRPCServer.answer(
                message: nil,
                trailers: [("grpc-status", "12"), ("grpc-message", "unknown service%20x")]
            ),
            .failure(unimplemented + "unknown service x")
        ),
        Answer(
            "A service that the server does not know",
            GRPCServer.answer(
                message: nil,
                trailers: [("grpc-status", "5"), ("grpc-message", "unknown service")]
            ),
            .failure("error: health rpc probe failed: rpc error: code = NotFound desc = unknown service")
        ),
        Answer(
            "Web pages",
            GRPCServer.answer(status: "404", type: "text/html", message: nil, trailers: ok),
            .failure(
                unimplemented
                    + "unexpected HTTP status code received from server: 404; unexpected content-type \"text/html\""
            )
        ),
        Answer(
            "A message that is none",
            GRPCServer.answer(message: [0, 0, 0, 0, 9, 8], trailers: ok),
            .failure(
                "error: health rpc probe failed: rpc error: code = Internal desc = "
                    + "grpc: failed to unmarshal the received message"
            )
        ),
        Answer(
            "A message without end",
            GRPCServer.answer(message: [UInt8](repeating: 0, count: 9_000), trailers: ok),
            .failure(
                "error: health rpc probe failed: rpc error: code = Unavailable desc = "
                    + "grpc: received message larger than max (4096)"
            )
        ),
    ]

    @Test("What a health service answers is what the kubelet makes of it", arguments: answers)
    func answered(_ answer: Answer) throws {
        let server = try GRPCServer.sending(answer.bytes)
        #expect(try prober.outcome(of: .grpc(server.port)) == answer.outcome)
        try prober.settled()
    }

    @Test("The request is a health check of the service that was named")
    func request() throws {
        let seen = Shared<[UInt8]>([])
        let answer = GRPCServer.answer(message: [0, 0, 0, 0, 2, 8, 1], trailers: Self.ok)
        let server = try GRPCServer.sending(answer) { bytes in seen.value = bytes }
        #expect(try prober.outcome(of: .grpc(server.port, service: "db")) == .success)
        let bytes = seen.value
        #expect(bytes.starts(with: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8))
        // Not at the end: what acknowledges the server's settings may come behind it.
        let message: [UInt8] = [0, 0, 0, 0, 4, 10, 2] + Array("db".utf8)
        #expect(bytes.firstRange(of: message) != nil)
    }

    @Test("Who does not answer, does not connect, or speaks something else is told apart")
    func silence() throws {
        let connected = try ScriptedServer { connection in
            connection.write(GRPCServer.settings)
            connection.waitForClient()
        }
        #expect(
            try prober.outcome(ofLate: { .grpc(connected.port, timeout: $0) }) { timeout in
                .failure("timeout: health rpc did not complete within \(timeout.goText)")
            }
        )
        let mute = try ScriptedServer { $0.waitForClient() }
        let unheard = NetworkCall.grpc(mute.port, timeout: .milliseconds(300))
        #expect(
            try prober.outcome(of: unheard)
                == .failure(
                    "timeout: failed to connect service \"127.0.0.1:\(mute.port)\" within 300ms: "
                        + "context deadline exceeded"
                )
        )
        let port = try closedPort()
        #expect(
            try prober.outcome(of: .grpc(port))
                == .failure(
                    "error: failed to connect service at \"127.0.0.1:\(port)\": "
                        + "dial tcp 127.0.0.1:\(port): connect: connection refused"
                )
        )
        let web = try ScriptedServer { connection in
            _ = connection.read()
            connection.write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        }
        guard case .failure(let text) = try prober.outcome(of: .grpc(web.port)) else {
            Issue.record("a web server is no health service")
            return
        }
        #expect(text.hasPrefix("error: failed to connect service at \"127.0.0.1:\(web.port)\": "), "\(text)")
        try prober.settled()
    }

    /// gRPC's own library for Python is not everywhere: `PODAGENT_GRPC_PYTHON` is an interpreter that has it (grpcio,
    /// grpcio-health-checking).
    @Test(
        "A server of gRPC's own library is understood",
        .enabled(
            if: getenv("PODAGENT_GRPC_PYTHON") != nil,
            "set PODAGENT_GRPC_PYTHON to a Python with grpcio"
        )
    )
    func stranger() throws {
        let python = try #require(getenv("PODAGENT_GRPC_PYTHON").map { String(cString: $0) })
        let script = """
            import concurrent.futures, grpc
            from grpc_health.v1 import health, health_pb2, health_pb2_grpc
            pool = concurrent.futures.ThreadPoolExecutor()
            server, bare = grpc.server(pool), grpc.server(pool)
            servicer = health.HealthServicer()
            health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
            servicer.set("db", health_pb2.HealthCheckResponse.NOT_SERVING)
            ports = [s.add_insecure_port("127.0.0.1:0") for s in (server, bare)]
            server.start(); bare.start()
            print(*ports, flush=True)
            server.wait_for_termination()
            """
        let output = "/tmp/podagent-grpc-\(getpid())"
        unlink(output)
        defer { unlink(output) }
        let server = try Subprocess([python, "-c", script], output: output, errors: "/dev/null")
        defer {
            kill(server.pid, SIGKILL)
            server.wait()
        }
        try eventually("the server listens") { readText(output).hasSuffix("\n") }
        let ports = readText(output).split { $0.isWhitespace }.compactMap { UInt16($0) }
        try #require(ports.count == 2)
        #expect(try prober.outcome(of: .grpc(ports[0])) == .success)
        #expect(
            try prober.outcome(of: .grpc(ports[0], service: "db"))
                == .failure("service unhealthy (responded with \"NOT_SERVING\")")
        )
        guard case .failure(let unknown) = try prober.outcome(of: .grpc(ports[0], service: "no such")),
            case .failure(let bare) = try prober.outcome(of: .grpc(ports[1]))
        else {
            Issue.record("a service that is not there does not serve")
            return
        }
        #expect(
            unknown.hasPrefix("error: health rpc probe failed: rpc error: code = NotFound desc = "),
            "\(unknown)"
        )
        #expect(bare.hasPrefix(Self.unimplemented), "\(bare)")
        try prober.settled()
    }
}
