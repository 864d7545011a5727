import PodCore

/// How one kind of object is listed, watched and shown.
struct Resource<Object: KubernetesObject>: Sendable {
    /// The plural, as in the path.
    let name: String
    let fields: SelectableFields<Object>
    let columns: [Table.Column]
    let cells: @Sendable (Object, Timestamp) -> [Document]
    let metadata: @Sendable (Object) -> ObjectMeta
}

extension Resource<Pod> {
    static let pods = Resource(
        name: "pods",
        fields: .pods,
        columns: PodTable.columns,
        cells: { pod, now in PodTable.cells(pod, now: now).map { Document(.string($0)) } },
        metadata: { $0.metadata }
    )
}

extension Resource<Event> {
    static let events = Resource(
        name: "events",
        fields: .events,
        columns: EventTable.columns,
        cells: EventTable.cells,
        metadata: { $0.metadata }
    )
}

/// What a row of a table says of its object beside the cells.
enum IncludedObject: String, Sendable {
    case none = "None"
    case metadata = "Metadata"
    case object = "Object"

    init(_ target: RequestTarget) throws(StatusFailure) {
        let text = target["includeObject"] ?? ""
        guard let known = text.isEmpty ? .metadata : IncludedObject(rawValue: text) else {
            throw .badRequest("unrecognized includeObject value: \(text.quoted)")
        }
        self = known
    }
}

/// Objects in the form that the client wants.
struct ObjectWriter<Object: KubernetesObject>: Sendable {
    let resource: Resource<Object>
    let form: ContentForm
    let included: IncludedObject

    init(_ resource: Resource<Object>, _ request: HTTPRequestHead, _ target: RequestTarget)
        throws(StatusFailure)
    {
        self.resource = resource
        form = try ContentForm(accept: request.accept, allowsTable: true)
        included = try IncludedObject(target)
    }

    func list(_ objects: [Object], version: UInt64) -> Document {
        switch form {
        case .json: ObjectList(objects, resourceVersion: String(version)).document
        case .table: table(objects, version: String(version), withColumns: true).document
        }
    }

    /// One object. In a watch only the first table has the columns.
    func object(_ object: Object, withColumns: Bool = true) -> Document {
        switch form {
        case .json: object.document
        case .table:
            table([object], version: resource.metadata(object).resourceVersion, withColumns: withColumns)
                .document
        }
    }

    /// An object that carries nothing but a version: what a watch may go on from.
    func bookmark(version: UInt64, endsInitial: Bool) -> Document {
        var metadata: [Document.Entry] = [
            .init("resourceVersion", Document(.string(String(version)))),
            .init("creationTimestamp", Document(.null)),
        ]
        if endsInitial {
            metadata.append(.init("annotations", .map(["k8s.io/initial-events-end": "true"])))
        }
        let bare: Document = .map([
            "kind": Document(.string(Object.kind)), "apiVersion": Document(.string(Object.apiVersion)),
            "metadata": Document(.map(metadata)),
        ])
        guard form == .table else { return bare }
        let row = Table.Row(cells: resource.columns.map { _ in Document(.null) }, object: bare)
        return Table(columns: [], rows: [row], resourceVersion: String(version)).document
    }

    private func table(_ objects: [Object], version: String, withColumns: Bool) -> Table {
        let now = Clock.wall()
        let rows = objects.map { object in
            Table.Row(cells: resource.cells(object, now), object: shown(object))
        }
        return Table(columns: withColumns ? resource.columns : [], rows: rows, resourceVersion: version)
    }

    private func shown(_ object: Object) -> Document? {
        switch included {
        case .none: nil
        case .object: object.document
        case .metadata:
            .map([
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                "metadata": resource.metadata(object).document,
            ])
        }
    }
}
