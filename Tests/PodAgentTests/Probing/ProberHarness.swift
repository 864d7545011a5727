import Dispatch
import Glibc
import PodCore
import Synchronization
import Testing

@testable import PodAgent

extension NetworkProber {
    /// Makes a call and waits for what it has come to.
    func outcome(of call: NetworkCall, from place: NetworkPlace = .node) throws -> ProbeOutcome {
        let result = Shared<ProbeOutcome?>(nil)
        let done = DispatchSemaphore(value: 0)
        self.call(call, from: place) { outcome in
            result.value = outcome
            done.signal()
        }
        try #require(done.wait(timeout: .now() + 60) == .success, "the call is not answered")
        return try #require(result.value)
    }

    /// Makes a call that is to come to `expected` at its timeout, when the server has done its part. On a busy machine it has
    /// not by then; so with ever more time, until it has.
    func outcome(
        ofLate call: (Duration) -> NetworkCall,
        _ expected: (Duration) -> ProbeOutcome
    ) throws -> Bool {
        for milliseconds in [200, 2_000, 20_000] {
            let timeout = Duration.milliseconds(milliseconds)
            if try outcome(of: call(timeout)) == expected(timeout) { return true }
        }
        return false
    }

    /// Waits until nothing is left of what was under way.
    func settled() throws {
        try eventually("the prober is idle", seconds: 120) {
            let counts = counts
            return counts.attempts == 0 && counts.transfers == 0 && counts.descriptors == 0
        }
    }
}

extension NetworkCall {
    /// An HTTP probe of a server on 127.0.0.1.
    static func http(
        _ port: UInt16,
        path: String = "/",
        scheme: URIScheme = .http,
        headers: [(String, String)] = [],
        timeout: Duration = .seconds(20),
        purpose: Purpose = .probe
    ) -> NetworkCall {
        let call = HTTPCall(
            scheme: scheme,
            target: HTTPTarget(path: path),
            headers: headers.map { HTTPHeader(name: $0.0, value: $0.1) }
        )
        return NetworkCall(.http(call), host: "127.0.0.1", port: port, timeout: timeout, purpose: purpose)
    }

    static func tcp(_ port: UInt16, host: String = "127.0.0.1", timeout: Duration = .seconds(20))
        -> NetworkCall
    {
        NetworkCall(.tcp, host: host, port: port, timeout: timeout)
    }

    static func grpc(_ port: UInt16, service: String = "", timeout: Duration = .seconds(20)) -> NetworkCall {
        NetworkCall(.grpc(service: service), host: "127.0.0.1", port: port, timeout: timeout)
    }
}

/// Descriptors that this process has open, besides the one that looks.
func openDescriptors() -> Int {
    guard let directory = opendir("/proc/self/fd") else { return -1 }
    defer { closedir(directory) }
    var count = -3
    while readdir(directory) != nil { count += 1 }
    return count
}

/// A port of 127.0.0.1 at which nobody listens.
func closedPort() throws -> UInt16 {
    // The kernel does not give it to anybody else so soon.
    try ScriptedServer { _ in }.port
}

/// A value that threads of a test share.
final class Shared<Value: Sendable>: Sendable {
    private let guarded: Mutex<Value>

    init(_ value: Value) { guarded = Mutex(value) }

    var value: Value {
        get { guarded.withLock { $0 } }
        set { guarded.withLock { $0 = newValue } }
    }

    func change(_ body: (inout Value) -> Void) { guarded.withLock { body(&$0) } }
}
