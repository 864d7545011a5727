import Glibc
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

/// A thread for each job that is ready. Not one of Dispatch's, of which there are 255 at most: tests that wait would take
/// them all, and what they wait for would have none.
private final class BlockingExecutor: TaskExecutor {
    static let shared = BlockingExecutor()

    private final class Work {
        let job: UnownedJob

        init(_ job: UnownedJob) { self.job = job }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let work = Unmanaged.passRetained(Work(UnownedJob(job)))
        var thread = pthread_t()
        let code = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
                work.job.runSynchronously(on: BlockingExecutor.shared.asUnownedTaskExecutor())
                return nil
            },
            work.toOpaque()
        )
        precondition(code == 0, "no thread for a test: \(code)")
        pthread_detach(thread)
    }
}
