import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Clients that are slow, rude or many.
@Suite struct ConnectionTests {
    @Test("A connection carries one request after the other, and several at once")
    func keepAlive() async throws {
        try await ServerFixture.with { fixture in
            let client = try fixture.connect()
            for _ in 0..<3 {
                try await client.send(TestClient.request("GET", "/healthz"))
                let response = try await client.response()
                #expect(response.text == "ok")
                #expect(response.headers["connection"] == "keep-alive")
                #expect(response.headers["date"]?.hasSuffix(" GMT") == true)
            }
            let requests = ["/healthz", "/version", "/nope", "/healthz"].map { TestClient.request("GET", $0) }
            try await client.send(requests.joined())
            for status in [200, 200, 404, 200] { #expect(try await client.response().status == status) }
            try await client.send(TestClient.request("GET", "/healthz", headers: ["Connection": "close"]))
            #expect(try await client.response().headers["connection"] == "close")
            #expect(try await client.isAtEnd())
        }
    }

    @Test("An answer to HEAD has a length and no body")
    func head() async throws {
        try await ServerFixture.with { fixture in
            let client = try fixture.connect()
            try await client.send(
                TestClient.request("HEAD", "/healthz") + TestClient.request("GET", "/healthz")
            )
            #expect(try await client.response(hasBody: false).headers["content-length"] == "2")
            #expect(try await client.response().text == "ok")
            client.close()
        }
    }

    @Test("A request may come byte by byte")
    func byteByByte() async throws {
        try await ServerFixture.with { fixture in
            let client = try fixture.connect()
            let body = #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"slow"}}"#
            for byte in TestClient.request("POST", "/api/v1/namespaces/default/pods", body: body).utf8 {
                try await client.send([byte])
            }
            #expect(try await client.response().status == 201)
            client.close()
        }
    }

    @Test("A client that has sent everything and closed its side gets its whole answer")
    func halfClosed() async throws {
        try await ServerFixture.with { fixture in
            let client = try fixture.connect()
            try await client.send(
                TestClient.request("GET", "/api/v1") + TestClient.request("GET", "/healthz")
            )
            client.shutdownWriting()
            #expect(try await client.response().status == 200)
            #expect(try await client.response().text == "ok")
            #expect(try await client.isAtEnd())
        }
    }

    @Test("A client that waits with its body is told to go on")
    func expectContinue() async throws {
        try await ServerFixture.with { fixture in
            let client = try fixture.connect()
            let body = #"{"path":"/x"}"#
            try await client.send(
                "POST /images/load HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            )
            #expect(try await client.head().status == 100)
            try await client.send(body)
            #expect(try await client.response().status == 201)
            client.close()
        }
    }

    @Test("A body may come in chunks")
    func chunkedBody() async throws {
        try await ServerFixture.with { fixture in
            let client = try fixture.connect()
            try await client.send(
                "POST /images/load HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "5\r\n{\"pat\r\n8\r\nh\":\"/x\"}\r\n0\r\n\r\n"
            )
            #expect(try await client.response().status == 201)
            client.close()
        }
    }

    @Test(
        "What is no HTTP is refused with a Status, and the connection closed",
        arguments: [
            ("GET / HTTP/1.1\r\n\r\n", 400), ("\u{16}\u{3}\u{1}hello\r\n", 400), ("GET / HTTP/3.0\r\n", 505),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400
            ),
            ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413),
        ]
    )
    func refused(text: String, status: Int) async throws {
        try await ServerFixture.with { fixture in
            let client = try fixture.connect()
            try await client.send(text + TestClient.request("GET", "/healthz"))
            let response = try await client.response()
            #expect(response.status == status)
            #expect(response.headers["connection"] == "close")
            #expect(try response.document["kind"]?.string == "Status")
            #expect(try await client.isAtEnd())
        }
    }

    @Test("A client that pushes a body that is too large still reads why")
    func oversizedBody() async throws {
        var limits = HTTPLimits()
        limits.bodyBytes = 1_000
        try await ServerFixture.with(limits: limits) { fixture in
            let client = try fixture.connect()
            let body = String(repeating: "x", count: 1_000_000)
            async let sent: Void = client.send(TestClient.request("POST", "/images/load", body: body))
            #expect(try await client.response().status == 413)
            _ = try? await sent
            client.close()
        }
    }

    @Test("Bodies share one budget")
    func bodyBudget() async throws {
        var limits = HTTPLimits()
        limits.bodyBytesTotal = 1_000
        try await ServerFixture.with(limits: limits) { fixture in
            let hog = try fixture.connect()
            let body = String(repeating: " ", count: 900)
            try await hog.send("POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 901\r\n\r\n" + body)
            // The hog's bytes are in the server when its connection shows that it is read; the next one finds no room.
            #expect(
                await eventually {
                    let response = try? await fixture.request("POST", "/images/load", body: body)
                    return response?.status == 503
                }
            )
            try await hog.send("x")
            #expect(try await hog.response().status == 400)
            hog.close()
            let next = try await fixture.request("POST", "/images/load", body: body + #"{"path":"/x"}"#)
            #expect(next.status == 201)
        }
    }

    @Test(
        "A client that does not finish its request is not waited for",
        arguments: [
            "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab",
        ]
    )
    func slowRequest(text: String) async throws {
        var limits = HTTPLimits()
        limits.head = .milliseconds(100)
        limits.body = .milliseconds(100)
        try await ServerFixture.with(limits: limits) { fixture in
            let client = try fixture.connect()
            try await client.send(text)
            #expect(try await client.response().status == 408)
            #expect(try await client.isAtEnd())
        }
    }

    @Test("Sending a byte now and then does not prolong a head's time")
    func trickle() async throws {
        var limits = HTTPLimits()
        limits.head = .milliseconds(200)
        try await ServerFixture.with(limits: limits) { fixture in
            let client = try fixture.connect()
            let trickle = Task {
                for byte in TestClient.request("GET", "/" + String(repeating: "x", count: 10_000)).utf8 {
                    try await client.send([byte])
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            #expect(try await client.response().status == 408)
            trickle.cancel()
            client.close()
        }
    }

    @Test("An idle connection is closed without a word")
    func idle() async throws {
        var limits = HTTPLimits()
        limits.idle = .milliseconds(50)
        try await ServerFixture.with(limits: limits) { fixture in
            let client = try fixture.connect()
            #expect(try await client.isAtEnd())
        }
    }

    @Test("A client that does not read its answer is given up and holds up nobody else")
    func slowReader() async throws {
        var limits = HTTPLimits()
        limits.answer = .milliseconds(200)
        try await ServerFixture.with(limits: limits) { fixture in
            for index in 0..<2_000 { fixture.node.add(.sample("pod-\(index)")) }
            let lazy = try fixture.connect()
            try await lazy.send(TestClient.request("GET", "/api/v1/pods"))
            #expect(try await fixture.get("/healthz").text == "ok")
            #expect(await eventually { fixture.server.connectionCount == 0 })
            lazy.close()
        }
    }

    @Test("One connection too many is told so, and a place that is given back is taken")
    func connectionLimit() async throws {
        var limits = HTTPLimits()
        limits.connections = 3
        try await ServerFixture.with(limits: limits) { fixture in
            var clients: [TestClient] = []
            for _ in 0..<3 {
                let client = try fixture.connect()
                try await client.send(TestClient.request("GET", "/healthz"))
                #expect(try await client.response().status == 200)
                clients.append(client)
            }
            let late = try fixture.connect()
            let response = try await late.response()
            #expect(response.status == 503)
            #expect(try response.document["reason"]?.string == "ServiceUnavailable")
            clients.removeLast().close()
            #expect(await eventually { (try? await fixture.get("/healthz").status) == 200 })
            for client in clients { client.close() }
        }
    }

    @Test("Thousands of connections leave no descriptor behind")
    func descriptorsDoNotLeak() async throws {
        try await ServerFixture.with { fixture in
            for round in 0..<600 {
                let client = try fixture.connect()
                // Some ask and read, some ask and go, some only come.
                if round % 3 > 0 { try await client.send(TestClient.request("GET", "/api/v1")) }
                if round % 3 > 1 { #expect(try await client.response().status == 200) }
                client.close()
            }
            #expect(await eventually { fixture.server.connectionCount == 0 })
        }
    }

    @Test("Stopping closes idle connections and lets a request under way finish")
    func stopping() async throws {
        try await ServerFixture.with { fixture in
            let idle = try fixture.connect()
            try await idle.send(TestClient.request("GET", "/healthz"))
            _ = try await idle.response()
            let busy = try fixture.connect()
            try await busy.send("POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n")
            #expect(await eventually { fixture.server.connectionCount == 2 })
            try await Task.sleep(for: .milliseconds(50))
            async let stopped: Void = fixture.server.stop()
            #expect(try await idle.isAtEnd())
            try await busy.send(#"{"path":"/x"}"#)
            let response = try await busy.response()
            #expect(response.status == 201)
            #expect(response.headers["connection"] == "close")
            await stopped
            #expect(throws: SystemFailure.self) { try fixture.connect() }
        }
    }

    @Test("A request that never ends is cut off when the grace is over")
    func stoppingTheStubborn() async throws {
        try await ServerFixture.with { fixture in
            let client = try fixture.connect()
            try await client.send("POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n")
            #expect(await eventually { fixture.server.connectionCount == 1 })
            try await Task.sleep(for: .milliseconds(50))
            await fixture.server.stop(grace: .milliseconds(50))
            #expect(fixture.server.connectionCount == 0)
            client.close()
        }
    }
}
