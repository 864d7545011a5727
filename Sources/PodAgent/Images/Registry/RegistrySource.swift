import Dispatch
import PodCore
import Synchronization

/// Credentials that a registry may be shown, and whose they are.
struct OfferedCredential: Sendable {
    let credential: RegistryCredential
    /// Of the Pod that the image is for, so that other Pods have to show theirs.
    let isOfPod: Bool
}

/// An image's repository at the registry, or the mirror, that has answered for it.
final class RegistrySource: LayerSource {
    /// Layers of one image that come at the same time.
    private static let connections = 3
    private static let manifestTypes =
        [
            "application/vnd.oci.image.index.v1+json",
            "application/vnd.docker.distribution.manifest.list.v2+json",
        ]
        + [
            "application/vnd.oci.image.manifest.v1+json",
            "application/vnd.docker.distribution.manifest.v2+json",
        ]

    private let session: RegistrySession
    private let fetcher: HTTPFetcher
    private let cancellation: PullCancellation
    private let progress: PullProgress
    private let limits: ImageLimits
    /// What let the request in; nil when nothing was shown.
    let accepted: OfferedCredential?
    /// What the reference stands for there.
    let target: ContentDescriptor
    /// The document itself, unless the registry was only asked for its digest.
    private let document: [UInt8]?

    /// Asks the places that may have the repository, one after another, with each of the credentials for it and then
    /// with none, until one knows the reference.
    ///
    /// - Parameters:
    ///   - known: The digest that the store has for the reference. If it is still that, nothing more is fetched.
    init(
        _ reference: ImageReference,
        configuration: RegistryConfiguration,
        skipping skipped: Int = 0,
        known: Digest?,
        progress: PullProgress,
        cancellation: PullCancellation,
        limits: ImageLimits,
        credentials: (RegistryEndpoint) -> [OfferedCredential]
    ) throws(RegistryProblem) {
        let fetcher = HTTPFetcher(cancellation)
        (self.fetcher, self.cancellation, self.progress, self.limits) = (
            fetcher, cancellation, progress, limits
        )
        var failure: RegistryProblem?
        for (index, endpoint) in configuration.endpoints(for: reference).enumerated().dropFirst(skipped) {
            // What the registry itself says counts more than what its mirrors do.
            failure = nil
            for offered in credentials(endpoint).map(Optional.init) + [nil] {
                do throws(RegistryProblem) {
                    let session = try RegistrySession(endpoint, offered?.credential, configuration)
                    let found = try Self.resolve(reference, known, session, fetcher, limits)
                    (target, document) = found
                    (self.session, accepted) = (session, session.hasShownCredential ? offered : nil)
                    place = index
                    return
                } catch {
                    if error == .cancelled { throw error }
                    // If nobody is let in, the first to be turned away says why.
                    failure = failure ?? error
                    if !error.concernsCredentials { break }
                }
            }
        }
        throw failure ?? .malformed(url: reference.repository, reason: "there is no place to ask")
    }

    /// How many places of the repository come before the one that has answered.
    private(set) var place = 0

    private static func resolve(
        _ reference: ImageReference,
        _ known: Digest?,
        _ session: RegistrySession,
        _ fetcher: HTTPFetcher,
        _ limits: ImageLimits
    ) throws(RegistryProblem) -> (ContentDescriptor, [UInt8]?) {
        let wanted = reference.digest?.description ?? reference.tag ?? ImageReference.defaultTag
        let path = "manifests/\(wanted)"
        if let known, let same = try unchanged(known, path, session, fetcher) { return (same, nil) }
        let answer = try session.get(path, accept: manifestTypes, on: fetcher)
        let bytes = try answer.body(limit: limits.documentBytes)
        let digest = Digest(of: bytes, reference.digest?.algorithm ?? .sha256)
        if let asked = reference.digest, asked != digest {
            throw .malformed(url: answer.url, reason: "the answer has the digest \(digest)")
        }
        // What a registry says of the digest need not be believed, but a contradiction means that something is broken.
        if let said = answer.headers["docker-content-digest"].flatMap({ try? Digest(parsing: $0) }),
            said.algorithm == digest.algorithm, said != digest
        {
            throw .malformed(url: answer.url, reason: "the answer has the digest \(digest) and says \(said)")
        }
        return (try descriptor(answer, digest, Int64(bytes.count)), bytes)
    }

    /// Whether the registry still has for the reference what the store has.
    private static func unchanged(
        _ known: Digest,
        _ path: String,
        _ session: RegistrySession,
        _ fetcher: HTTPFetcher
    ) throws(RegistryProblem) -> ContentDescriptor? {
        let answer: HTTPFetchAnswer
        do throws(RegistryProblem) {
            answer = try session.get(path, method: "HEAD", accept: manifestTypes, on: fetcher)
            _ = try answer.body(limit: 1)
        } catch  where error.isMethodRefused {
            return nil
        }
        guard answer.headers["docker-content-digest"] == known.description else { return nil }
        return try descriptor(answer, known, 0)
    }

    private static func descriptor(
        _ answer: HTTPFetchAnswer,
        _ digest: Digest,
        _ size: Int64
    ) throws(RegistryProblem) -> ContentDescriptor {
        let type = (answer.headers["content-type"] ?? "").prefix { $0 != ";" }
        do {
            // A registry that serves files knows no media types; the document then says what it is.
            let known = manifestTypes.contains(String(type)) ? String(type) : ""
            return try ContentDescriptor(mediaType: known, digest: "\(digest)", size: size)
        } catch {
            throw .malformed(url: answer.url, reason: "\(error)")
        }
    }

    /// Whether the reference still stands for what the store has.
    var isUnchanged: Bool { document == nil }

    /// The image for this machine, with the name under which it is kept.
    func image(named name: ImageReference, for host: Platform) throws(SourceProblem) -> ListedImage {
        let descent = ImageDescent(host: host, limits: limits) {
            [self] (descriptor, kind) throws(SourceProblem) in
            if descriptor.digest == target.digest, let document { return document }
            return try fetch(descriptor, kind)
        }
        let image = try descent.image(at: target, names: [name])
        let blobs = image.layers.compactMap(\.blob)
        if let foreign = blobs.first(where: { ImageMediaType.isForeignLayer($0.mediaType) }) {
            throw .foreignLayer(foreign.digest)
        }
        return image
    }

    private func fetch(
        _ descriptor: ContentDescriptor,
        _ kind: ImageDescent.Kind
    ) throws(SourceProblem) -> [UInt8] {
        do throws(RegistryProblem) {
            switch kind {
            case .manifest:
                let path = "manifests/\(descriptor.digest)"
                return try session.get(path, accept: Self.manifestTypes, on: fetcher)
                    .body(limit: limits.documentBytes)
            case .config:
                return try session.get("blobs/\(descriptor.digest)", on: fetcher)
                    .body(limit: limits.documentBytes)
            }
        } catch {
            throw .registry(error)
        }
    }

    // MARK: Layers

    func isHere(_ layer: ListedLayer) { progress.isHere(layer) }

    private struct Work {
        var rest: ArraySlice<ListedLayer>
        var failure: SourceProblem?
    }

    func stream(
        _ layers: [ListedLayer],
        _ body: @escaping LayerReceiver
    ) throws(SourceProblem) {
        let work = Mutex(Work(rest: layers[...]))
        let group = DispatchGroup()
        let (session, progress) = (session, progress)
        // One failed layer is a failed image: the others need not come.
        let cancellation = PullCancellation(within: cancellation)
        @Sendable func run() {
            let fetcher = HTTPFetcher(cancellation)
            while let layer = work.withLock({ $0.failure == nil ? $0.rest.popFirst() : nil }) {
                do throws(SourceProblem) {
                    try body(layer, cancellation) { () throws(SourceProblem) in
                        BlobStream(try layer.described(), session, fetcher) {
                            progress.received($0, of: layer)
                        }
                    }
                    progress.isHere(layer)
                } catch {
                    // What was stopped has failed for no reason of its own.
                    let failure: SourceProblem = cancellation.isCancelled ? .registry(.cancelled) : error
                    let isFirst = work.withLock { work in
                        defer { work.failure = work.failure ?? failure }
                        return work.failure == nil
                    }
                    if isFirst { cancellation.cancel() }
                }
            }
        }
        for _ in 1..<min(Self.connections, layers.count) {
            group.enter()
            do throws(SystemFailure) {
                try OwnThread.start {
                    run()
                    group.leave()
                }
            } catch {
                // The layers come one by one then.
                group.leave()
            }
        }
        run()
        group.wait()
        if let failure = work.withLock({ $0.failure }) { throw failure }
    }
}

extension ListedLayer {
    /// What the manifest says of the layer's bytes. Each layer of a registry has that.
    fileprivate func described() throws(SourceProblem) -> ContentDescriptor {
        guard let blob else { throw .missing("descriptor of \(file)") }
        return blob
    }
}

extension RegistryProblem {
    /// A server that knows no `HEAD`, or not for this.
    fileprivate var isMethodRefused: Bool {
        if case .status(let code, _, _) = self { return code == 405 || code == 501 }
        return false
    }
}
