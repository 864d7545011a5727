/// Objects as a table: what `kubectl get` prints, and what it asks servers for (`meta.k8s.io/v1`).
public struct Table: Sendable, Equatable {
    /// A column.
    public struct Column: Sendable, Equatable {
        /// The heading.
        public var name: String
        /// `string` or `integer`.
        public var type: String
        /// `name` for the column that names the object; else empty.
        public var format: String
        /// What it shows.
        public var description: String
        /// 0 is always shown, 1 only with `-o wide`.
        public var priority: Int

        init(
            _ name: String,
            _ description: String,
            type: String = "string",
            format: String = "",
            wide: Bool = false
        ) {
            self.name = name
            self.description = description
            self.type = type
            self.format = format
            self.priority = wide ? 1 : 0
        }

        /// The column as the API writes it.
        public var document: Document {
            .map([
                "name": Document(.string(name)), "type": Document(.string(type)),
                "format": Document(.string(format)), "description": Document(.string(description)),
                "priority": Document(.integer(Int64(priority))),
            ])
        }
    }

    /// A row.
    public struct Row: Sendable, Equatable {
        /// One cell for each column.
        public var cells: [Document]
        /// The object, or what is to be seen of it; nil for none.
        public var object: Document?

        /// Makes a row.
        public init(cells: [Document], object: Document? = nil) {
            self.cells = cells
            self.object = object
        }
    }

    /// The columns; empty in all events of a watch but the first.
    public var columns: [Column]
    /// The rows.
    public var rows: [Row]
    /// The version of the list.
    public var resourceVersion: String

    /// Makes a table.
    public init(columns: [Column], rows: [Row], resourceVersion: String) {
        self.columns = columns
        self.rows = rows
        self.resourceVersion = resourceVersion
    }

    /// The table as the API writes it.
    public var document: Document {
        var metadata: [Document.Entry] = []
        if !resourceVersion.isEmpty {
            metadata.append(.init("resourceVersion", Document(.string(resourceVersion))))
        }
        return .map([
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": Document(.map(metadata)),
            // Null and not empty is what Kubernetes writes where the columns are known already.
            "columnDefinitions": columns.isEmpty ? .null : Document(.list(columns.map(\.document))),
            "rows": Document(
                .list(
                    rows.map { row in
                        var entries: [Document.Entry] = [.init("cells", Document(.list(row.cells)))]
                        if let object = row.object { entries.append(.init("object", object)) }
                        return Document(.map(entries))
                    }
                )
            ),
        ])
    }
}
