/// Events as `kubectl get events` shows them.
public enum EventTable {
    /// The columns; from Subobject on for `-o wide`.
    public static let columns: [Table.Column] = [
        .init("Last Seen", "How long ago it last happened."),
        .init("Type", "Normal or Warning."),
        .init("Reason", "What happened, in one word."),
        .init("Object", "To what it happened."),
        .init("Message", "What happened."),
        .init("Subobject", "To which part of the object.", wide: true),
        .init("Source", "Who reports it.", wide: true),
        .init("First Seen", "How long ago it first happened.", wide: true),
        .init("Count", "How often it happened.", type: "integer", wide: true),
        .init("Name", "The event's own name.", format: "name", wide: true),
    ]

    /// The cells of an event's row. Count is a number, all others are texts.
    public static func cells(_ event: Event, now: Timestamp) -> [Document] {
        let first = event.firstTimestamp ?? event.eventTime?.time
        let last = event.series?.lastObservedTime?.time ?? event.lastTimestamp ?? first
        let count = max(1, event.series?.count ?? event.count)
        let object = event.involvedObject
        let texts = [
            now.age(since: last), event.type?.rawValue ?? "", event.reason,
            object.name.isEmpty ? object.kind.lowercased() : "\(object.kind.lowercased())/\(object.name)",
            event.message.trimmingNewlines, object.fieldPath, source(event), now.age(since: first),
        ]
        return texts.map { Document(.string($0)) }
            + [Document(.integer(Int64(count))), Document(.string(event.metadata.name))]
    }

    private static func source(_ event: Event) -> String {
        let component = event.source.component.isEmpty ? event.reportingComponent : event.source.component
        let instance = event.source.host.isEmpty ? event.reportingInstance : event.source.host
        return instance.isEmpty ? component : "\(component), \(instance)"
    }
}

extension String {
    fileprivate var trimmingNewlines: String {
        var text = self[...]
        while text.last?.isNewline == true { text.removeLast() }
        return String(text)
    }
}
