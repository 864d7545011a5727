import PodCore

/// What a client that pulls is told.
enum PullUpdate: Sendable {
    case progress(PullState)
    case done(Document)
    case failed(StatusFailure)

    /// One line of the answer: `{"progress": …}`, at last `{"image": …}` or `{"error": …}`.
    var document: Document {
        switch self {
        case .progress(let state):
            let layers = state.layers.map { layer in
                Document.map([
                    "digest": Document(.string("\(layer.digest)")), "size": Document(.integer(layer.size)),
                    "received": Document(.integer(layer.received)), "done": Document(.bool(layer.isHere)),
                ])
            }
            return .map([
                "progress": .map([
                    "summary": Document(.string(state.summary)), "layers": Document(.list(layers)),
                ])
            ])
        case .done(let image): return .map(["image": image])
        case .failed(let failure): return .map(["error": failure.status.document])
        }
    }
}

/// Pulling for clients.
extension Router {
    /// `POST /images/pull?reference=…`: one JSON object a line while it goes on. The pull ends when the client goes, unless
    /// a Pod waits for it too.
    func pullImage(_ target: RequestTarget) throws(StatusFailure) -> HTTPResponse {
        guard let text = target["reference"], !text.isEmpty else {
            throw .badRequest("say which image by ?reference=")
        }
        let reference: ImageReference
        do throws(ImageReferenceFailure) { reference = try ImageReference(parsing: text) } catch {
            throw .badRequest("\(error)")
        }
        let service = service
        return HTTPResponse(
            status: 200,
            contentType: "application/json",
            body: .stream(isEndless: true) { body in
                for await update in service.pullImage(reference) {
                    try await body.write(Array(update.document.json().utf8) + [0x0A])
                }
            }
        )
    }
}
