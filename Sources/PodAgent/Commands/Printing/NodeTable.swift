import PodCore

/// Nodes as `kubectl get nodes` shows them. The agent gives its node as an object and makes no table of it.
enum NodeTable {
    private static let columns: [(name: String, isWide: Bool)] = [
        ("Name", false), ("Status", false), ("Roles", false), ("Age", false), ("Version", false),
        ("Internal-IP", true), ("External-IP", true), ("OS-Image", true), ("Kernel-Version", true),
        ("Container-Runtime", true),
    ]

    /// A `Node`, or a `NodeList`, as the table that ``TablePrinter`` takes.
    static func table(_ document: Document, now: Timestamp) -> Document {
        var nodes = [document]
        if case .list(let items)? = document["items"]?.value { nodes = items }
        return .map([
            "columnDefinitions": Document(
                .list(
                    columns.map { column in
                        .map([
                            "name": Document(.string(column.name)),
                            "priority": Document(.integer(column.isWide ? 1 : 0)),
                        ])
                    }
                )
            ),
            "rows": Document(
                .list(
                    nodes.map { node in
                        let cells = cells(node, now: now).map { Document(.string($0)) }
                        return .map(["cells": Document(.list(cells))])
                    }
                )
            ),
        ])
    }

    private static func cells(_ node: Document, now: Timestamp) -> [String] {
        let (metadata, status) = (node["metadata"], node["status"])
        let info = status?["nodeInfo"]
        let created = metadata?["creationTimestamp"]?.string.flatMap { Timestamp(rfc3339: $0) }
        let known = [
            metadata?["name"]?.string, state(node), roles(metadata?["labels"]), now.age(since: created),
            info?["kubeletVersion"]?.string, address("InternalIP", status), address("ExternalIP", status),
            info?["osImage"]?.string, info?["kernelVersion"]?.string,
            info?["containerRuntimeVersion"]?.string,
        ]
        return known.map { $0.flatMap { $0.isEmpty ? nil : $0 } ?? "<none>" }
    }

    private static func state(_ node: Document) -> String {
        let ready = items(node["status"]?["conditions"]).first { $0["type"]?.string == "Ready" }
        let word =
            switch ready?["status"]?.string {
            case "True": "Ready"
            case nil: "Unknown"
            default: "NotReady"
            }
        return node["spec"]?["unschedulable"]?.value == .bool(true) ? word + ",SchedulingDisabled" : word
    }

    private static func roles(_ labels: Document?) -> String {
        guard case .map(let entries)? = labels?.value else { return "" }
        let prefix = "node-role.kubernetes.io/"
        return entries.map(\.key).filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            .sorted().joined(separator: ",")
    }

    private static func address(_ type: String, _ status: Document?) -> String? {
        items(status?["addresses"]).first { $0["type"]?.string == type }?["address"]?.string
    }

    private static func items(_ document: Document?) -> [Document] {
        if case .list(let items)? = document?.value { items } else { [] }
    }
}
