import Dispatch

/// Something that has happened, for a thread that waits for it.
final class Flag: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func set() { semaphore.signal() }

    /// In seconds. Swift's own threads, one for each processor, may be taken by the simulations for minutes.
    static let patience = 400.0

    /// Returns at once when it has happened before; whether it has within ``patience``.
    @discardableResult
    func wait() -> Bool {
        guard semaphore.wait(timeout: .now() + Self.patience) == .success else { return false }
        semaphore.signal()
        return true
    }
}
