/// Events as `kubectl events` shows them: how often they happened beside when, objects with their kind as it is written, and
/// messages whole.
public enum EventListing {
    /// A table of these events, in this order.
    public static func table(_ events: [Event], now: Timestamp) -> Table {
        let rows = events.map { Table.Row(cells: cells($0, now: now), object: Document($0.metadata)) }
        return Table(columns: EventTable.columns, rows: rows, resourceVersion: "")
    }

    private static func cells(_ event: Event, now: Timestamp) -> [Document] {
        var cells = EventTable.cells(event, now: now)
        let object = event.involvedObject
        let lines = event.message.split(whereSeparator: \.isNewline)
        cells[0] = Document(.string(event.age(at: now)))
        cells[3] = Document(.string("\(object.kind)/\(object.name)"))
        cells[4] = Document(.string(lines.joined(separator: " ")))
        return cells
    }
}

extension Document {
    /// An object of which nothing but this is shown.
    fileprivate init(_ metadata: ObjectMeta) { self = .map(["metadata": metadata.document]) }
}
