import Dispatch
import Glibc
import PodCore

/// The one serial queue that owns every machine, record and connection of the node.
///
/// What runs here takes microseconds and never blocks; whatever blocks runs on ``Worker`` and comes back as a call
/// onto this actor. Dispatch sources target ``queue``, so their handlers are already on it.
@globalActor
actor NodeActor {
    static let shared = NodeActor()

    private final class Executor: SerialExecutor {
        let queue = DispatchQueue(label: "podagent.node")

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
        }

        func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }
    }

    private static let executor = Executor()

    nonisolated var unownedExecutor: UnownedSerialExecutor { Self.executor.asUnownedSerialExecutor() }

    /// The queue itself, for Dispatch sources and timers.
    static var queue: DispatchQueue { executor.queue }

    /// Tells on the queue what happens to descriptors.
    static let events = EventPoll(queue: executor.queue)

    /// Rings on the queue.
    @NodeActor static let alarms = AlarmClock(queue: executor.queue)

    /// Runs `body` as part of the actor, from code that Dispatch already runs on ``queue``.
    static func assumeIsolated<Result: Sendable>(_ body: @NodeActor () throws -> Result) rethrows -> Result {
        dispatchPrecondition(condition: .onQueue(queue))
        // The cast drops the isolation from the closure's type, as MainActor.assumeIsolated does in the standard
        // library; the precondition above is what makes it true.
        return try withoutActuallyEscaping(body) { body in
            try unsafeBitCast(body, to: (() throws -> Result).self)()
        }
    }
}

/// Runs blocking work away from the node's queue.
enum Worker {
    private static let queue = DispatchQueue(label: "podagent.worker", attributes: .concurrent)

    static func run<Result: Sendable>(_ body: sending @escaping () -> Result) async -> Result {
        let body = UncheckedBox(body)
        return await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: body.value()) }
        }
    }

    /// As ``run(_:)-…`` for work that can fail.
    static func attempt<Result: Sendable>(_ body: sending @escaping () throws -> Result) async throws
        -> Result
    {
        try await run { Swift.Result { try body() } }.get()
    }
}

/// Carries a value that its sender has given up across a Dispatch boundary, which cannot say `sending`.
private struct UncheckedBox<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

/// The two clocks, read together.
enum Clock {
    static func now() -> Moment { Moment(tick: tick(), wall: wall()) }

    static func tick() -> Tick { Tick(nanoseconds: read(CLOCK_BOOTTIME)) }

    static func wall() -> Timestamp { Timestamp(nanoseconds: read(CLOCK_REALTIME)) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
