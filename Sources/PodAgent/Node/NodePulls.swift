import PodCore

/// Pulls that clients ask for.
extension NodeAPI {
    func pullImage(_ reference: ImageReference) -> AsyncStream<PullUpdate> {
        // Of progress only the newest counts; what comes last is always kept.
        let (updates, continuation) = AsyncStream.makeStream(
            of: PullUpdate.self,
            bufferingPolicy: .bufferingNewest(4)
        )
        let task = Task { @NodeActor in
            let wish = PullWish(reference: reference, keys: node.context.keys)
            let result = await node.context.puller.pull(wish) { continuation.yield(.progress($0)) }
            switch result {
            case .success(let pulled): continuation.yield(.done(ImageDocuments.loaded(pulled.image)))
            case .failure(let failure):
                continuation.yield(.failed(StatusFailure(.internalError, "\(failure)")))
            }
            continuation.finish()
        }
        continuation.onTermination = { _ in task.cancel() }
        return updates
    }
}
