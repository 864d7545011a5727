import Glibc
import PodCore
import Synchronization
import Testing

@testable import PodAgent

@Suite struct PodRecorderTests {
    private static func record(_ pod: Pod) -> PodRecordFile {
        PodRecordFile(
            bootID: "boot",
            source: .socket,
            machine: PodMachine(PodLifecycle(pod, backoff: .kubelet)),
            status: PodStatusBuilder(),
            facts: [:],
            deletionRequestedAt: nil,
            nextExec: 1
        )
    }

    private static func withRecorder(_ body: (PodRecorder, Pod, RootedDirectory) async throws -> Void)
        async throws
    {
        let temporary = try TemporaryDirectory()
        var options = NodeOptions()
        options.runDirectory = "\(temporary.path)/run"
        options.stateDirectory = "\(temporary.path)/state"
        options.logDirectory = "\(temporary.path)/log"
        let directories = try NodeDirectories(options: options)
        var pod = Pod()
        pod.metadata.uid = "u"
        pod.metadata.name = "p"
        try await body(PodRecorder(pod: pod, directories: directories), pod, directories.state)
    }

    @Test("Whoever waits is told, also when the Pod's files go before anything was written")
    func stopped() async throws {
        try await Self.withRecorder { recorder, pod, _ in
            for _ in 0..<3 { recorder.write(Self.record(pod)) {} }
            recorder.stop()
            await withCheckedContinuation { told in recorder.whenWritten { _ in told.resume() } }
            await withCheckedContinuation { told in recorder.whenWritten { _ in told.resume() } }
        }
    }

    @Test("What was given is on disk when that is told, and the newest is what is read")
    func written() async throws {
        try await Self.withRecorder { recorder, pod, _ in
            for number in 1...100 {
                var record = Self.record(pod)
                record.nextExec = UInt64(number)
                recorder.write(record) {}
            }
            let outcome = await withCheckedContinuation { told in
                recorder.whenWritten { told.resume(returning: $0) }
            }
            #expect(throws: Never.self) { try outcome.get() }
            recorder.flush()
        }
    }

    @Test("What cannot be written is told to who waits, and tried again until it can be")
    func retried() async throws {
        try await Self.withRecorder { recorder, pod, place in
            // A file where the directory ought to be.
            let file = try place.open("pods/u", flags: O_WRONLY | O_CREAT, mode: 0o600)
            let (writes, write) = AsyncStream.makeStream(of: Void.self)
            recorder.write(Self.record(pod)) { write.yield() }
            let outcome = await withCheckedContinuation { told in
                recorder.whenWritten { told.resume(returning: $0) }
            }
            #expect(throws: (any Error).self) { try outcome.get() }
            try place.removeTree("pods/u")
            _ = consume file
            for await _ in writes { break }
            #expect(throws: Never.self) { try PodRecordFile.read(from: try place.directory("pods/u")) }
        }
    }
}
