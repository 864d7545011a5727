import Dispatch

/// Something that has happened, for a thread that waits for it.
final class Flag: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func set() { semaphore.signal() }

    /// Returns at once when it has happened before; whether it has within a minute.
    @discardableResult
    func wait() -> Bool {
        guard semaphore.wait(timeout: .now() + 60) == .success else { return false }
        semaphore.signal()
        return true
    }
}
