import PodCore

/// Looks after the image store while the node runs: clears images away when the disk is full, and knows what is there.
///
///     every 5 minutes ─────┐
///     after a pull ────────┴─▶ one collection at a time, on a worker ─▶ events
///     the store changes ─────▶ listed anew, on a worker ─────────────▶ `shown`, for the node's status
@NodeActor
final class ImageKeeper {
    private let store: ImageStore
    private let limits: @NodeActor () -> ImageCollection.Limits
    private let space: @Sendable (ImageStore) throws(SystemFailure) -> DiskSpace
    private let record: @NodeActor (PodRecord) -> Void
    private let period: Duration
    /// The images as they were when the store last changed.
    private(set) var shown: [StoredImage] = []

    private lazy var alarm = NodeActor.alarms.alarm { [weak self] in self?.alarmRang() }
    /// Whether all manifests have been read that are there, so that it is known which images they name.
    private var manifestsAreKnown: () -> Bool = { false }
    /// A period has passed: a manifest directory that has not shown up by now is not waited for any longer.
    private var hasWaited = false
    private var isStopped = false

    /// The collection that is under way, and the one behind it, which has not looked at anything yet.
    private var current: Task<Void, Never>?
    private var next: Task<Void, Never>?
    /// Whether the one behind it is wanted by the clock.
    private var nextIsByClock = false
    /// Whether the last round by the clock failed: the kubelet says so in an event only from the second time on.
    private var hasFailed = false

    private enum Refresh { case none, underWay, wantedAgain }
    private var refreshing = Refresh.none

    /// - Parameters:
    ///   - period: between two looks at the disk; the kubelet's if not given.
    ///   - space: tells how full the disk is; another than the store's for tests.
    ///   - limits: those in effect.
    ///   - record: tells of something that is wrong with the node.
    init(
        store: ImageStore,
        period: Duration = .seconds(300),
        space: @escaping @Sendable (ImageStore) throws(SystemFailure) -> DiskSpace = {
            store throws(SystemFailure) in try store.diskSpace()
        },
        limits: @escaping @NodeActor () -> ImageCollection.Limits,
        record: @escaping @NodeActor (PodRecord) -> Void
    ) {
        (self.store, self.period, self.space) = (store, period, space)
        (self.limits, self.record) = (limits, record)
    }

    /// Begins to look after the store.
    ///
    /// - Parameter manifestsAreKnown: whether every manifest that is there has said which images it names.
    func start(manifestsAreKnown: @escaping () -> Bool) {
        self.manifestsAreKnown = manifestsAreKnown
        refresh()
        alarm.set(Clock.tick() + period)
    }

    /// Ends for good. A collection that is under way ends with the process, at any moment.
    func stop() {
        isStopped = true
        alarm.cancel()
    }

    /// Whether images that nobody names may be taken for unneeded.
    var knowsNeeds: Bool { !isStopped && (hasWaited || manifestsAreKnown()) }

    private func alarmRang() {
        hasWaited = true
        alarm.set(Clock.tick() + period)
        Task {
            let store = store
            let noted = await Worker.run { Result { try store.noteUses() } }
            if case .failure(let failure) = noted {
                Log.warning("cannot note which images are used: \(failure)")
            }
            await collect(isByClock: true)
        }
    }

    // MARK: The list

    /// The store has changed: lists it anew.
    func refresh() {
        guard refreshing == .none else { return refreshing = .wantedAgain }
        refreshing = .underWay
        Task {
            let store = store
            let listed = await Worker.run { try? store.list() }
            // A list that cannot be had is no reason to show none; whoever asks for it is told why.
            if let listed { shown = listed }
            let isWantedAgain = refreshing == .wantedAgain
            refreshing = .none
            if isWantedAgain { refresh() }
        }
    }

    // MARK: Collection

    /// Clears images away if the disk is too full; returns when that is done. Calls that come while a collection is under
    /// way share the one behind it.
    func collectIfNeeded() async { await collect(isByClock: false) }

    /// One at a time: two that look at the same disk would free twice as much.
    private func collect(isByClock: Bool) async {
        nextIsByClock = nextIsByClock || isByClock
        if let next { return await next.value }
        let before = current
        let task = Task {
            await before?.value
            let isByClock = nextIsByClock
            (current, next, nextIsByClock) = (next, nil, false)
            tell(await collection(), isByClock: isByClock)
        }
        next = task
        await task.value
    }

    private enum Outcome {
        case off
        case done(ImageStore.Collection)
        case failed(ImageFailure)
    }

    private func collection() async -> Outcome {
        let (store, space, limits) = (store, space, limits())
        guard limits.isOn, knowsNeeds else {
            // What failed pulls have left goes in any case.
            _ = await Worker.run { try? store.collectGarbage() }
            return .off
        }
        let outcome = await Worker.run { () -> Outcome in
            do throws(ImageFailure) {
                // What went while somebody was loading may still lie there.
                try store.collectGarbage()
                return .done(try store.collect(limits, at: Clock.wall(), space: space))
            } catch {
                return .failed(error)
            }
        }
        refresh()
        return outcome
    }

    private func tell(_ outcome: Outcome, isByClock: Bool) {
        if case .off = outcome { return }
        let problem = Self.problem(outcome)
        if case .done(let collection) = outcome {
            for image in collection.removed {
                Log.notice("the disk is full: image \(image.names.first ?? image.id) is cleared away")
            }
        }
        if let event = problem?.record { record(event) }
        guard isByClock else { return }
        defer { hasFailed = problem != nil }
        guard let problem else { return }
        if hasFailed {
            record(PodRecord(.warning, "ImageGCFailed", problem.message))
        } else if problem.record == nil {
            Log.warning("images could not be collected: \(problem.message)")
        }
    }

    /// What was wrong, and the event that says so at once, if there is one.
    nonisolated private static func problem(_ outcome: Outcome) -> (message: String, record: PodRecord?)? {
        switch outcome {
        case .off: return nil
        case .failed(let failure): return ("\(failure)", nil)
        case .done(let collection):
            if collection.disk.capacity == 0 {
                let message = "invalid capacity 0 on image filesystem"
                return (message, PodRecord(.warning, "InvalidDiskCapacity", message))
            }
            if let failure = collection.failures.first {
                let message =
                    "wanted to free \(collection.wantedBytes) bytes, but freed \(collection.freedBytes) bytes space "
                    + "with errors in image deletion: \(failure)"
                return (message, nil)
            }
            guard !collection.isEnough else { return nil }
            let message = collection.insufficiency
            return (message, PodRecord(.warning, "FreeDiskSpaceFailed", message))
        }
    }
}

extension ImageStore.Collection {
    /// The kubelet's sentence on a disk that stays too full.
    var insufficiency: String {
        "Insufficient free disk space on the node's image filesystem (\(disk.usedPercent)% of \(disk.capacityText) used). "
            + "Failed to free sufficient space by deleting unused images (freed \(freedBytes) bytes). "
            + "Investigate disk usage, as it could be used by active images, logs, volumes, or other data."
    }
}
