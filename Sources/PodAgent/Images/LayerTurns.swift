import Dispatch
import Synchronization

/// Whose turn it is to bring a layer, among the threads of this process. Who waits can be called off, which a wait for a
/// file's lock cannot.
final class LayerTurns: Sendable {
    private final class Waiter: Sendable {
        let semaphore = DispatchSemaphore(value: 0)
    }

    /// By layer: those who wait, while somebody has the turn.
    private let waiters = Mutex<[String: [Waiter]]>([:])

    /// Waits for the turn; false when that was cancelled.
    func take(_ layer: String, unless cancellation: PullCancellation?) -> Bool {
        let waiter: Waiter? = waiters.withLock { waiters in
            guard waiters[layer] != nil else {
                waiters[layer] = []
                return nil
            }
            let waiter = Waiter()
            waiters[layer]?.append(waiter)
            return waiter
        }
        guard let waiter else { return true }
        let handler = cancellation?.add { [self] in callOff(waiter, layer) }
        waiter.semaphore.wait()
        if let handler { cancellation?.remove(handler) }
        // Whoever was called off is out of the queue, and has no turn to give back.
        guard cancellation?.isCancelled == true else { return true }
        return !isCalledOff(waiter)
    }

    /// Hands the turn to the next one.
    func giveBack(_ layer: String) {
        let next: Waiter? = waiters.withLock { waiters in
            guard let first = waiters[layer]?.first else {
                waiters[layer] = nil
                return nil
            }
            waiters[layer]?.removeFirst()
            return first
        }
        next?.semaphore.signal()
    }

    private let calledOff = Mutex<Set<ObjectIdentifier>>([])

    private func callOff(_ waiter: Waiter, _ layer: String) {
        let isWaiting = waiters.withLock { waiters in
            guard let place = waiters[layer]?.firstIndex(where: { $0 === waiter }) else { return false }
            waiters[layer]?.remove(at: place)
            return true
        }
        // Otherwise it has the turn by now.
        guard isWaiting else { return }
        calledOff.withLock { _ = $0.insert(ObjectIdentifier(waiter)) }
        waiter.semaphore.signal()
    }

    private func isCalledOff(_ waiter: Waiter) -> Bool {
        calledOff.withLock { $0.remove(ObjectIdentifier(waiter)) != nil }
    }
}
