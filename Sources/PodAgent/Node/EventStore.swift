import PodCore

/// The node's events, bounded: the same event again counts up, and the oldest make room for new ones.
@NodeActor
final class EventStore {
    static let countMax = 2_000

    private let nodeName: String
    private var order: [String] = []
    private var keys: [Key: String] = [:]
    nonisolated let cache: WatchCache<Event>
    nonisolated let versions: ResourceVersionCounter

    /// What makes two events the same (reference §14.4.3).
    private struct Key: Hashable {
        var uid: String
        var container: String?
        var kind: PodRecord.Kind
        var reason: String
        var message: String
    }

    nonisolated init(nodeName: String) {
        self.nodeName = nodeName
        versions = ResourceVersionCounter(startingAt: UInt64(max(0, Clock.wall().nanoseconds / 1000)))
        cache = WatchCache(counter: versions)
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
        add(record, object)
    }

    /// An event about the node: a manifest that is refused, for example.
    func recordNode(_ record: PodRecord) {
        var object = ObjectReference()
        object.kind = "Node"
        object.apiVersion = "v1"
        object.name = nodeName
        add(record, object)
        if record.kind == .warning { Log.warning("\(record.reason): \(record.message)") }
    }

    private func add(_ record: PodRecord, _ object: ObjectReference) {
        let now = Clock.wall()
        let key = Key(
            uid: object.uid,
            container: record.container,
            kind: record.kind,
            reason: record.reason,
            message: record.message
        )
        if let name = keys[key], let known = cache[name] {
            return update(name, known, now)
        }
        let name = "\(object.name).\(String(now.nanoseconds, radix: 16))"
        keys[key] = name
        order.append(name)
        cache.set(name) { version in make(record, object, name, now, version) }
        trim()
    }

    private func update(_ name: String, _ known: Event, _ now: Timestamp) {
        cache.set(name) { version in
            var event = known
            event.count += 1
            event.lastTimestamp = now.truncatedToSeconds
            event.metadata.resourceVersion = String(version)
            return event
        }
    }

    private func make(
        _ record: PodRecord,
        _ object: ObjectReference,
        _ name: String,
        _ now: Timestamp,
        _ version: UInt64
    ) -> Event {
        var event = Event()
        event.metadata.name = name
        event.metadata.namespace = object.namespace.isEmpty ? "default" : object.namespace
        event.metadata.creationTimestamp = now.truncatedToSeconds
        event.metadata.resourceVersion = String(version)
        event.involvedObject = object
        event.type = record.kind == .normal ? .normal : .warning
        event.reason = record.reason
        event.message = record.message
        event.count = 1
        event.firstTimestamp = now.truncatedToSeconds
        event.lastTimestamp = now.truncatedToSeconds
        event.source.component = "podagent"
        event.source.host = nodeName
        event.reportingComponent = "podagent"
        event.reportingInstance = nodeName
        return event
    }

    private func trim() {
        guard order.count > Self.countMax else { return }
        let gone = Set(order.prefix(Self.countMax / 10))
        order.removeFirst(gone.count)
        for name in gone { cache.remove(name) }
        keys = keys.filter { !gone.contains($0.value) }
    }
}
