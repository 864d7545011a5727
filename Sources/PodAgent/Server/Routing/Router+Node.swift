import PodCore

/// The node, its images and its manifests.
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

    /// `POST /images/load` with `{"path": "/some/archive.tar", "name": "optional/name:tag"}`.
    func loadImage(_ request: HTTPRequest) async throws(StatusFailure) -> HTTPResponse {
        let body = try document(of: request)
        guard let path = body["path"]?.string, path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw .badRequest("path must be the absolute path of an image archive or layout on the node")
        }
        let name = body["name"]
        guard name?.string != nil || name?.isNull ?? true else { throw .badRequest("name must be a string") }
        let loaded = try await service.loadImage(path: path, name: name?.string)
        return .json(loaded, status: 201)
    }

    /// `DELETE /images?reference=…`.
    func removeImage(_ target: RequestTarget) async throws(StatusFailure) -> HTTPResponse {
        guard let reference = target["reference"], !reference.isEmpty else {
            throw .badRequest("say which image by ?reference=")
        }
        try await service.removeImage(reference)
        var status = Status()
        status.status = "Success"
        status.code = 200
        return .json(status.document)
    }
}
