/// What an event is about: a Pod or the node.
struct EventObject: Hashable, Sendable {
    var kind: String
    var namespace: String
    var name: String
    var uid: String

    init(_ reference: ObjectReference) {
        kind = reference.kind
        namespace = reference.namespace
        name = reference.name
        uid = reference.uid
    }

    var isNode: Bool { kind == "Node" }
}

/// The events of one object, the one that has not happened for the longest time first.
struct ObjectEvents: Sendable {
    struct Entry: Sendable {
        var event: Event
        /// Rises with each thing that happens on the node.
        var sequence: UInt64
    }

    /// What something that has happened is to the events that there are.
    enum Verdict: Equatable {
        case new
        /// The event at this index, once more.
        case again(Int)
        /// One of many that are alike; they have the event at this index in common, or none yet.
        case combined(Int?)
    }

    private(set) var entries: [Entry] = []
    /// What they hold, about.
    private(set) var bytes = 0
    /// When the object went; nil while it is there.
    var goneAt: Tick?

    var oldestSequence: UInt64 { entries.first?.sequence ?? 0 }

    /// Judges an event that has neither name nor time yet.
    ///
    /// - Parameters:
    ///   - similarMin: which different message with the same type and reason is the first to be told together with those
    ///     that follow.
    ///   - time: within which they must have come. Once told together they stay so until none has come for this long.
    func verdict(on event: Event, from similarMin: Int, within time: Duration, at now: Timestamp) -> Verdict {
        if let index = exact(event) { return .again(index) }
        var combined: Int?
        var isUnderWay = false
        var messages: Set<String> = []
        for (index, entry) in entries.enumerated() {
            let known = entry.event
            guard known.reason == event.reason, known.type == event.type else { continue }
            let isRecent = now - (known.lastTimestamp ?? now) <= time
            if EventMessage.isCombined(known) {
                combined = index
                isUnderWay = isRecent
            } else if isRecent {
                messages.insert(known.message)
            }
        }
        // Another container's event with the same words is no different message.
        if messages.contains(event.message) { return .new }
        return isUnderWay || messages.count + 1 >= similarMin ? .combined(combined) : .new
    }

    /// The event that says the same of the same part of the object.
    private func exact(_ event: Event) -> Int? {
        entries.firstIndex { entry in
            let known = entry.event
            return known.reason == event.reason && known.message == event.message && known.type == event.type
                && known.involvedObject.fieldPath == event.involvedObject.fieldPath
        }
    }

    mutating func append(_ event: Event, sequence: UInt64) {
        entries.append(Entry(event: event, sequence: sequence))
        goneAt = nil
        bytes += Self.size(event)
    }

    /// The event at `index` has happened again, with the words of `latest`. It is the newest from then on.
    mutating func count(_ index: Int, _ latest: Event, at now: Timestamp, sequence: UInt64) -> Event {
        var event = entries.remove(at: index).event
        bytes -= Self.size(event)
        // Alike are also events of several containers: shown is whose words are shown.
        event.involvedObject = latest.involvedObject
        event.message = latest.message
        event.count = event.count == .max ? .max : event.count + 1
        event.lastTimestamp = now.truncatedToSeconds
        // The clock was set back, and what happened first cannot be after what happened last.
        if let first = event.firstTimestamp, first > now { event.firstTimestamp = now.truncatedToSeconds }
        append(event, sequence: sequence)
        return event
    }

    mutating func removeOldest() -> Event? {
        guard !entries.isEmpty else { return nil }
        let event = entries.removeFirst().event
        bytes -= Self.size(event)
        return event
    }

    /// Its texts, and about what the rest of an event takes.
    private static func size(_ event: Event) -> Int {
        512 + event.message.utf8.count + event.reason.utf8.count + 2 * event.involvedObject.name.utf8.count
    }
}
