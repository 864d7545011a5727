import PodCore

/// The node's events: what the ledger decides is shown to clients and kept on disk.
///
///     record ─▶ EventLedger ─▶ new, gone: at once ───────────────┬─▶ cache: lists and watches
///                           ─▶ again: at most once a second each ┴─▶ EventRecorder: the disk
@NodeActor
final class EventStore {
    private let nodeName: String
    private var ledger: EventLedger
    nonisolated let cache: WatchCache<Event>
    nonisolated let versions: ResourceVersionCounter
    private let recorder: EventRecorder
    /// What was wrong with the file of the agent before.
    private var problem: String?

    /// Between two times that the count of one event is shown.
    private static let pace = Duration.seconds(1)
    /// The names of those that were shown within the pace, which a timer ends.
    private var shown: Set<String> = []
    /// Those of them that have happened again since.
    private var deferred: [String: Event] = [:]
    private lazy var paceAlarm = NodeActor.alarms.alarm { [weak self] in
        self?.shown = []
        self?.showDeferred()
    }
    /// Rings for events of Pods that are long gone.
    private lazy var expiryAlarm = NodeActor.alarms.alarm { [weak self] in self?.expire() }

    /// Versions go on above those of agents before this one, also if the clock was set back.
    private nonisolated static let versionsApart: UInt64 = 1 << 20

    /// Reads what an earlier agent has left in the state directory; blocks.
    nonisolated init(nodeName: String, state: RootedDirectory) {
        self.nodeName = nodeName
        let content = EventFile.read(from: state)
        problem = content.problem.map { EventFile.setAside(in: state, why: $0) }
        let known = content.sorted
        var ledger = EventLedger(nodeName: nodeName)
        _ = ledger.restore(known)
        let last = max(content.resourceVersion, known.last?.versionNumber ?? 0)
        let clock = UInt64(max(0, Clock.wall().nanoseconds / 1000))
        versions = ResourceVersionCounter(startingAt: max(clock, last + Self.versionsApart))
        let events = Dictionary(
            ledger.events.map { ($0.metadata.name, $0) },
            uniquingKeysWith: { _, later in later }
        )
        self.ledger = ledger
        cache = WatchCache(counter: versions, objects: events)
        recorder = EventRecorder(directory: state, cache: cache)
    }

    /// The node knows its Pods again: these, by their UIDs.
    func begin(present uids: Set<String>) {
        ledger.presume(onlyPods: uids, at: Clock.tick())
        if let problem { recordNode(PodRecord(.warning, "UnreadableRecord", problem)) }
        problem = nil
        setExpiry()
    }

    /// Shows and writes what is left to be; blocks until it is on disk or cannot be.
    func stop() {
        showDeferred()
        recorder.flush()
    }

    /// All events with their counts as they are, in the order in which they last happened.
    func list() -> ListSnapshot<Event> {
        showDeferred()
        var snapshot = cache.list()
        snapshot.items.sort { $0.versionNumber < $1.versionNumber }
        return snapshot
    }

    func record(_ record: PodRecord, about pod: Pod) {
        var object = ObjectReference()
        object.kind = "Pod"
        object.apiVersion = "v1"
        object.namespace = pod.metadata.namespace
        object.name = pod.metadata.name
        object.uid = pod.metadata.uid
        if let container = record.container {
            let isInit = pod.spec.initContainers.contains { $0.name == container }
            object.fieldPath = "spec.\(isInit ? "initContainers" : "containers"){\(container)}"
        }
        carryOut(ledger.record(record, about: object, at: Clock.now()))
    }

    /// An event about the node: a manifest that is refused, for example.
    func recordNode(_ record: PodRecord) {
        var object = ObjectReference()
        object.kind = "Node"
        object.apiVersion = "v1"
        object.name = nodeName
        carryOut(ledger.record(record, about: object, at: Clock.now()))
        if record.kind == .warning { Log.warning("\(record.reason): \(record.message)") }
    }

    /// Nothing is left of a Pod. Its events stay for a while.
    func podIsGone(_ uid: String) {
        ledger.podIsGone(uid, at: Clock.tick())
        setExpiry()
    }

    // MARK: Showing

    private func carryOut(_ changes: [EventLedger.Change]) {
        for change in changes {
            switch change {
            case .added(let event): show(event)
            case .counted(let event):
                // Who watches wants to see that something happens, not each of a thousand times in a second.
                if shown.contains(event.metadata.name) {
                    deferred[event.metadata.name] = event
                } else {
                    show(event)
                }
            case .removed(let name):
                deferred[name] = nil
                cache.remove(name) { event, version in event.with(version) }
                recorder.change(name)
            }
        }
    }

    private func show(_ event: Event) {
        cache.set(event.metadata.name) { event.with($0) }
        recorder.change(event.metadata.name)
        let isFirst = shown.isEmpty
        shown.insert(event.metadata.name)
        if isFirst { paceAlarm.set(Clock.tick() + Self.pace) }
    }

    private func showDeferred() {
        let due = deferred.values
        deferred = [:]
        for event in due { show(event) }
    }

    // MARK: Going

    private func setExpiry() { expiryAlarm.set(ledger.nextExpiry) }

    private func expire() {
        carryOut(ledger.expire(at: Clock.tick()))
        setExpiry()
    }
}

extension Event {
    fileprivate func with(_ version: UInt64) -> Event {
        var event = self
        event.metadata.resourceVersion = String(version)
        return event
    }
}
