import Glibc
import PodCore
import Testing

@testable import PodAgent

@Suite(.blocking) struct TLSProbeTests {
    private let prober = NetworkProber()

    /// `openssl s_server`, with a certificate that it has signed itself and that is for somebody else.
    private final class Server {
        let port: UInt16
        private let directory: String
        private let process: Subprocess

        init() throws {
            var template = Array("/tmp/podagent-tls-XXXXXX".utf8CString)
            directory = try #require(mkdtemp(&template).map { String(cString: $0) })
            let made = try Subprocess.run(
                [
                    "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1",
                    "-nodes", "-subj", "/CN=somebody.else", "-days", "1", "-keyout", "\(directory)/key",
                    "-out",
                    "\(directory)/certificate",
                ],
                scratch: directory
            )
            try #require(made.code == 0, "\(made)")
            let output = "\(directory)/output"
            process = try Subprocess(
                [
                    "/usr/bin/openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-key",
                    "\(directory)/key",
                    "-cert", "\(directory)/certificate",
                ],
                output: output,
                errors: output
            )
            // "ACCEPT 127.0.0.1:40123"
            try eventually("openssl listens") { readText(output).contains("ACCEPT 127.0.0.1:") }
            let text = readText(output)
            let start = try #require(text.firstRange(of: "ACCEPT 127.0.0.1:")).upperBound
            port = try #require(UInt16(text[start...].prefix { $0.isNumber }))
        }

        deinit {
            kill(process.pid, SIGKILL)
            process.wait()
            for name in ["key", "certificate", "output"] { unlink("\(directory)/\(name)") }
            rmdir(directory)
        }
    }

    @Test("A certificate that nobody has signed is no obstacle, for probes and for hooks")
    func selfSigned() throws {
        let server = try Server()
        #expect(try prober.outcome(of: .http(server.port, scheme: .https)) == .success)
        #expect(try prober.outcome(of: .http(server.port, scheme: .https, purpose: .hook)) == .success)
        try prober.settled()
    }

    @Test(
        "A server that answers TLS in plain HTTP fails a probe, and a hook asks it again, without what was secret"
    )
    func plainHTTP() throws {
        let seen = Shared<[String]>([])
        let server = try ScriptedServer { connection in
            let first = connection.read()
            // A client's first message of TLS begins with the number of the handshake protocol.
            if first.first != 22 { seen.change { $0.append(String(decoding: first, as: UTF8.self)) } }
            connection.write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        }
        #expect(
            try prober.outcome(of: .http(server.port, scheme: .https))
                == .failure(
                    "Get \"https://127.0.0.1:\(server.port)/\": http: server gave HTTP response to HTTPS client"
                )
        )
        #expect(seen.value.isEmpty)
        let headers = [("Authorization", "Bearer secret"), ("X-Kept", "1")]
        let call = NetworkCall.http(server.port, scheme: .https, headers: headers, purpose: .hook)
        #expect(
            try prober.outcome(of: call)
                == .warning(
                    "request to HTTPS lifecycle hook 127.0.0.1:\(server.port) got HTTP response, "
                        + "retry with HTTP succeeded"
                )
        )
        let request = try #require(seen.value.first)
        #expect(request.contains("X-Kept: 1\r\n") && request.contains("User-Agent: kube-lifecycle/1.36\r\n"))
        #expect(!request.contains("secret"))
        try prober.settled()
    }

    @Test("What is neither TLS nor HTTP fails, and is not asked again in plain HTTP")
    func garbage() throws {
        let seen = Shared<[String]>([])
        let server = try ScriptedServer { connection in
            seen.change { $0.append(String(decoding: connection.read(), as: UTF8.self)) }
            connection.write("SSH-2.0-OpenSSH_9.2\r\n")
        }
        for purpose in [NetworkCall.Purpose.probe, .hook] {
            let call = NetworkCall.http(server.port, scheme: .https, purpose: purpose)
            guard case .failure(let text) = try prober.outcome(of: call) else {
                Issue.record("no TLS is no yes")
                return
            }
            #expect(text.hasPrefix("Get \"https://127.0.0.1:\(server.port)/\": tls: "), "\(text)")
        }
        #expect(seen.value.count == 2)
    }

    @Test("A handshake that does not go on ends with the timeout")
    func stuckHandshake() throws {
        let server = try ScriptedServer { $0.waitForClient() }
        let call = NetworkCall.http(server.port, scheme: .https, timeout: .milliseconds(200))
        #expect(
            try prober.outcome(of: call)
                == .failure(
                    "Get \"https://127.0.0.1:\(server.port)/\": context deadline exceeded "
                        + "(Client.Timeout exceeded while awaiting headers)"
                )
        )
        try prober.settled()
    }
}
