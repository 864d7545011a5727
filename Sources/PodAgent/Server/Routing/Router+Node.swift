import PodCore

/// The node itself.
extension Router {
    func nodes(_ request: HTTPRequest, _ target: RequestTarget) async throws(StatusFailure) -> HTTPResponse {
        _ = try ContentForm(accept: request.head.accept, allowsTable: false)
        let query = try ListQuery(target, SelectableFields.nodes)
        guard !query.isWatch else {
            throw StatusFailure(.methodNotAllowed, "nodes cannot be watched here")
        }
        let version = await service.pods().resourceVersion
        try query.check(listAt: version, match: target["resourceVersionMatch"])
        let node = await service.node()
        var metadata = ObjectMeta()
        var report = DecodeReport(checksSupport: false)
        if let described = node["metadata"] {
            metadata = ObjectMeta.decode(described, at: FieldPath("metadata"), report: &report) ?? metadata
        }
        let isSelected = query.matches(node, metadata: metadata, namespace: nil)
        return .json(
            .map([
                "kind": "NodeList", "apiVersion": "v1",
                "metadata": .map(["resourceVersion": Document(.string(String(version)))]),
                "items": isSelected ? [node] : [],
            ])
        )
    }

    func node(named name: String) async throws(StatusFailure) -> HTTPResponse {
        let node = await service.node()
        guard node["metadata"]?["name"]?.string == name else { throw .notFound("nodes", name) }
        return .json(node)
    }
}
