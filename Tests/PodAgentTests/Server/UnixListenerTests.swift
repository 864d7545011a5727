import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

@Suite struct UnixListenerTests {
    private static func mode(_ path: String) -> (mode: UInt32, group: UInt32)? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        return (status.st_mode & 0o7777, status.st_gid)
    }

    @Test("The socket has its mode, whatever the umask, and is gone after the end")
    func mode() throws {
        let temporary = try TemporaryDirectory()
        let path = temporary.path + "/s"
        for mask in [mode_t(0), 0o77, 0o22] {
            let old = umask(mask)
            let listener = try UnixListener(path: path)
            umask(old)
            #expect(Self.mode(path)?.mode == 0o660)
            #expect(try temporary.directory.entries() == ["s", "s.lock"])
            listener.close()
            #expect(try temporary.directory.entries().isEmpty)
        }
    }

    @Test("The socket's group can be set", .enabled(if: geteuid() == 0, "changing a group needs root"))
    func group() throws {
        let temporary = try TemporaryDirectory()
        let listener = try UnixListener(path: temporary.path + "/s", mode: 0o600, group: 4_321)
        #expect(Self.mode(listener.path)?.group == 4_321)
        #expect(Self.mode(listener.path)?.mode == 0o600)
        listener.close()
    }

    @Test("A socket on which a server answers is left alone, and the error says what to do")
    func inUse() throws {
        let temporary = try TemporaryDirectory()
        let path = temporary.path + "/s"
        let first = try UnixListener(path: path)
        let failure = #expect(throws: ListenerFailure.self) { try UnixListener(path: path) }
        #expect(failure == .inUse(path: path))
        #expect(failure?.description.contains("socket in use") == true)
        #expect(failure?.description.contains("--socket") == true)
        first.close()
        try UnixListener(path: path).close()
    }

    @Test("A server of another make, without our lock, is noticed too")
    func foreignServer() throws {
        let temporary = try TemporaryDirectory()
        let path = temporary.path + "/s"
        let foreign = try makeUnixSocket(subject: path)
        let address = try #require(UnixAddress(path: path))
        let raw = foreign.raw
        #expect(address.withPointer { bind(raw, $0, $1) } == 0 && listen(raw, 1) == 0)
        #expect(throws: ListenerFailure.inUse(path: path)) { try UnixListener(path: path) }
    }

    @Test("What a killed server left behind is replaced")
    func stale() async throws {
        let temporary = try TemporaryDirectory()
        let path = temporary.path + "/s"
        do {
            let dead = try makeUnixSocket(subject: path)
            let address = try #require(UnixAddress(path: path))
            let raw = dead.raw
            #expect(address.withPointer { bind(raw, $0, $1) } == 0 && listen(raw, 1) == 0)
        }
        // Also what it may have left halfway.
        _ = try temporary.directory.makeDirectory(".s.new/x", mode: 0o700)
        try temporary.directory.replaceFile("s.lock", with: [], mode: 0o600)
        let listener = try await Self.listener(path)
        let client = try connectUnixSocket(path: path)
        let accepted = try await listener.accept()
        #expect(client.raw != accepted.raw)
        listener.close()
        #expect(try temporary.directory.entries().isEmpty)
    }

    /// A process that another test has just cloned holds the dead socket too until it executes its program.
    private static func listener(_ path: String) async throws -> UnixListener {
        for _ in 0..<1_000 {
            do throws(ListenerFailure) {
                return try UnixListener(path: path)
            } catch {
                guard case .inUse = error else { throw error }
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        return try UnixListener(path: path)
    }

    @Test("A file that is no socket is not touched", arguments: ["file", "link"])
    func notASocket(kind: String) throws {
        let temporary = try TemporaryDirectory()
        let path = temporary.path + "/s"
        if kind == "file" {
            try temporary.directory.replaceFile("s", with: [1], mode: 0o600)
        } else {
            #expect(symlink("/tmp", path) == 0)
        }
        let failure = #expect(throws: ListenerFailure.self) { try UnixListener(path: path) }
        #expect(failure == .notASocket(path: path))
        #expect(try temporary.directory.entries().contains("s"))
    }

    @Test("A path that no client could name is refused, and so is a directory that is not there")
    func badPaths() throws {
        let long = "/tmp/" + String(repeating: "x", count: 110)
        #expect(throws: ListenerFailure.pathTooLong(path: long)) { try UnixListener(path: long) }
        let failure = #expect(throws: ListenerFailure.self) {
            try UnixListener(path: "/tmp/podagent-not-here/s")
        }
        #expect(
            failure?.description
                == "cannot make the socket: open /tmp/podagent-not-here: No such file or directory; "
                + "its directory must exist, or choose another path with --socket"
        )
    }

    @Test("A socket that somebody else has put in our place is not removed at the end")
    func replacedMeanwhile() throws {
        let temporary = try TemporaryDirectory()
        let path = temporary.path + "/s"
        let listener = try UnixListener(path: path)
        #expect(unlink(path) == 0)
        try temporary.directory.replaceFile("s", with: [1], mode: 0o600)
        listener.close()
        #expect(try temporary.directory.entries() == ["s"])
    }
}

@Suite struct AsyncDescriptorTests {
    /// Both ends of a pipe.
    private static func pipe() throws -> (read: AsyncDescriptor, write: AsyncDescriptor) {
        var ends: [Int32] = [0, 0]
        try check("pipe", "test") { Glibc.pipe(&ends) }
        return (
            try AsyncDescriptor(Descriptor(adopting: ends[0]), subject: "read"),
            try AsyncDescriptor(Descriptor(adopting: ends[1]), subject: "write")
        )
    }

    @Test("What is written is read, however large, at the reader's pace")
    func backPressure() async throws {
        let (reader, writer) = try Self.pipe()
        let bytes = [UInt8]((0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
        async let written: Void = writer.write(bytes)
        var read: [UInt8] = []
        while read.count < bytes.count { read += try await reader.read(atMost: 10_000) }
        try await written
        #expect(read == bytes)
        writer.close()
        #expect(try await reader.read().isEmpty)
    }

    @Test("A read and a write give up after their time")
    func timeouts() async throws {
        let (reader, writer) = try Self.pipe()
        await #expect(throws: AsyncDescriptor.Failure.timedOut) {
            try await reader.read(timeout: .milliseconds(10))
        }
        await #expect(throws: AsyncDescriptor.Failure.timedOut) {
            try await writer.write([UInt8](repeating: 0, count: 1_000_000), timeout: .milliseconds(10))
        }
        // The reader still works afterwards.
        #expect(try await reader.read(timeout: .seconds(5)).count == 65_536)
        reader.close()
        writer.close()
    }

    @Test("Closing ends a read that waits, and every one after it")
    func closing() async throws {
        let (reader, writer) = try Self.pipe()
        let waiting = Task { try await reader.read() }
        try await Task.sleep(for: .milliseconds(20))
        reader.close()
        reader.close()
        await #expect(throws: AsyncDescriptor.Failure.closed) { try await waiting.value }
        await #expect(throws: AsyncDescriptor.Failure.closed) { try await reader.read() }
        writer.close()
    }

    @Test("A cancelled task stops waiting, whether it began before or after")
    func cancellation() async throws {
        let (reader, writer) = try Self.pipe()
        for delay in [0, 20] {
            let waiting = Task { try await reader.read() }
            try await Task.sleep(for: .milliseconds(delay))
            waiting.cancel()
            await #expect(throws: AsyncDescriptor.Failure.cancelled) { try await waiting.value }
        }
        try await writer.write([1])
        #expect(try await reader.read() == [1])
        reader.close()
        writer.close()
    }

    @Test("A writer learns that its reader has gone")
    func hangUp() async throws {
        signal(SIGPIPE, SIG_IGN)
        let (reader, writer) = try Self.pipe()
        reader.close()
        // Closing is done by the queue of the sources.
        #expect(
            await eventually {
                do throws(AsyncDescriptor.Failure) {
                    try await writer.write([1])
                    return false
                } catch {
                    return error == .hungUp
                }
            }
        )
        writer.close()
    }

    @Test("A finished reader gets what is there and then the end, and no more than it is to get")
    func finishReading() async throws {
        let (reader, writer) = try Self.pipe()
        try await writer.write([1, 2, 3])
        reader.finishReading(atMost: 1_000)
        #expect(try await reader.read() == [1, 2, 3])
        #expect(try await reader.read().isEmpty)
        let (second, source) = try Self.pipe()
        try await source.write([UInt8](repeating: 1, count: 100))
        second.finishReading(atMost: 10)
        #expect(try await second.read().count == 10)
        #expect(try await second.read().isEmpty)
        let (third, quiet) = try Self.pipe()
        let waiting = Task { try await third.read() }
        try await Task.sleep(for: .milliseconds(20))
        third.finishReading(atMost: 10)
        #expect(try await waiting.value.isEmpty)
        for descriptor in [reader, writer, second, source, third, quiet] { descriptor.close() }
    }

    @Test("Each descriptor is given back once, also when nobody closes it")
    func descriptorsAreGivenBack() async throws {
        let before = try Self.openDescriptors()
        for _ in 0..<2_000 {
            let (reader, writer) = try Self.pipe()
            try await writer.write([1])
            _ = try await reader.read()
            if Bool.random() { reader.close() }
        }
        // Closing is done by the queue of the sources; other tests of this process have some open too.
        #expect(await eventually { (try? Self.openDescriptors()) ?? .max < before + 1_000 })
    }

    private static func openDescriptors() throws -> Int {
        try RootedDirectory(hostPath: "/proc/self/fd").entries().count
    }
}
