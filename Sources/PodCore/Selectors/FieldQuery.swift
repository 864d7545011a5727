/// The `fieldSelector` of a request: `status.phase!=Failed,spec.nodeName=n1`. Every term must hold.
public struct FieldQuery: Sendable, Hashable {
    /// One of the terms.
    public struct Term: Sendable, Hashable {
        /// The field's path, such as `metadata.name`.
        public var field: String
        /// The text that it is compared with.
        public var value: String
        /// Whether it must be another text.
        public var isNegated: Bool

        /// Makes a term.
        public init(_ field: String, _ value: String, isNegated: Bool = false) {
            self.field = field
            self.value = value
            self.isNegated = isNegated
        }
    }

    /// The terms in the order of the text; none matches everything.
    public var terms: [Term]

    /// Makes a query of terms.
    public init(_ terms: [Term]) { self.terms = terms }

    /// Reads the text of a selector; 400 when it is none.
    public init(parsing text: String) throws(StatusFailure) {
        var terms: [Term] = []
        for part in Self.split(Array(text.utf8)) where !part.isEmpty {
            guard let term = Self.term(part) else {
                let shown = String(decoding: part, as: UTF8.self)
                throw .badRequest("invalid selector: '\(text)'; can't understand '\(shown)'")
            }
            terms.append(term)
        }
        self.terms = terms
    }

    /// Whether an object is selected.
    public func matches<Object>(_ object: Object, _ fields: SelectableFields<Object>) -> Bool {
        terms.allSatisfy { term in
            guard let read = fields.readers[term.field] else { return false }
            return (read(object) == term.value) != term.isNegated
        }
    }

    /// Throws 400 for a field by which these objects cannot be selected.
    public func check<Object>(against fields: SelectableFields<Object>) throws(StatusFailure) {
        for term in terms where fields.readers[term.field] == nil {
            throw .badRequest("field label not supported: \(term.field)")
        }
    }

    /// At the commas that no backslash stands before.
    private static func split(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var parts: [ArraySlice<UInt8>] = []
        var start = 0
        var isEscaped = false
        for (index, byte) in bytes.enumerated() {
            if byte == 0x2C, !isEscaped {
                parts.append(bytes[start..<index])
                start = index + 1
            }
            isEscaped = byte == 0x5C && !isEscaped
        }
        return parts + [bytes[start...]]
    }

    /// `field=value`, `field==value` or `field!=value`.
    private static func term(_ bytes: ArraySlice<UInt8>) -> Term? {
        guard let equals = bytes.firstIndex(of: 0x3D) else { return nil }
        var field = bytes[..<equals]
        var value = bytes[(equals + 1)...]
        let isNegated = field.last == 0x21
        if isNegated { field = field.dropLast() }
        if !isNegated, value.first == 0x3D { value = value.dropFirst() }
        guard let text = unescape(value) else { return nil }
        return Term(String(decoding: field, as: UTF8.self), text, isNegated: isNegated)
    }

    /// A backslash may stand before a backslash, a comma or an equals sign, and before nothing else; an equals sign
    /// cannot stand alone.
    private static func unescape(_ bytes: ArraySlice<UInt8>) -> String? {
        var text: [UInt8] = []
        var isEscaped = false
        for byte in bytes {
            if isEscaped {
                guard byte == 0x5C || byte == 0x2C || byte == 0x3D else { return nil }
                text.append(byte)
                isEscaped = false
            } else if byte == 0x5C {
                isEscaped = true
            } else if byte == 0x3D {
                return nil
            } else {
                text.append(byte)
            }
        }
        return isEscaped ? nil : String(decoding: text, as: UTF8.self)
    }
}

/// The fields by which objects of one kind can be selected.
public struct SelectableFields<Object>: Sendable {
    let readers: [String: @Sendable (Object) -> String]
}

extension SelectableFields<Pod> {
    /// Those of Pods.
    public static let pods = SelectableFields(readers: [
        "metadata.name": { $0.metadata.name },
        "metadata.namespace": { $0.metadata.namespace },
        "spec.nodeName": { $0.spec.nodeName },
        "spec.restartPolicy": { $0.spec.restartPolicy.rawValue },
        "spec.schedulerName": { $0.spec.schedulerName },
        "spec.serviceAccountName": { $0.spec.serviceAccountName },
        "spec.hostNetwork": { $0.spec.hostNetwork ? "true" : "false" },
        "status.phase": { $0.status.phase.rawValue },
        "status.podIP": { $0.status.podIP },
        "status.podIPs": { $0.status.podIPs.first?.ip ?? "" },
        "status.nominatedNodeName": { $0.status.nominatedNodeName },
    ])
}

extension SelectableFields<Event> {
    /// Those of events.
    public static let events = SelectableFields(readers: [
        "metadata.name": { $0.metadata.name },
        "metadata.namespace": { $0.metadata.namespace },
        "involvedObject.kind": { $0.involvedObject.kind },
        "involvedObject.namespace": { $0.involvedObject.namespace },
        "involvedObject.name": { $0.involvedObject.name },
        "involvedObject.uid": { $0.involvedObject.uid },
        "involvedObject.apiVersion": { $0.involvedObject.apiVersion },
        "involvedObject.resourceVersion": { $0.involvedObject.resourceVersion },
        "involvedObject.fieldPath": { $0.involvedObject.fieldPath },
        "reason": { $0.reason },
        "reportingComponent": { $0.reportingComponent },
        "source": { $0.source.component.isEmpty ? $0.reportingComponent : $0.source.component },
        "type": { $0.type?.rawValue ?? "" },
    ])
}

extension SelectableFields<Document> {
    /// Those of nodes.
    public static let nodes = SelectableFields(readers: [
        "metadata.name": { $0["metadata"]?["name"]?.string ?? "" },
        "spec.unschedulable": { $0["spec"]?["unschedulable"]?.value == .bool(true) ? "true" : "false" },
    ])
}
