import CNamespaces
import Dispatch
import Glibc
import PodCore
import Synchronization
import Testing

@testable import PodAgent

@Suite(.blocking) struct ConnectProbeTests {
    private let prober = NetworkProber()

    @Test(
        "A port where somebody listens is a yes, by address and by name",
        arguments: ["127.0.0.1", "localhost"]
    )
    func listening(_ host: String) throws {
        let server = try ScriptedServer { $0.waitForClient() }
        #expect(try prober.outcome(of: .tcp(server.port, host: host)) == .success)
        try prober.settled()
    }

    @Test("The connection is ended in an orderly way, as by a client that has nothing more to say")
    func orderlyEnd() throws {
        let result = Shared<Int?>(nil)
        let server = try ScriptedServer { connection in
            var byte: UInt8 = 0
            let count = recv(connection.descriptor, &byte, 1, 0)
            result.value = count
        }
        #expect(try prober.outcome(of: .tcp(server.port)) == .success)
        try eventually("the server hears of the end") { result.value != nil }
        #expect(result.value == 0)
    }

    @Test("Refused, unreachable and unknown are told in the kubelet's words")
    func unreachable() throws {
        let port = try closedPort()
        let refused = "connect: connection refused"
        #expect(try prober.outcome(of: .tcp(port)) == .failure("dial tcp 127.0.0.1:\(port): \(refused)"))
        #expect(
            try prober.outcome(of: .tcp(port, host: "::1")) == .failure("dial tcp [::1]:\(port): \(refused)")
        )
        #expect(
            try prober.outcome(of: .tcp(80, host: "no-such-host.invalid"))
                == .failure("dial tcp: lookup no-such-host.invalid: no such host")
        )
        // A group is nobody to connect to.
        #expect(
            try prober.outcome(of: .tcp(80, host: "224.0.0.1"))
                == .failure("dial tcp 224.0.0.1:80: connect: network is unreachable")
        )
    }

    @Test("Who does not accept in time is a no")
    func timeout() throws {
        let full = try FullListener()
        #expect(
            try prober.outcome(of: .tcp(full.port, timeout: .milliseconds(200)))
                == .failure("dial tcp 127.0.0.1:\(full.port): i/o timeout")
        )
        try prober.settled()
    }

    @Test("A call that is cancelled is not answered any more, whenever that is")
    func cancelled() throws {
        let mute = try ScriptedServer { $0.waitForClient() }
        let full = try FullListener()
        let answered = Atomic(0)
        let calls: [NetworkCall] = [
            .http(mute.port, timeout: .milliseconds(400)), .grpc(mute.port, timeout: .milliseconds(400)),
            .tcp(full.port, timeout: .milliseconds(400)),
            .http(mute.port, scheme: .https, timeout: .milliseconds(400)),
        ]
        for pause: UInt32 in [0, 50_000] {
            let tokens = calls.map { call in
                prober.call(call, from: .node) { _ in answered.add(1, ordering: .relaxed) }
            }
            usleep(pause)
            for token in tokens { prober.cancel(token) }
            try prober.settled()
        }
        usleep(500_000)
        #expect(answered.load(ordering: .relaxed) == 0)
    }

    @Test("In another network namespace its own loopback is asked, by every kind of call")
    func namespace() throws {
        let inside = try LonelyNetwork()
        let place = NetworkPlace.namespace(inside.descriptor)
        let server = try inside.run { try ScriptedServer.answering("HTTP/1.1 200 OK\r\n\r\n") }
        let health = try inside.run {
            try GRPCServer.sending(
                GRPCServer.answer(message: [0, 0, 0, 0, 2, 8, 1], trailers: [("grpc-status", "0")])
            )
        }
        for _ in 0..<20 {
            #expect(try prober.outcome(of: .tcp(server.port), from: place) == .success)
            #expect(try prober.outcome(of: .http(server.port), from: place) == .success)
            #expect(try prober.outcome(of: .grpc(health.port), from: place) == .success)
            #expect(try prober.outcome(of: .tcp(server.port, host: "localhost"), from: place) == .success)
        }
        #expect(try prober.outcome(of: .tcp(server.port)) != .success)
        // Nothing leads out of it.
        #expect(
            try prober.outcome(of: .tcp(80, host: "192.0.2.1"), from: place)
                == .failure("dial tcp 192.0.2.1:80: connect: network is unreachable")
        )
        let none = NetworkPlace.namespace(SharedDescriptor(try Descriptor(adopting: 0).keepingOpen()))
        guard case .failure(let text) = try prober.outcome(of: .tcp(80), from: none) else {
            Issue.record("what is no namespace has no sockets")
            return
        }
        #expect(text.hasPrefix("setns or socket"), "\(text)")
        try prober.settled()
    }
}

extension Descriptor {
    /// A copy of one that is somebody else's.
    consuming fileprivate func keepingOpen() throws -> Descriptor {
        let copy = try duplicate()
        _ = release()
        return copy
    }
}

/// A port that takes no more connections: its queue is full.
private final class FullListener {
    let port: UInt16
    private let listener: SharedDescriptor
    private let clients: [SharedDescriptor]

    init() throws {
        let type = Int32(SOCK_STREAM.rawValue)
        let raw = try check("socket", "test") { socket(AF_INET, type | O_CLOEXEC, 0) }
        listener = SharedDescriptor(Descriptor(adopting: raw))
        let port = try listenOnLoopback(raw, 0)
        self.port = port
        clients = try (0..<4).map { _ in
            let client = SharedDescriptor(try NetworkPlace.node.socket(family: AF_INET, type: type))
            withLoopback(port: port) { address, size in _ = connect(client.raw, address, size) }
            return client
        }
    }
}

/// A network namespace with loopback alone, held by a process that sleeps.
private final class LonelyNetwork {
    let descriptor: SharedDescriptor
    private let holder: Subprocess

    init() throws {
        let holder = try Subprocess(
            ["/usr/bin/unshare", "--net", "/bin/sh", "-c", "ip link set lo up && exec sleep 600"],
            output: "/dev/null",
            errors: "/dev/null"
        )
        self.holder = holder
        try eventually("the namespace is there") { readText("/proc/\(holder.pid)/comm") == "sleep\n" }
        let path = "/proc/\(holder.pid)/ns/net"
        let raw = try check("open", path) { cns_openat(AT_FDCWD, path, O_RDONLY, 0) }
        descriptor = SharedDescriptor(Descriptor(adopting: raw))
    }

    /// In a thread that ends in there.
    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) throws -> Result {
        let outcome = Shared<Swift.Result<Result, any Error>?>(nil)
        let done = DispatchSemaphore(value: 0)
        let raw = descriptor.raw
        startThread {
            let result = Swift.Result {
                try check("setns", "test") { cns_setns(raw, Int32(CNS_NAMESPACE_NETWORK.rawValue)) }
                return try body()
            }
            outcome.value = result
            done.signal()
        }
        done.wait()
        return try #require(outcome.value).get()
    }

    deinit {
        kill(holder.pid, SIGKILL)
        holder.wait()
    }
}
