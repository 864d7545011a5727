import PodCore

/// Lists, single objects, creation and deletion.
extension Router {
    func pods(
        _ request: HTTPRequest,
        _ target: RequestTarget,
        in namespace: String?
    ) async throws(StatusFailure) -> HTTPResponse {
        let query = try ListQuery(target, SelectableFields.pods)
        let writer = try ObjectWriter(Resource.pods, request.head, target)
        if query.isWatch {
            try refuseHead(request)
            return watch(query, namespace, writer, try await service.watchPods(since: query.since))
        }
        return try list(query, target, namespace, writer, await service.pods())
    }

    func events(
        _ request: HTTPRequest,
        _ target: RequestTarget,
        in namespace: String?
    ) async throws(StatusFailure) -> HTTPResponse {
        let query = try ListQuery(target, SelectableFields.events)
        let writer = try ObjectWriter(Resource.events, request.head, target)
        if query.isWatch {
            try refuseHead(request)
            return watch(query, namespace, writer, try await service.watchEvents(since: query.since))
        }
        return try list(query, target, namespace, writer, await service.events(namespace: namespace))
    }

    private func list<Object>(
        _ query: ListQuery<Object>,
        _ target: RequestTarget,
        _ namespace: String?,
        _ writer: ObjectWriter<Object>,
        _ snapshot: ListSnapshot<Object>
    ) throws(StatusFailure) -> HTTPResponse {
        try query.check(listAt: snapshot.resourceVersion, match: target["resourceVersionMatch"])
        let objects = snapshot.items.filter { object in
            query.matches(object, metadata: writer.resource.metadata(object), namespace: namespace)
        }
        return .json(writer.list(objects, version: snapshot.resourceVersion))
    }

    private func watch<Object>(
        _ query: ListQuery<Object>,
        _ namespace: String?,
        _ writer: ObjectWriter<Object>,
        _ subscription: WatchSubscription<Object>
    ) -> HTTPResponse {
        let answer = WatchAnswer(
            bookmarkInterval: bookmarkInterval,
            query: query,
            namespace: namespace,
            writer: writer,
            subscription: subscription
        )
        return HTTPResponse(
            status: 200,
            contentType: "application/json",
            body: .stream(isEndless: true) { try await answer.run($0) }
        )
    }

    /// The head of an endless answer has an endless answer's length; nobody needs it.
    private func refuseHead(_ request: HTTPRequest) throws(StatusFailure) {
        guard request.head.method == "HEAD" else { return }
        throw StatusFailure(.methodNotAllowed, "a watch cannot be asked for by HEAD")
    }

    func pod(
        _ request: HTTPRequest,
        _ target: RequestTarget,
        _ namespace: String,
        _ name: String
    ) async throws(StatusFailure) -> HTTPResponse {
        let writer = try ObjectWriter(Resource.pods, request.head, target)
        return .json(writer.object(try await existingPod(namespace, name)))
    }

    func event(
        _ request: HTTPRequest,
        _ target: RequestTarget,
        _ namespace: String,
        _ name: String
    ) async throws(StatusFailure) -> HTTPResponse {
        let writer = try ObjectWriter(Resource.events, request.head, target)
        let events = await service.events(namespace: namespace).items
        guard
            let event = events.first(where: { $0.metadata.name == name && $0.metadata.namespace == namespace }
            )
        else { throw .notFound("events", name) }
        return .json(writer.object(event))
    }

    func existingPod(_ namespace: String, _ name: String) async throws(StatusFailure) -> Pod {
        guard let pod = await service.pod(namespace: namespace, name: name) else {
            throw .notFound("pods", name)
        }
        return pod
    }

    func create(
        _ request: HTTPRequest,
        _ target: RequestTarget,
        in namespace: String
    ) async throws(StatusFailure) -> HTTPResponse {
        try refuseDryRun(target["dryRun"])
        let writer = try ObjectWriter(Resource.pods, request.head, target)
        let document = try document(of: request)
        let kind = document["kind"]?.string ?? ""
        let apiVersion = document["apiVersion"]?.string ?? ""
        guard kind == Pod.kind, apiVersion == Pod.apiVersion else {
            throw .badRequest(
                "the object in the body is of kind \(kind.quoted) and version \(apiVersion.quoted); "
                    + "only a Pod of version \"v1\" can be created here"
            )
        }
        if let stated = document["metadata"]?["namespace"]?.string, !stated.isEmpty, stated != namespace {
            throw .badRequest(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        }
        let pod = try await service.create(document, namespace: namespace)
        return .json(writer.object(pod), status: 201)
    }

    func delete(
        _ request: HTTPRequest,
        _ target: RequestTarget,
        _ namespace: String,
        _ name: String
    ) async throws(StatusFailure) -> HTTPResponse {
        let writer = try ObjectWriter(Resource.pods, request.head, target)
        let options = try DeleteQuery(target, body: request.body.isEmpty ? nil : try document(of: request))
        try refuseDryRun(options.dryRun)
        let pod = try await existingPod(namespace, name)
        try options.check(preconditionsOn: pod)
        let deleted = try await service.delete(
            namespace: namespace,
            name: name,
            gracePeriodSeconds: options.gracePeriodSeconds
        )
        return .json(writer.object(deleted))
    }
}

/// How a Pod is to be deleted: the body's DeleteOptions, or the query where there is no body.
private struct DeleteQuery {
    var gracePeriodSeconds: Int64?
    var dryRun: String?
    private var uid: String?
    private var resourceVersion: String?

    init(_ target: RequestTarget, body: Document?) throws(StatusFailure) {
        gracePeriodSeconds = try target.integer("gracePeriodSeconds")
        dryRun = target["dryRun"]
        if let body {
            let kind = body["kind"]?.string ?? ""
            guard kind.isEmpty || kind == "DeleteOptions" else {
                throw .badRequest("the object in the body is of kind \(kind.quoted) and not DeleteOptions")
            }
            let seconds = body["gracePeriodSeconds"]
            if let seconds, !seconds.isNull {
                guard let number = seconds.integer else {
                    throw .badRequest("gracePeriodSeconds must be an integer, not \(seconds.kindDescription)")
                }
                gracePeriodSeconds = number
            }
            if case .list(let wishes) = body["dryRun"]?.value, let wish = wishes.first {
                dryRun = wish.json()
            }
            uid = body["preconditions"]?["uid"]?.string
            resourceVersion = body["preconditions"]?["resourceVersion"]?.string
        }
        if let seconds = gracePeriodSeconds, seconds < 0 {
            let path = FieldPath("gracePeriodSeconds")
            throw .invalid(
                kind: "DeleteOptions",
                name: "",
                [.invalid(path, seconds, "must be greater than or equal to 0")]
            )
        }
    }

    /// Throws 409 when the Pod is not the one that the client means.
    func check(preconditionsOn pod: Pod) throws(StatusFailure) {
        let metadata = pod.metadata
        if let uid, uid != metadata.uid {
            throw conflict("UID in precondition: \(uid), UID in object meta: \(metadata.uid)", pod)
        }
        if let resourceVersion, resourceVersion != metadata.resourceVersion {
            throw conflict(
                "ResourceVersion in precondition: \(resourceVersion), "
                    + "ResourceVersion in object meta: \(metadata.resourceVersion)",
                pod
            )
        }
    }

    private func conflict(_ text: String, _ pod: Pod) -> StatusFailure {
        StatusFailure(
            .conflict,
            "Operation cannot be fulfilled on pods \(pod.metadata.name.quoted): Precondition failed: \(text)",
            name: pod.metadata.name,
            kind: "pods"
        )
    }
}
