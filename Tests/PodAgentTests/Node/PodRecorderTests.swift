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

    private static func withRecorder(
        _ body: (PodRecorder, Pod, NodeDirectories) async throws -> Void
    ) async throws {
        let temporary = try TemporaryDirectory()
        var options = NodeOptions()
        options.runDirectory = "\(temporary.path)/run"
        options.stateDirectory = "\(temporary.path)/state"
        options.logDirectory = "\(temporary.path)/log"
        let directories = try NodeDirectories(options: options)
        var pod = Pod()
        pod.metadata.uid = "u"
        pod.metadata.name = "p"
        try await body(PodRecorder(pod: pod, directories: directories), pod, directories)
    }

    @Test("Whoever waits is told, also when the Pod's files go before anything was written")
    func stopped() async throws {
        try await Self.withRecorder { recorder, pod, _ in
            for _ in 0..<3 { recorder.write(Self.record(pod)) { _ in } }
            recorder.stop()
            await withCheckedContinuation { told in recorder.whenWritten { _ in told.resume() } }
            await withCheckedContinuation { told in recorder.whenWritten { _ in told.resume() } }
        }
    }

    @Test("A record that could not be written is written when it can be")
    func writtenAgain() async throws {
        try await Self.withRecorder { recorder, pod, directories in
            // A file where the Pod's directory is to be.
            try directories.state.directory("pods").replaceFile("u", with: [], mode: 0o600)
            let first = await withCheckedContinuation { told in
                recorder.write(Self.record(pod)) { told.resume(returning: $0) }
            }
            #expect(throws: (any Error).self) { try first.get() }
            let existing = await withCheckedContinuation { told in
                recorder.whenExisting { told.resume(returning: $0) }
            }
            #expect(throws: (any Error).self, "told at once, not at the next attempt") { try existing.get() }
            try directories.state.directory("pods").removeTree("u")
            let second = await withCheckedContinuation { told in
                recorder.whenWritten { told.resume(returning: $0) }
            }
            #expect(throws: Never.self) { try second.get() }
            let read = try PodRecordFile.read(from: directories.podState("u"))
            #expect(read == Self.record(pod))
        }
    }

    @Test("What was given is on disk when that is told, and the newest is what is read")
    func written() async throws {
        try await Self.withRecorder { recorder, pod, _ in
            for number in 1...100 {
                var record = Self.record(pod)
                record.nextExec = UInt64(number)
                recorder.write(record) { _ in }
            }
            let outcome = await withCheckedContinuation { told in
                recorder.whenWritten { told.resume(returning: $0) }
            }
            #expect(throws: Never.self) { try outcome.get() }
            recorder.flush()
        }
    }
}
