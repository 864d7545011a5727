import PodCore

/// What somebody wants pulled.
struct PullWish: Sendable {
    let reference: ImageReference
    var keys = PullKeys()
    /// Tells apart who may not share a pull: what is opened with one Pod's credentials is not another one's.
    var owner = ""
}

/// A pull that is over.
struct PulledImage: Sendable {
    let image: LoadedImage
    /// From the first byte to the last.
    let took: Duration
    /// With the time in which others were before it.
    let tookWithWaiting: Duration
}

/// Sees to it that images are pulled: whatever many want at the same time is pulled once, and only a few at a time.
@NodeActor
final class ImagePuller {
    @NodeActor
    private final class Flight {
        let cancellation = PullCancellation()
        var waiters: [Int: (Result<PulledImage, ImageFailure>) -> Void] = [:]
        var watchers: [Int: (PullState) -> Void] = [:]
        var state = PullState()

        func tell(_ state: PullState) {
            self.state = state
            for watcher in Array(watchers.values) { watcher(state) }
        }
    }

    private let store: ImageStore
    /// Those in effect.
    var options: () -> NodeOptions = { NodeOptions() }
    private var flights: [String: Flight] = [:]
    private var nextWaiter = 0
    private var running = 0
    private var queue: [CheckedContinuation<Void, Never>] = []
    /// Waited for before a registry is asked: what is being loaded from the node's own disk may be just that.
    var untilLoaded: () async -> Void = {}
    /// Called after each image that came.
    var onPulled: (ImageReference) -> Void = { _ in }
    /// Called after each pull, also one that has left something behind.
    var onEnded: () -> Void = {}
    /// Called for whatever is wrong with the node's own credentials, at each pull.
    var onProblem: @NodeActor @Sendable (String) -> Void = { _ in }

    nonisolated init(store: ImageStore) { self.store = store }

    /// Pulls an image, or waits for somebody else's pull of it. Ends early when the task is cancelled; the pull itself
    /// does when nobody waits for it any more.
    func pull(
        _ wish: PullWish,
        onProgress: @escaping (PullState) -> Void = { _ in }
    ) async -> Result<PulledImage, ImageFailure> {
        let key = "\(wish.reference.canonical) \(wish.owner)"
        let flight = flights[key] ?? begin(wish, key)
        let number = nextWaiter
        nextWaiter += 1
        flight.watchers[number] = onProgress
        onProgress(flight.state)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                flight.waiters[number] = { continuation.resume(returning: $0) }
                if Task.isCancelled { leave(key, flight, number) }
            }
        } onCancel: {
            Task { await self.leave(key, flight, number) }
        }
    }

    private func leave(_ key: String, _ flight: Flight, _ number: Int) {
        flight.watchers[number] = nil
        guard let waiter = flight.waiters.removeValue(forKey: number) else { return }
        waiter(.failure(.pull(image: key, .registry(.cancelled))))
        guard flight.waiters.isEmpty else { return }
        // Whoever wants it from now on begins anew.
        if flights[key] === flight { flights[key] = nil }
        flight.cancellation.cancel()
    }

    private func begin(_ wish: PullWish, _ key: String) -> Flight {
        let flight = Flight()
        flights[key] = flight
        Task {
            let asked = Clock.tick()
            await untilLoaded()
            await enter(flight)
            let began = Clock.tick()
            let outcome = await run(wish, flight)
            leaveQueue()
            if flights[key] === flight { flights[key] = nil }
            let result = outcome.map { image in
                let end = Clock.tick()
                return PulledImage(image: image, took: end - began, tookWithWaiting: end - asked)
            }
            let waiters = flight.waiters.values
            flight.waiters = [:]
            for waiter in waiters { waiter(result) }
            if case .success = result { onPulled(wish.reference) }
            onEnded()
        }
        return flight
    }

    private func run(_ wish: PullWish, _ flight: Flight) async -> Result<LoadedImage, ImageFailure> {
        let (store, keys, cancellation) = (store, wish.keys, flight.cancellation)
        let progress = PullProgress { [weak flight] state in
            Task { @NodeActor in flight?.tell(state) }
        }
        let (reference, configuration, onProblem) = (wish.reference, options().registries, onProblem)
        return await OwnThread.run {
            let (credentials, problems) = keys.offers()
            for problem in problems { Task { @NodeActor in onProblem(problem) } }
            let order = PullOrder(
                reference: reference,
                configuration: configuration,
                credentials: credentials
            )
            do throws(ImageFailure) {
                return .success(try store.pull(order, progress: progress, cancellation: cancellation))
            } catch {
                return .failure(error)
            }
        }
    }

    // MARK: Turns

    private func enter(_ flight: Flight) async {
        if running < options().maxParallelImagePulls, queue.isEmpty {
            running += 1
            return
        }
        flight.tell(.queued)
        // Whoever leaves takes in as many as there is room for.
        await withCheckedContinuation { queue.append($0) }
        flight.tell(PullState())
    }

    private func leaveQueue() {
        running -= 1
        while running < options().maxParallelImagePulls, !queue.isEmpty {
            running += 1
            queue.removeFirst().resume()
        }
    }
}
