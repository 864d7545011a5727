import Dispatch
import PodCore

/// Removes things until they are gone. What cannot be removed is reported, stays listed, and is tried again.
final class Removal: Sendable {
    private static let firstDelay = Duration.seconds(1)
    private static let maxDelay = Duration.seconds(60)

    /// Returns when `body`, which runs on a worker, has gone through.
    func run(_ subject: String, _ body: @escaping @Sendable () throws -> Void) async {
        var delay = Self.firstDelay
        while true {
            do {
                return try await Worker.attempt(body)
            } catch {
                Log.warning("cannot remove the \(subject): \(error); trying again in \(delay.goText)")
            }
            try? await Task.sleep(for: delay)
            delay = min(delay * 2, Self.maxDelay)
        }
    }
}
