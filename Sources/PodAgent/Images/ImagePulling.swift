import Glibc
import PodCore

/// What is to be pulled, and with what.
struct PullOrder: Sendable {
    let reference: ImageReference
    let configuration: RegistryConfiguration
    let credentials: @Sendable (RegistryEndpoint) -> [OfferedCredential]
    /// Whether what the store has under the name is good enough when the registry still has the same.
    var looksForChangesOnly = true
}

/// Fetching images from registries.
extension ImageStore {
    /// Brings the image that a reference stands for at its registry. Layers that are here are not fetched again.
    ///
    /// - Returns: what there is under the name now; `newLayers` is 0 when everything was here.
    func pull(
        _ order: PullOrder,
        progress: PullProgress,
        cancellation: PullCancellation
    ) throws(ImageFailure) -> LoadedImage {
        let present = order.looksForChangesOnly ? wholeImage(order.reference) : nil
        var skipped = 0
        while true {
            do throws(SourceProblem) {
                let source = try ask(order, skipping: skipped, known: present?.target, progress, cancellation)
                skipped = source.place + 1
                return try pull(order, from: source, present, progress)
            } catch {
                // A mirror need not have all of what it knows of; the registry itself comes last.
                let isLast = skipped >= order.configuration.endpoints(for: order.reference).count
                guard error.isOfRegistry, skipped > 0, !isLast, !cancellation.isCancelled else {
                    throw .pull(image: order.reference.canonical, error)
                }
            }
        }
    }

    private func pull(
        _ order: PullOrder,
        from source: RegistrySource,
        _ present: PresentImage?,
        _ progress: PullProgress
    ) throws(SourceProblem) -> LoadedImage {
        if source.isUnchanged, let present {
            admit(source.accepted, to: order.reference, being: present.loaded.id)
            return present.loaded
        }
        let image = try source.image(named: order.reference.pulledName, for: .host)
        progress.found(image)
        CrashPoint.pullResolved.pass("")
        let loaded = try bring([image], from: source, openedWith: source.accepted, isResumable: true)
        guard let first = loaded.first else { throw .missing("image") }
        return first
    }

    private func ask(
        _ order: PullOrder,
        skipping skipped: Int,
        known: Digest?,
        _ progress: PullProgress,
        _ cancellation: PullCancellation
    ) throws(SourceProblem) -> RegistrySource {
        do throws(RegistryProblem) {
            return try RegistrySource(
                order.reference,
                configuration: order.configuration,
                skipping: skipped,
                known: known,
                progress: progress,
                cancellation: cancellation,
                limits: limits,
                credentials: order.credentials
            )
        } catch {
            throw .registry(error)
        }
    }

    private struct PresentImage {
        let target: Digest
        let loaded: LoadedImage
    }

    /// What the store has under a name, if nothing of it is missing. What is damaged is fetched again.
    private func wholeImage(_ reference: ImageReference) -> PresentImage? {
        guard let record = try? nameRecords(for: reference).first,
            let target = record.target.flatMap({ try? Digest(parsing: $0) }),
            let image = try? resolve(reference.canonical),
            let size = try? records.record(ImageRecord.self, Self.leaf(for: record.image))?.size
        else { return nil }
        let loaded = LoadedImage(
            name: record.name,
            id: image.id,
            imageID: image.imageID,
            size: size,
            layers: 0,
            newLayers: 0,
            warnings: []
        )
        return PresentImage(target: target, loaded: loaded)
    }

    // MARK: Who may use it

    /// Remembers whose credentials have opened the registry, for an image that has not changed there. A name that stands
    /// for another one by now is left alone.
    private func admit(
        _ accepted: OfferedCredential?,
        to reference: ImageReference,
        being id: String
    ) {
        do throws(ImageFailure) {
            try alone { () throws(ImageFailure) in
                for record in try nameRecords(for: reference) where record.image == id {
                    let access = record.access(to: id, openedWith: accepted)
                    guard access != record.access else { continue }
                    var changed = record
                    changed.access = access
                    do throws(SystemFailure) {
                        try names.write(record: changed, Self.leaf(for: record.name))
                    } catch {
                        throw .store(error)
                    }
                }
            }
        } catch {
            // The image is here and may be used. Others just have to show their credentials once more.
            Log.warning("who may use \(reference) cannot be written down: \(error)")
        }
    }
}

extension NameRecord {
    /// Whose credentials a Pod has to show for an image that was opened with these: what a registry gives to anybody, or to
    /// the node, is for every Pod, and stays so.
    func access(to image: String, openedWith accepted: OfferedCredential?) -> [String]? {
        guard let accepted, accepted.isOfPod else { return nil }
        guard image == self.image else { return [accepted.credential.fingerprint] }
        return access.map { Set($0).union([accepted.credential.fingerprint]).sorted() }
    }
}

extension ImageReference {
    /// The name under which a pulled image is kept. A tag beside a digest is a remark: what it stands for may be
    /// another image by now.
    var pulledName: ImageReference { digest == nil ? self : withoutTag }
}

extension RegistryCredential {
    /// Tells credentials apart without telling them.
    var fingerprint: String {
        let text =
            switch self {
            case .password(let user, let password): "password\0\(user)\0\(password)"
            case .identityToken(let token): "identity\0\(token)"
            case .registryToken(let token): "registry\0\(token)"
            }
        return Digest(of: Array(text.utf8)).hex
    }
}

extension SourceProblem {
    /// Whether another place that has the image may do better.
    var isOfRegistry: Bool {
        switch self {
        case .registry, .layer(_, _, .stream): true
        default: false
        }
    }

    /// Whether there was no room.
    var isFullDisk: Bool {
        switch self {
        case .system(let failure), .layer(_, _, .system(let failure)):
            failure.errno == ENOSPC || failure.errno == EDQUOT
        default: false
        }
    }
}
