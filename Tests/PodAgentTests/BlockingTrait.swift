import Dispatch
import Testing

/// For tests that wait for processes: they run on threads of their own. Swift's own few threads, one for each
/// processor, would all be taken, and tests of what is asynchronous would stand still meanwhile.
struct BlockingTrait: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(BlockingExecutor.shared) { try await function() }
    }
}

extension Trait where Self == BlockingTrait {
    static var blocking: BlockingTrait { BlockingTrait() }
}

/// A thread for each job that is ready.
private final class BlockingExecutor: TaskExecutor {
    static let shared = BlockingExecutor()

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // A serial queue always gets a thread, however many are busy.
        DispatchQueue(label: "blocking test").async {
            job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }
}
