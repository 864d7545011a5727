import PodCore

/// Reads manifests and other bodies: bytes and their media type in, documents out. 400 for what does not parse, 415 for a
/// type that it does not know.
typealias BodyParser =
    @Sendable (_ bytes: [UInt8], _ contentType: String) -> Result<[Document], StatusFailure>

/// Finds out what a request wants and has it done.
struct Router: Sendable {
    let service: any NodeService
    let parse: BodyParser
    let version: ServerVersion
    let limits: HTTPLimits
    /// Wakes those who follow logs.
    let watcher: DirectoryWatcher
    /// For tests; see ``WatchAnswer``.
    var bookmarkInterval = Duration.seconds(60)

    /// Answers any request; failures are answers too.
    func answer(_ request: HTTPRequest) async -> HTTPResponse {
        do throws(StatusFailure) {
            let target = try RequestTarget(request.head.target)
            guard let route = Route(path: target.path) else {
                throw StatusFailure(.notFound, "the server could not find the requested resource")
            }
            guard route.methods.contains(request.head.method) else {
                return methodNotAllowed(request.head.method, on: route)
            }
            return try await answer(request, target, route)
        } catch {
            return .failure(error)
        }
    }

    private func answer(
        _ request: HTTPRequest,
        _ target: RequestTarget,
        _ route: Route
    ) async throws(StatusFailure) -> HTTPResponse {
        switch route {
        case .apiVersions: return .json(Discovery.versions)
        case .apiGroups: return .json(Discovery.groups)
        case .apiResources: return .json(Discovery.resources)
        case .version: return .json(version.document)
        case .health: return await health(target)
        case .pods(let namespace?) where request.head.method == "POST":
            return try await create(request, target, in: namespace)
        case .pods(let namespace): return try await pods(request, target, in: namespace)
        case .pod(let namespace, let name):
            if request.head.method == "DELETE" {
                return try await delete(request, target, namespace, name)
            }
            return try await pod(request, target, namespace, name)
        case .podLog(let namespace, let name): return try await log(target, namespace, name)
        case .podExec(let namespace, let name): return try await exec(request, target, namespace, name)
        case .events(let namespace): return try await events(request, target, in: namespace)
        case .event(let namespace, let name): return try await event(request, target, namespace, name)
        case .nodes: return try await nodes(request, target)
        case .node(let name): return try await node(named: name)
        case .images where request.head.method == "DELETE": return try await removeImage(target)
        case .images: return .json(try await service.images())
        case .imageLoad: return try await loadImage(request)
        case .imagePull: return try pullImage(target)
        case .imagePin: return try await setPinned(true, request)
        case .imageUnpin: return try await setPinned(false, request)
        case .imagePrune: return try await pruneImages(request)
        case .manifests: return .json(await service.ignoredManifests())
        case .shutdown: return .json(await service.shutDown())
        }
    }

    private func methodNotAllowed(_ method: String, on route: Route) -> HTTPResponse {
        let allowed = route.methods.joined(separator: ", ")
        var response = HTTPResponse.failure(
            StatusFailure(.methodNotAllowed, "the server does not allow \(method) here, only \(allowed)")
        )
        response.headers.append("allow", allowed)
        return response
    }

    private func health(_ target: RequestTarget) async -> HTTPResponse {
        let problem = await service.healthProblem()
        let isVerbose = target["verbose"] != nil
        if let problem { return .text("[-]node failed: \(problem)\nhealthz check failed\n", status: 500) }
        return .text(isVerbose ? "[+]ping ok\n[+]node ok\nhealthz check passed\n" : "ok")
    }
}

extension Router {
    /// The one document of a request's body.
    func document(of request: HTTPRequest) throws(StatusFailure) -> Document {
        guard !request.body.isEmpty else { throw .badRequest("the request has no body") }
        let documents = try parse(request.body, request.head.contentType.name).get()
        guard documents.count == 1, let document = documents.first else {
            throw .badRequest("the body holds \(documents.count) documents; send one")
        }
        guard case .map = document.value else { throw .badRequest("the body is no object") }
        return document
    }

    /// Refuses a wish that would otherwise be granted for real.
    func refuseDryRun(_ value: String?) throws(StatusFailure) {
        guard let value, !value.isEmpty else { return }
        throw .badRequest("dryRun is not supported here, and nothing has been changed")
    }
}
