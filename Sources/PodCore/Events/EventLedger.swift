/// The node's events: which are kept, which are the same as an earlier one, which are told together, which go.
///
///     record ─▶ seen before, word for word ────────────▶ counts up
///            ─▶ the 10th of its kind in ten minutes ───▶ counts up "(combined from similar events): …"
///            ─▶ anything else ─────────────────────────▶ a new event
///
/// Pure, as every machine is: the time is an argument, and whoever holds it carries out the changes that it answers.
/// What has happened lately is read from the events themselves, so a ledger that is restored from them decides as the
/// one did that made them.
///
/// Bounded for the node and for each object, in number and in bytes. An object that says much loses its own oldest
/// events and not those of others (reference §14.4).
public struct EventLedger: Sendable {
    /// How much is kept.
    public struct Limits: Hashable, Sendable {
        /// Events of the whole node.
        public var count = 2_000
        /// What they hold, about, in bytes.
        public var bytes = 2 << 20
        /// Events of one Pod.
        public var podCount = 100
        /// Events about the node itself, which is what every manifest that is refused is told by.
        public var nodeCount = 500
        /// What the events of one object hold, about, in bytes.
        public var objectBytes = 512 << 10
        /// The longest message in bytes of UTF-8; what is longer is cut.
        public var messageBytes = 4 << 10
        /// From which different message of the same reason on those of one Pod are told together.
        public var similarPodEvents = 10
        /// The same for the node: its messages are each about another file, and there may be many files.
        public var similarNodeEvents = 100
        /// For how long messages count as similar.
        public var similarTime = Duration.seconds(600)
        /// How long the events of an object stay when the object is gone.
        public var timeAfterObject = Duration.seconds(3_600)

        /// Makes the limits that the agent has.
        public init() {}
    }

    /// What becomes of the events. None of them carries a `resourceVersion` of its own making.
    public enum Change: Equatable, Sendable {
        case added(Event)
        /// It has happened again.
        case counted(Event)
        case removed(name: String)
    }

    private let nodeName: String
    private let limits: Limits
    private var objects: [EventObject: ObjectEvents] = [:]
    /// What makes names of events unique, as the kubelet's: nanoseconds, here never the same twice.
    private var lastStamp: Int64 = 0
    private var lastSequence: UInt64 = 0
    /// How many events there are.
    public private(set) var count = 0
    /// What they hold, about.
    public private(set) var bytes = 0

    /// An empty ledger of a node.
    public init(nodeName: String, limits: Limits = Limits()) {
        self.nodeName = nodeName
        self.limits = limits
    }

    /// All events, the one that has not happened for the longest time first.
    public var events: [Event] {
        objects.values.flatMap(\.entries).sorted { $0.sequence < $1.sequence }.map(\.event)
    }

    /// Takes over the events of an earlier ledger, in the order in which they last happened, into an empty one.
    public mutating func restore(_ events: [Event]) -> [Change] {
        for event in events {
            let object = EventObject(event.involvedObject)
            if let stamp = event.metadata.name.split(separator: ".").last {
                lastStamp = max(lastStamp, Int64(stamp, radix: 16) ?? 0)
            }
            let sequence = nextSequence()
            adjust(object) { $0.append(event, sequence: sequence) }
        }
        return objects.keys.flatMap { trim($0) } + trim()
    }

    /// Something has happened to an object.
    public mutating func record(
        _ record: PodRecord,
        about reference: ObjectReference,
        at now: Moment
    ) -> [Change] {
        let object = EventObject(reference)
        let text = EventMessage.withoutContainerIDs(
            record.message,
            uid: object.uid,
            container: record.container
        )
        var event = Event()
        event.involvedObject = reference
        event.type = record.kind == .normal ? .normal : .warning
        event.reason = record.reason
        event.message = EventMessage.cut(text, toBytes: limits.messageBytes)
        let verdict =
            objects[object]?.verdict(
                on: event,
                from: object.isNode ? limits.similarNodeEvents : limits.similarPodEvents,
                within: limits.similarTime,
                at: now.wall
            ) ?? .new
        let change = change(event, object, verdict, at: now.wall)
        return [change] + trim(object) + trim()
    }

    private mutating func change(
        _ event: Event,
        _ object: EventObject,
        _ verdict: ObjectEvents.Verdict,
        at now: Timestamp
    ) -> Change {
        let sequence = nextSequence()
        switch verdict {
        case .again(let index):
            return .counted(adjust(object) { $0.count(index, event, at: now, sequence: sequence) })
        case .combined(let index?):
            let combined = EventMessage.combined(event)
            return .counted(adjust(object) { $0.count(index, combined, at: now, sequence: sequence) })
        case .combined(nil):
            return add(EventMessage.combined(event), object, at: now, sequence)
        case .new:
            return add(event, object, at: now, sequence)
        }
    }

    private mutating func add(
        _ event: Event,
        _ object: EventObject,
        at now: Timestamp,
        _ sequence: UInt64
    ) -> Change {
        var event = event
        lastStamp = max(now.nanoseconds, lastStamp + 1)
        event.metadata.name = "\(object.name).\(String(lastStamp, radix: 16))"
        event.metadata.namespace = object.namespace.isEmpty ? "default" : object.namespace
        event.metadata.creationTimestamp = now.truncatedToSeconds
        event.count = 1
        event.firstTimestamp = now.truncatedToSeconds
        event.lastTimestamp = now.truncatedToSeconds
        event.source.component = "podagent"
        event.source.host = nodeName
        event.reportingComponent = "podagent"
        event.reportingInstance = nodeName
        adjust(object) { $0.append(event, sequence: sequence) }
        return .added(event)
    }

    private mutating func nextSequence() -> UInt64 {
        lastSequence += 1
        return lastSequence
    }

    /// Changes what is known of an object, and the sums with it.
    @discardableResult
    private mutating func adjust<Result>(
        _ object: EventObject,
        _ body: (inout ObjectEvents) -> Result
    ) -> Result {
        let before = (count: objects[object]?.entries.count ?? 0, bytes: objects[object]?.bytes ?? 0)
        let result = body(&objects[object, default: ObjectEvents()])
        count += (objects[object]?.entries.count ?? 0) - before.count
        bytes += (objects[object]?.bytes ?? 0) - before.bytes
        if objects[object]?.entries.isEmpty == true { objects[object] = nil }
        return result
    }
}

// MARK: What goes

extension EventLedger {
    /// The Pod with this UID is no more. One that comes back under the same UID, as Pods from files do, has its events
    /// again as soon as something happens to it.
    public mutating func podIsGone(_ uid: String, at now: Tick) {
        for object in objects.keys where object.uid == uid { isGone(object, at: now) }
    }

    /// Of all Pods there are only these, as far as is known at the beginning of an agent. How long the others have been
    /// gone nobody has seen, so they count as gone from now on.
    public mutating func presume(onlyPods uids: Set<String>, at now: Tick) {
        for object in objects.keys where !uids.contains(object.uid) { isGone(object, at: now) }
    }

    private mutating func isGone(_ object: EventObject, at now: Tick) {
        guard !object.isNode, objects[object]?.goneAt == nil else { return }
        objects[object]?.goneAt = now
    }

    /// When events go that no object has any more; nil while there are none.
    public var nextExpiry: Tick? {
        objects.values.compactMap(\.goneAt).min().map { $0 + limits.timeAfterObject }
    }

    /// Removes the events of objects that have been gone for long.
    public mutating func expire(at now: Tick) -> [Change] {
        let gone = objects.filter { entry in
            entry.value.goneAt.map { $0 + limits.timeAfterObject <= now } ?? false
        }
        var changes: [Change] = []
        for object in gone.keys {
            adjust(object) { events in
                while let event = events.removeOldest() {
                    changes.append(.removed(name: event.metadata.name))
                }
            }
        }
        return changes
    }

    /// One object's own bounds.
    private mutating func trim(_ object: EventObject) -> [Change] {
        let countMax = object.isNode ? limits.nodeCount : limits.podCount
        var changes: [Change] = []
        while let events = objects[object], events.entries.count > 1,
            events.entries.count > countMax || events.bytes > limits.objectBytes
        {
            changes += removeOldest(of: object)
        }
        return changes
    }

    /// The node's bounds: the events of objects that are gone go first, then the oldest of whichever object has most.
    private mutating func trim() -> [Change] {
        var changes: [Change] = []
        while count > limits.count || bytes > limits.bytes, count > 1, let object = mostDispensable {
            changes += removeOldest(of: object)
        }
        return changes
    }

    private var mostDispensable: EventObject? {
        let byBytes = count <= limits.count
        func weight(_ events: ObjectEvents) -> Int { byBytes ? events.bytes : events.entries.count }
        // What has just happened is never what goes.
        let others = objects.lazy.filter { $0.value.oldestSequence != lastSequence }
        return others.min { a, b in
            switch (a.value.goneAt, b.value.goneAt) {
            case (let a?, let b?) where a != b: return a < b
            case (.some, nil): return true
            case (nil, .some): return false
            default: break
            }
            let (left, right) = (weight(a.value), weight(b.value))
            return left != right ? left > right : a.value.oldestSequence < b.value.oldestSequence
        }?.key
    }

    private mutating func removeOldest(of object: EventObject) -> [Change] {
        guard let event = adjust(object, { $0.removeOldest() }) else { return [] }
        return [.removed(name: event.metadata.name)]
    }
}
