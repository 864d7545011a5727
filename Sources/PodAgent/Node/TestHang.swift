import Glibc

/// A hang for tests, in debug builds only: with `PODAGENT_TEST_HANG` in the agent's environment, SIGUSR2 blocks the
/// node's queue for good. The rest of the process goes on, as it does when a defect does the same.
enum TestHang {
    #if DEBUG
        static let signals: [Int32] = getenv("PODAGENT_TEST_HANG") == nil ? [] : [SIGUSR2]
    #else
        static let signals: [Int32] = []
    #endif

    /// Does not return.
    static func hang() {
        while true { sleep(1000) }
    }
}
