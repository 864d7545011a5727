import PodCore

/// The node's images as the API server sees them.
extension NodeAPI {
    func loadImage(path: String, name: String?) async throws(StatusFailure) -> Document {
        let loaded = try await changing("") { store throws(ImageFailure) in
            try store.load(path: path, name: name)
        }
        await node.imagesChanged()
        return ImageDocuments.loaded(loaded)
    }

    func images() async throws(StatusFailure) -> Document {
        try await changing("") { store throws(ImageFailure) in
            ImageDocuments.list(try store.list(), users: try store.users())
        }
    }

    func removeImage(_ reference: String) async throws(StatusFailure) {
        _ = try await changing(reference) { store throws(ImageFailure) in try store.remove(reference) }
        await node.images.refresh()
    }

    func setPinned(_ isPinned: Bool, _ reference: String) async throws(StatusFailure) -> Document {
        let names = try await changing(reference) { store throws(ImageFailure) in
            try store.setPinned(isPinned, reference)
        }
        await node.images.refresh()
        return .map(["names": Document(.list(names.map { Document(.string($0)) }))])
    }

    func pruneImages(all: Bool) async throws(StatusFailure) -> Document {
        guard await node.images.knowsNeeds else {
            throw StatusFailure(
                .serviceUnavailable,
                "the manifests have not been read yet, and may name any image: try again in a while"
            )
        }
        let pruned = try await changing("") { store throws(ImageFailure) in try store.prune(all: all) }
        await node.images.refresh()
        return ImageDocuments.pruned(pruned)
    }

    /// Does something with the store on a worker.
    private func changing<Result: Sendable>(
        _ reference: String,
        _ body: @escaping @Sendable (ImageStore) throws(ImageFailure) -> Result
    ) async throws(StatusFailure) -> Result {
        let store = node.imageStore
        let outcome = await Worker.run { () -> Swift.Result<Result, ImageFailure> in
            do throws(ImageFailure) { return .success(try body(store)) } catch { return .failure(error) }
        }
        switch outcome {
        case .success(let result): return result
        case .failure(.unknown): throw .notFound("images", reference)
        case .failure(let failure):
            switch failure {
            case .inUse, .pinned, .nameless: throw StatusFailure(.conflict, "\(failure)", name: reference)
            case .store: throw .internalError("\(failure)")
            default: throw .badRequest(failure.description)
            }
        }
    }
}

/// Images as the socket shows them.
enum ImageDocuments {
    /// - Parameter users: who needs which image, by the image's ID.
    static func list(_ images: [StoredImage], users: [String: Set<ImageUses.User>] = [:]) -> Document {
        .map(["items": Document(.list(images.map { image($0, users[$0.id] ?? []) }))])
    }

    private static func image(_ image: StoredImage, _ users: Set<ImageUses.User>) -> Document {
        var (pods, manifests): ([String], [String]) = ([], [])
        for user in users {
            switch user {
            case .pod(let key): pods.append(key.description)
            case .manifest(let path): manifests.append(path)
            }
        }
        return .map([
            "id": Document(.string(image.id)),
            "names": strings(image.names),
            "digests": strings(image.digests),
            "size": Document(.integer(image.size)),
            "layers": Document(.integer(Int64(image.layers.count))),
            "created": time(image.created),
            "loaded": time(image.loaded),
            "lastUsed": time(image.lastUsed),
            "pinned": Document(.bool(image.isPinned)),
            "pinnedNames": strings(image.pinnedNames),
            "preloadedFrom": strings(image.archives),
            "usedBy": strings(pods.sorted()),
            "namedBy": strings(manifests.sorted()),
        ])
    }

    static func loaded(_ images: [LoadedImage]) -> Document {
        .map(["items": Document(.list(images.map(loaded)))])
    }

    static func loaded(_ image: LoadedImage) -> Document {
        .map([
            "name": Document(.string(image.name)),
            "id": Document(.string(image.id)),
            "imageID": Document(.string(image.imageID)),
            "size": Document(.integer(image.size)),
            "layers": Document(.integer(Int64(image.layers))),
            "newLayers": Document(.integer(Int64(image.newLayers))),
            "warnings": strings(image.warnings),
        ])
    }

    static func pruned(_ pruned: ImageStore.Pruned) -> Document {
        let items = pruned.images.map { image in
            Document.map(["id": Document(.string(image.id)), "names": strings(image.names)])
        }
        return .map([
            "items": Document(.list(items)), "freedBytes": Document(.integer(pruned.freedBytes)),
        ])
    }

    private static func time(_ time: Timestamp?) -> Document {
        time.map { Document(.string($0.rfc3339)) } ?? Document(.null)
    }

    private static func strings(_ texts: [String]) -> Document {
        Document(.list(texts.map { Document(.string($0)) }))
    }
}
