import FoundationEssentials
import PodCore
import Synchronization

/// Talks to one registry about one repository, with one set of credentials or none. Several threads share it, each with a
/// fetcher of its own.
///
/// Credentials and tokens are shown to the registry's own origin and to its token server, and to nobody that a redirect
/// leads to. (GHSA-742w-89gc-8m9c.)
final class RegistrySession: Sendable {
    private static let redirectsMax = 5
    private static let errorBytesMax = 64 << 10

    let endpoint: RegistryEndpoint
    private let credential: RegistryCredential?
    private let configuration: RegistryConfiguration
    private let origin: WebOrigin
    /// What is sent in `Authorization`, and until when it is good.
    private let authorization = Mutex<(header: String, until: Tick)?>(nil)
    private let hasShown = Mutex(false)
    /// Whether the credentials were needed: a registry that is open has not been asked for any.
    var hasShownCredential: Bool { hasShown.withLock { $0 } }

    init(
        _ endpoint: RegistryEndpoint,
        _ credential: RegistryCredential?,
        _ configuration: RegistryConfiguration
    ) throws(RegistryProblem) {
        guard let origin = WebOrigin(of: endpoint.origin) else {
            throw .malformed(url: endpoint.origin, reason: "this is not the name of a registry")
        }
        (self.endpoint, self.credential, self.configuration) = (endpoint, credential, configuration)
        self.origin = origin
        if case .registryToken(let token) = credential {
            authorization.withLock { $0 = ("Bearer \(token)", Tick(nanoseconds: .max)) }
            hasShown.withLock { $0 = true }
        }
    }

    /// Asks for something of the repository: `manifests/latest`, `blobs/sha256:…`.
    ///
    /// - Returns: an answer with a status of success, whose body is still to come.
    func get(
        _ path: String,
        method: String = "GET",
        accept: [String] = [],
        from offset: Int64 = 0,
        on fetcher: HTTPFetcher
    ) throws(RegistryProblem) -> HTTPFetchAnswer {
        var request = HTTPFetchRequest(method: method, url: "\(endpoint.base)/\(path)")
        if !accept.isEmpty { request.headers.append(("Accept", accept.joined(separator: ", "))) }
        if offset > 0 { request.headers.append(("Range", "bytes=\(offset)-")) }
        let shownBefore = currentAuthorization
        var answer = try send(request, shownBefore, on: fetcher)
        if answer.status == 401, isOwn(answer) {
            let header = try authorize(answer, notBeing: shownBefore, on: fetcher)
            if let header { answer = try send(request, header, on: fetcher) }
        }
        guard (200..<300).contains(answer.status) else { throw try problem(of: answer) }
        return answer
    }

    private var currentAuthorization: String? {
        authorization.withLock { known in
            guard let known, known.until > Clock.tick() else { return nil }
            return known.header
        }
    }

    private func isOwn(_ answer: HTTPFetchAnswer) -> Bool { WebOrigin(of: answer.url) == origin }

    // MARK: Redirects

    /// Sends a request and follows where it is sent on to.
    private func send(
        _ request: HTTPFetchRequest,
        _ authorization: String?,
        on fetcher: HTTPFetcher
    ) throws(RegistryProblem) -> HTTPFetchAnswer {
        var request = request
        for _ in 0...Self.redirectsMax {
            guard let place = WebOrigin(of: request.url) else {
                throw .redirect(url: endpoint.base, reason: "is sent on to something that is no HTTP URL")
            }
            var outgoing = request
            (outgoing.host, outgoing.isLoopback) = settings(of: place)
            if let authorization, place == origin {
                outgoing.headers.append(("Authorization", authorization))
            }
            let answer = try fetcher.send(outgoing)
            guard [301, 302, 303, 307, 308].contains(answer.status) else { return answer }
            _ = try answer.body(limit: Self.errorBytesMax)
            guard let next = answer.redirectURL, let target = WebOrigin(of: next) else {
                throw .redirect(url: answer.url, reason: "is sent on to something that is no HTTP URL")
            }
            if place.scheme == "https", target.scheme == "http" {
                throw .redirect(
                    url: answer.url,
                    reason: "is sent on to \(target.host) without TLS, which is refused"
                )
            }
            request.url = next
        }
        throw .redirect(url: endpoint.base, reason: "is sent on more than \(Self.redirectsMax) times")
    }

    private func settings(of place: WebOrigin) -> (RegistryConfiguration.Host, Bool) {
        if place == origin { return (endpoint.settings, RegistryEndpoint.isLoopback(place.host)) }
        let host = configuration.hosts[place.host] ?? configuration.hosts["\(place.host):\(place.port)"]
        return (host ?? RegistryConfiguration.Host(), RegistryEndpoint.isLoopback(place.host))
    }

    // MARK: Getting in

    /// What to show after a 401; nil when there is nothing more to show.
    private func authorize(
        _ answer: HTTPFetchAnswer,
        notBeing shown: String?,
        on fetcher: HTTPFetcher
    ) throws(RegistryProblem) -> String? {
        let challenges = AuthChallenge.parse(answer.headers["www-authenticate"] ?? "")
        let failure = try problem(of: answer)
        // Another thread may have been here first.
        if let current = currentAuthorization, current != shown { return current }
        if case .registryToken = credential { throw failure }
        if let bearer = challenges.first(where: { $0.scheme == "bearer" }) {
            return try token(bearer, on: fetcher)
        }
        guard challenges.contains(where: { $0.scheme == "basic" }),
            case .password(let user, let password) = credential
        else { throw failure }
        let header = Self.basic(user, password)
        guard header != shown else { throw failure }
        authorization.withLock { $0 = (header, Tick(nanoseconds: .max)) }
        hasShown.withLock { $0 = true }
        return header
    }

    private static func basic(_ user: String, _ password: String) -> String {
        "Basic \(Data("\(user):\(password)".utf8).base64EncodedString())"
    }

    /// Fetches a token. (The distribution project's token authentication, and its OAuth2 form for identity tokens.)
    private func token(_ challenge: AuthChallenge, on fetcher: HTTPFetcher) throws(RegistryProblem) -> String
    {
        guard let realm = challenge.parameters["realm"], let server = WebOrigin(of: realm) else {
            throw .malformed(url: endpoint.base, reason: "names a token server that is no HTTP URL")
        }
        if origin.scheme == "https", server.scheme != "https" {
            throw .redirect(url: endpoint.base, reason: "names a token server without TLS, which is refused")
        }
        let isTrusted = server.isTrusted(by: origin, tokenHosts: endpoint.settings.tokenHosts)
        if credential != nil, !isTrusted {
            throw .strangeTokenServer(server.host, registry: endpoint.host)
        }
        var fields = [("scope", challenge.parameters["scope"] ?? "repository:\(endpoint.repository):pull")]
        if let service = challenge.parameters["service"] { fields.insert(("service", service), at: 0) }
        if credential != nil { hasShown.withLock { $0 = true } }
        var request = HTTPFetchRequest(url: realm)
        (request.host, request.isLoopback) = settings(of: server)
        switch credential {
        case .identityToken(let refresh):
            fields += [
                ("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", "podagent"),
            ]
            request.method = "POST"
            request.form = Array(Self.encoded(fields).utf8)
        case .password(let user, let password):
            request.headers.append(("Authorization", Self.basic(user, password)))
            request.url += (realm.contains("?") ? "&" : "?") + Self.encoded(fields)
        case .registryToken, nil:
            request.url += (realm.contains("?") ? "&" : "?") + Self.encoded(fields)
        }
        return try ask(server, request, on: fetcher)
    }

    private func ask(
        _ server: WebOrigin,
        _ request: HTTPFetchRequest,
        on fetcher: HTTPFetcher
    ) throws(RegistryProblem) -> String {
        let answer = try fetcher.send(request)
        let body = try answer.body(limit: 1 << 20)
        guard answer.status == 200 else {
            let words = RegistryAnswer.errors(in: body).map { ": \($0)" } ?? ""
            throw .noToken(server: server.host, reason: "it answers \(answer.status)\(words)")
        }
        guard let (token, seconds) = RegistryAnswer.token(in: body) else {
            throw .noToken(server: server.host, reason: "its answer has none in it")
        }
        let header = "Bearer \(token)"
        // A little earlier than it ends, since requests take their time.
        let until = Clock.tick() + .seconds(min(seconds, 86_400) * 9 / 10)
        authorization.withLock { $0 = (header, until) }
        return header
    }

    private static func encoded(_ fields: [(String, String)]) -> String {
        fields.map { "\($0.percentEncoded)=\($1.percentEncoded)" }.joined(separator: "&")
    }

    /// What an answer that is no success means.
    private func problem(of answer: HTTPFetchAnswer) throws(RegistryProblem) -> RegistryProblem {
        // What cannot be read in full has nothing to say.
        let words = (try? answer.body(limit: Self.errorBytesMax)).flatMap(RegistryAnswer.errors)
        if answer.status == 401 || answer.status == 403, isOwn(answer) {
            return .denied(url: answer.url, shown: credential?.description, detail: words)
        }
        return .status(answer.status, url: answer.url, detail: words)
    }
}
