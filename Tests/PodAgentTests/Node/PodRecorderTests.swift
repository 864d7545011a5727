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
        restored: ((Pod) -> PodRecordFile)? = nil,
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
        let recorder = PodRecorder(pod: pod, directories: directories, restored: restored?(pod))
        try await body(recorder, pod, directories)
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

    private static func write(_ record: PodRecordFile, by recorder: PodRecorder) async throws {
        try await withCheckedContinuation { told in
            recorder.write(record) { told.resume(returning: $0) }
        }.get()
    }

    @Test("The record that is there already is not written again; one that differs is")
    func unchanged() async throws {
        try await Self.withRecorder(restored: Self.record) { recorder, pod, directories in
            // As an earlier podagent has left it, apart from what stands in the files.
            let directory = try directories.podState(pod.metadata.uid)
            var record = Self.record(pod)
            try await Self.write(record, by: recorder)
            #expect(try directory.entries().isEmpty)
            record.nextExec += 1
            try await Self.write(record, by: recorder)
            #expect(try PodRecordFile.read(from: directory) == record)
            // pod.json is the earlier one's.
            #expect(try directory.entries() == [PodRecordFile.name])
            try directory.removeTree(PodRecordFile.name)
            try await Self.write(record, by: recorder)
            #expect(try directory.entries().isEmpty)
        }
    }
}
