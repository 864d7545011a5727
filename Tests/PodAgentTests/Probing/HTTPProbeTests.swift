import Glibc
import PodCore
import Synchronization
import Testing

@testable import PodAgent

@Suite(.blocking) struct HTTPProbeTests {
    private let prober = NetworkProber()

    struct Answer: CustomTestStringConvertible {
        let testDescription: String
        let text: String
        let outcome: ProbeOutcome

        init(_ name: String, _ text: String, _ outcome: ProbeOutcome) {
            (testDescription, self.text, self.outcome) = (name, text, outcome)
        }
    }

    private static let long = String(repeating: "x", count: 1 << 20)

    static let answers: [Answer] = [
        Answer("200 is a yes", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", .success),
        Answer("A body that ends with the connection", "HTTP/1.0 200 OK\r\n\r\nok", .success),
        Answer("204 has no body", "HTTP/1.1 204 No Content\r\n\r\n", .success),
        Answer(
            "A body in chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            .success
        ),
        Answer(
            "100 comes before 200",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            .success
        ),
        Answer(
            "More than 10 KiB of body are left unread",
            "HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + long,
            .success
        ),
        Answer(
            "A compressed body is not unpacked",
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nno gzip!",
            .success
        ),
        Answer(
            "503 is a no",
            "HTTP/1.1 503 Sorry\r\nContent-Length: 0\r\n\r\n",
            .failure("HTTP probe failed with statuscode: 503")
        ),
        Answer(
            "400 is a no",
            "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n",
            .failure("HTTP probe failed with statuscode: 400")
        ),
        Answer(
            "A no is one without its body",
            "HTTP/1.1 500 No\r\nContent-Length: 10\r\n\r\nab",
            .failure("HTTP probe failed with statuscode: 500")
        ),
        Answer(
            "101 is a no",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
            .failure("HTTP probe failed with statuscode: 101")
        ),
        Answer(
            "304 is a yes with a warning",
            "HTTP/1.1 304 Not Modified\r\n\r\n",
            .warning("Probe terminated redirects, Response body: ")
        ),
        Answer(
            "A redirect to another host is a yes with a warning",
            "HTTP/1.1 302 Found\r\nLocation: http://example.com/\r\nContent-Length: 4\r\n\r\nthere",
            .warning("Probe terminated redirects, Response body: ther")
        ),
        Answer(
            "A redirect to a file is one to no host",
            "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
            .warning("Probe terminated redirects, Response body: ")
        ),
        Answer(
            "A redirect to a socket is one to another host",
            "HTTP/1.1 302 Found\r\nLocation: http://unix:/run/podagent/podagent.sock\r\nContent-Length: 0\r\n\r\n",
            .warning("Probe terminated redirects, Response body: ")
        ),
        Answer(
            "A redirect to another protocol of the same host is not followed",
            "HTTP/1.1 302 Found\r\nLocation: gopher://127.0.0.1/x\r\nContent-Length: 0\r\n\r\n",
            .failure("Get \"gopher://127.0.0.1/x\": unsupported protocol scheme \"gopher\"")
        ),
        Answer(
            "A Location without end is not followed",
            "HTTP/1.1 302 Found\r\nLocation: /\(long.prefix(20_000))\r\nContent-Length: 0\r\n\r\n",
            .failure("Get \"URL\": failed to parse Location header: longer than 8192 bytes")
        ),
        Answer("Closed without a word", "", .failure("Get \"URL\": EOF")),
        Answer(
            "Closed within the body",
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab",
            .failure("Get \"URL\": unexpected EOF")
        ),
        Answer(
            "No HTTP at all",
            "SSH-2.0-OpenSSH_9.2\r\n",
            .failure(
                "Get \"URL\": net/http: HTTP/1.x transport connection broken: malformed HTTP response \"SSH-2.0-OpenSSH_9.2\""
            )
        ),
        Answer(
            "A header line that is longer than any",
            "HTTP/1.1 200 OK\r\nX: \(long)\r\n\r\n",
            .failure("Get \"URL\": net/http: server response headers exceeded 262144 bytes; aborted")
        ),
        Answer(
            "Headers without number",
            "HTTP/1.1 200 OK\r\n" + String(repeating: "X-Y: \(long.prefix(100))\r\n", count: 5_000),
            .failure("Get \"URL\": net/http: server response headers exceeded 262144 bytes; aborted")
        ),
        Answer(
            "A flood of informational responses",
            String(repeating: "HTTP/1.1 103 Early Hints\r\n\r\n", count: 50_000),
            .failure("Get \"URL\": net/http: server response headers exceeded 262144 bytes; aborted")
        ),
    ]

    @Test("What a server answers is what the kubelet makes of it", arguments: answers)
    func answered(_ answer: Answer) throws {
        let server = try ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write(answer.text)
            shutdown(connection.descriptor, Int32(SHUT_WR))
            connection.waitForClient()
        }
        var expected = answer.outcome
        if case .failure(let text) = expected {
            expected = .failure(text.replacing("\"URL\"", with: "\"http://127.0.0.1:\(server.port)/\""))
        }
        #expect(try prober.outcome(of: .http(server.port)) == expected)
        try prober.settled()
    }

    @Test("A request has the kubelet's headers and those of the probe, and nothing of the environment's")
    func request() throws {
        let seen = Shared("")
        let server = try ScriptedServer { connection in
            let request = connection.readRequest()
            seen.value = request
            connection.write("HTTP/1.1 200 OK\r\n\r\n")
        }
        setenv("http_proxy", "http://127.0.0.1:1", 1)
        setenv("ALL_PROXY", "http://127.0.0.1:1", 1)
        defer {
            unsetenv("http_proxy")
            unsetenv("ALL_PROXY")
        }
        #expect(try prober.outcome(of: .http(server.port, path: "/a/../b c?x=%20&y")) == .success)
        #expect(
            seen.value == """
                GET /a/../b%20c?x=%20&y HTTP/1.1\r
                Host: 127.0.0.1:\(server.port)\r
                User-Agent: kube-probe/1.36\r
                Accept: */*\r
                Connection: close\r
                \r

                """
        )
        let headers = [
            ("x-a", "1"), ("X-A", ""), ("host", "web.example"), ("Accept", ""), ("user-agent", "me"),
        ]
        #expect(try prober.outcome(of: .http(server.port, headers: headers)) == .success)
        #expect(
            seen.value == """
                GET / HTTP/1.1\r
                Host: web.example\r
                User-Agent: me\r
                X-A: 1\r
                X-A:\r
                Connection: close\r
                \r

                """
        )
    }

    @Test("A value that would begin another header is not sent")
    func injection() throws {
        let server = try ScriptedServer.answering("HTTP/1.1 200 OK\r\n\r\n")
        let call = NetworkCall.http(server.port, headers: [("X", "a\r\nEvil: b")])
        let text = "Get \"http://127.0.0.1:\(server.port)/\": net/http: invalid header field value for \"X\""
        #expect(try prober.outcome(of: call) == .failure(text))
    }

    @Test("Redirects within the host are followed, on another port too, ten requests in all")
    func redirects() throws {
        let count = Atomic(0)
        let loop = try ScriptedServer { connection in
            _ = connection.readRequest()
            let number = count.add(1, ordering: .relaxed).newValue
            connection.write("HTTP/1.1 307 Again\r\nLocation: /\(number)\r\nContent-Length: 0\r\n\r\n")
        }
        #expect(
            try prober.outcome(of: .http(loop.port))
                == .failure("Get \"/10\": stopped after 10 redirects")
        )
        #expect(count.load(ordering: .relaxed) == 10)

        let seen = Shared("")
        let last = try ScriptedServer { connection in
            let request = connection.readRequest()
            seen.value = request
            connection.write("HTTP/1.1 200 OK\r\n\r\n")
        }
        let first = try ScriptedServer.answering(
            "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:\(last.port)/there\r\nContent-Length: 0\r\n\r\n"
        )
        #expect(try prober.outcome(of: .http(first.port, headers: [("Host", "web")])) == .success)
        let request = seen.value
        #expect(request.hasPrefix("GET /there HTTP/1.1\r\nHost: 127.0.0.1:\(last.port)\r\n"))
        #expect(request.contains("Referer: http://127.0.0.1:\(first.port)/\r\n"))
    }

    @Test("Without headers in time, and without the body's end in time, it is a no")
    func slow() throws {
        let mute = try ScriptedServer { $0.waitForClient() }
        let place = "Get \"http://127.0.0.1:\(mute.port)/\""
        let begin = Clock.tick()
        #expect(
            try prober.outcome(of: .http(mute.port, timeout: .milliseconds(200)))
                == .failure(
                    "\(place): context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
                )
        )
        #expect(Clock.tick() - begin < .seconds(30))

        let trickle = try ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
            while connection.write("x") { usleep(10_000) }
        }
        let text =
            "Get \"http://127.0.0.1:\(trickle.port)/\": context deadline exceeded "
            + "(Client.Timeout or context cancellation while reading body)"
        #expect(
            try prober.outcome(ofLate: { .http(trickle.port, timeout: $0) }) { _ in .failure(text) }
        )
        try prober.settled()
    }

    @Test("Refused, reset and unknown hosts are told in the kubelet's words")
    func unreachable() throws {
        let port = try closedPort()
        #expect(
            try prober.outcome(of: .http(port))
                == .failure(
                    "Get \"http://127.0.0.1:\(port)/\": dial tcp 127.0.0.1:\(port): connect: connection refused"
                )
        )
        let reset = try ScriptedServer { connection in
            _ = connection.readRequest()
            connection.reset()
        }
        #expect(
            try prober.outcome(of: .http(reset.port))
                == .failure(
                    "Get \"http://127.0.0.1:\(reset.port)/\": read: connection reset by peer"
                )
        )
        var call = NetworkCall.http(80)
        call.host = "no-such-host.invalid"
        #expect(
            try prober.outcome(of: call)
                == .failure(
                    "Get \"http://no-such-host.invalid:80/\": dial tcp: lookup no-such-host.invalid: no such host"
                )
        )
        try prober.settled()
    }

    @Test(
        "What is compressed to a thousandth is not unpacked beyond what is read",
        arguments: ["Content", "Transfer"]
    )
    func bomb(_ kind: String) throws {
        var template = Array("/tmp/podagent-bomb-XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        let path = "\(directory)/bomb.gz"
        defer {
            unlink(path)
            rmdir(directory)
        }
        let made = try Subprocess.run(
            ["/bin/sh", "-c", "head -c 64M /dev/zero | gzip -1 >\(path)"],
            scratch: directory
        )
        try #require(made.code == 0, "\(made)")
        let file = try RootedDirectory(hostPath: directory).open("bomb.gz", flags: O_RDONLY)
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = try check("read", path) { read(file.raw, &bytes, bytes.count) }
        let bomb = Array(bytes[..<count])
        let server = try ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\n\(kind)-Encoding: gzip\r\n\r\n")
            connection.write(bomb)
        }
        #expect(try prober.outcome(of: .http(server.port)) == .success)
    }

    @Test("A hook takes any response for a yes, and a body that does not end too")
    func hooks() throws {
        let broken = try ScriptedServer.answering("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
        #expect(try prober.outcome(of: .http(broken.port, purpose: .hook)) == .success)
        let slow = try ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            connection.waitForClient()
        }
        #expect(
            try prober.outcome(ofLate: { .http(slow.port, timeout: $0, purpose: .hook) }) { _ in .success }
        )
        let port = try closedPort()
        #expect(
            try prober.outcome(of: .http(port, purpose: .hook))
                == .failure(
                    "Get \"http://127.0.0.1:\(port)/\": dial tcp 127.0.0.1:\(port): connect: connection refused"
                )
        )
    }
}
