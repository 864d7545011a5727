import PodCore

/// The node's images.
extension Router {
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

    /// `POST /images/pin` and `/images/unpin` with `{"reference": "some/name:tag"}`.
    func setPinned(_ isPinned: Bool, _ request: HTTPRequest) async throws(StatusFailure) -> HTTPResponse {
        guard let reference = try document(of: request)["reference"]?.string, !reference.isEmpty else {
            throw .badRequest("reference must be the name or the ID of an image")
        }
        return .json(try await service.setPinned(isPinned, reference))
    }

    /// `POST /images/prune`, with `{"all": true}` for the images that have names as well.
    func pruneImages(_ request: HTTPRequest) async throws(StatusFailure) -> HTTPResponse {
        var all = false
        if !request.body.isEmpty {
            switch try document(of: request)["all"]?.value {
            case .bool(let value): all = value
            case nil, .null: break
            default: throw .badRequest("all must be true or false")
            }
        }
        return .json(try await service.pruneImages(all: all))
    }
}
