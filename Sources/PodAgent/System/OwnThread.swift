import Glibc

/// A thread for work that blocks for minutes. Dispatch's are few, and whoever sits on one keeps everybody else from it.
enum OwnThread {
    /// Much more than libcurl and libarchive need.
    private static let stackBytes = 2 << 20

    private final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a thread that ends with it. Fails with `EAGAIN` when there can be none.
    static func start(_ body: @escaping @Sendable () -> Void) throws(SystemFailure) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackBytes)
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread,
            &attributes,
            { given in
                // Always what was passed below.
                if let given { Unmanaged<Work>.fromOpaque(given).takeRetainedValue().body() }
                return nil
            },
            work.toOpaque()
        )
        guard code == 0 else {
            work.release()
            throw SystemFailure(call: "pthread_create", subject: "a thread", errno: code)
        }
    }

    /// Runs `body` on a thread of its own and waits without holding up anybody. Where there can be no thread, one of
    /// Dispatch's has to do.
    static func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            do throws(SystemFailure) {
                try start { continuation.resume(returning: body()) }
            } catch {
                Task { continuation.resume(returning: await Worker.run(body)) }
            }
        }
    }
}
