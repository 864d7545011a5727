import PodCore

/// The node as the API server sees it.
struct NodeAPI: NodeService {
    let node: Node

    func healthProblem() async -> String? {
        // The answer has gone through the node's queue: if that is stuck, so is this, and the caller's patience says so.
        await node.healthProblem
    }

    func pods() async -> ListSnapshot<Pod> { node.podCache.list() }

    func pod(namespace: String, name: String) async -> Pod? { await find(namespace, name)?.shownWithVersion }

    private func find(_ namespace: String, _ name: String) async -> PodWorker? {
        await node.worker(namespace: namespace, name: name)
    }

    func create(_ document: Document, namespace: String) async throws(StatusFailure) -> Pod {
        let result = node.admission.admit(document, source: .api, seenAt: Clock.wall())
        guard var pod = result.pod else {
            let causes = result.problems.map {
                StatusCause(reason: "Invalid", message: $0.message, field: $0.path.description)
            }
            let text = result.problems.map(\.text).joined(separator: ", ")
            let message =
                "Pod \"\(result.name)\" is invalid: \(result.problems.count == 1 ? text : "[\(text)]")"
            throw StatusFailure(.invalid, message, name: result.name, kind: "Pod", causes: causes)
        }
        if document["metadata"]?["namespace"] == nil { pod.metadata.namespace = namespace }
        let worker = try await node.create(pod)
        do {
            try await worker.saved()
        } catch {
            await node.handle(.deleted(PodKey(worker.pod), grace: .zero))
            throw .internalError("the Pod cannot be saved: \(error)")
        }
        return await worker.shownWithVersion
    }

    func delete(
        namespace: String,
        name: String,
        gracePeriodSeconds: Int64?
    ) async throws(StatusFailure) -> Pod {
        guard let worker = await find(namespace, name) else { throw .notFound("pods", name) }
        await node.handle(.deleted(PodKey(worker.pod), grace: gracePeriodSeconds.map { .seconds($0) }))
        // Once promised, it is carried out even if podagent dies now. Without a record it still is while podagent lives.
        try? await worker.saved()
        return await worker.shownWithVersion
    }

    func events(namespace: String?) async -> ListSnapshot<Event> {
        // In the order in which they happened, because people read them.
        var snapshot = await node.context.events.list()
        if let namespace { snapshot.items.removeAll { $0.metadata.namespace != namespace } }
        return snapshot
    }

    func watchPods(since: UInt64?) async throws(StatusFailure) -> WatchSubscription<Pod> {
        try node.podCache.watch(since: since)
    }

    func watchEvents(since: UInt64?) async throws(StatusFailure) -> WatchSubscription<Event> {
        try node.context.events.cache.watch(since: since)
    }

    func logSource(namespace: String, pod: String, target: LogTarget) async throws(StatusFailure) -> LogSource
    {
        guard let worker = await find(namespace, pod) else { throw .notFound("pods", pod) }
        return try await node.logSource(worker, target)
    }

    func exec(namespace: String, pod: String, request: ExecRequest) async throws(StatusFailure) -> ExecSession
    {
        guard let worker = await find(namespace, pod) else { throw .notFound("pods", pod) }
        return try await node.exec(worker, request)
    }

    func node() async -> Document {
        await NodeStatusDocument(
            context: node.context,
            isShuttingDown: node.machine.isShuttingDown,
            images: node.images.shown
        ).document
    }

    func shutDown() async -> Document {
        let remaining = await node.shutDown()
        let names = remaining.map { Document(.string($0.description)) }
        return .map(["remaining": Document(.list(names))])
    }

    func ignoredManifests() async -> Document { await node.manifests }
}

extension Node {
    /// Nil: nothing that this version looks after can be stuck without the queue being stuck.
    var healthProblem: String? { nil }

    /// Takes a Pod over the socket. It is remembered across restarts until it is deleted.
    func create(_ pod: Pod) throws(StatusFailure) -> PodWorker {
        if machine.isShuttingDown {
            throw StatusFailure(
                .serviceUnavailable,
                "the node is shutting down, and starts no Pods",
                name: pod.metadata.name
            )
        }
        if worker(namespace: pod.metadata.namespace, name: pod.metadata.name) != nil
            || machine.has(PodKey(pod))
        {
            throw .alreadyExists("pods", pod.metadata.name)
        }
        if let obstacle = machine.obstacle(to: pod) {
            let message =
                "Pod \(obstacle) has a port of the node that this one wants, and is ending: try again when it is gone"
            throw StatusFailure(.conflict, message, name: pod.metadata.name)
        }
        handle(.applied(pod))
        guard let worker = worker(namespace: pod.metadata.namespace, name: pod.metadata.name) else {
            preconditionFailure("a Pod that is run has a worker")
        }
        return worker
    }
}

extension PodWorker {
    /// The Pod with the version under which watchers know it.
    var shownWithVersion: Pod { published.map { shown.withVersion(of: $0) } ?? shown }
}

extension Pod {
    fileprivate func withVersion(of other: Pod) -> Pod {
        var pod = self
        pod.metadata.resourceVersion = other.metadata.resourceVersion
        return pod
    }
}
