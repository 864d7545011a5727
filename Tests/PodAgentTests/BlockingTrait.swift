import Glibc
import Synchronization
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
        await Gate.shared.enter()
        defer { Gate.shared.leave() }
        try await withTaskExecutorPreference(BlockingExecutor.shared) { try await function() }
    }
}

/// Lets so many in at a time: all at once, hundreds of agents would have each other's time, and those that count on an
/// answer in a minute would wait for it longer than that.
private final class Gate: Sendable {
    static let shared = Gate(room: 24)

    private struct State {
        var room: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(room: Int) { state = Mutex(State(room: room)) }

    func enter() async {
        await withCheckedContinuation { continuation in
            let isIn = state.withLock { state in
                guard state.room == 0 else {
                    state.room -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isIn { continuation.resume() }
        }
    }

    func leave() {
        let next = state.withLock { state in
            if state.waiting.isEmpty {
                state.room += 1
                return nil as CheckedContinuation<Void, Never>?
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
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
