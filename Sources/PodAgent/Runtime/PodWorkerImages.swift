import PodCore

/// A start that cannot go on before the image has been fetched, or its registry asked.
struct ImageWanted: Error {}

/// The images of a Pod's containers.
extension PodWorker {
    /// Brings the image of a container as its policy asks for, unless it is here already.
    func pullImage(_ name: String, _ number: UInt64) {
        guard let container = pod.spec.container(name) else {
            preconditionFailure("the machine wants the image of \(name), which the spec does not have")
        }
        let keys = node.keys(for: pod)
        pulls[number] = Task {
            let answer = await answer(for: container, keys)
            pulls[number] = nil
            pulling[name] = nil
            guard !Task.isCancelled else { return }
            deliver(.imageAnswered(number: number, answer))
        }
    }

    func cancelPull(_ number: UInt64) { pulls.removeValue(forKey: number)?.cancel() }

    /// The machine's answer, and events for people about what was done for it.
    private func answer(for container: Container, _ keys: PullKeys) async -> ImageAnswer {
        let policy = container.imagePullPolicy ?? .ifNotPresent
        do {
            let present = try await present(container, keys)
            if let present, policy != .always || present.isDirectory {
                record(.normal, "Pulled", Self.isPresent(container.image), container)
                return .here(id: present.configID)
            }
            if policy == .never { return .refused(ImageFailure.neverPull(image: container.image).waiting) }
            return try await pull(container, keys)
        } catch let failure as StartFailure {
            return .refused(failure.waiting)
        } catch {
            return .refused(Waiting("ImageInspectError", "\(error)"))
        }
    }

    private func present(_ container: Container, _ keys: PullKeys) async throws -> NodeImage? {
        let (images, registries, key) = (node.images, node.options.registries, PodKey(pod))
        return try await Worker.attempt {
            try images.image(container.image, for: key, with: keys, registries)
        }
    }

    private func pull(_ container: Container, _ keys: PullKeys) async throws -> ImageAnswer {
        let image = container.image
        let reference: ImageReference
        do throws(ImageReferenceFailure) { reference = try ImageReference(parsing: image) } catch {
            throw StartFailure(waiting: Waiting("InvalidImageName", error.waitingMessage))
        }
        record(.normal, "Pulling", "Pulling image \(image.quoted)", container)
        warnOfMissingSecrets()
        let wish = PullWish(reference: reference, keys: keys, owner: node.pullOwner(of: pod))
        let name = container.name
        let result = await node.puller.pull(wish) { [weak self] state in self?.show(state, of: name) }
        switch result {
        case .success(let pulled):
            record(.normal, "Pulled", pulled.sentence(about: image), container)
            for warning in pulled.image.warnings {
                record(.warning, "ImageIncomplete", "Image \(image.quoted): \(warning)", container)
            }
            return .here(id: pulled.image.id)
        case .failure(let failure):
            return .failed(image: image, message: failure.waitingMessage)
        }
    }

    /// How far it is, in the status of the container that waits for it.
    private func show(_ state: PullState, of name: String) {
        let now = Clock.tick()
        if let last = pulling[name], now - last.at < Self.progressPace,
            last.layers == state.layers.count(where: \.isHere)
        {
            return
        }
        pulling[name] = PullNote(text: state.summary, at: now, layers: state.layers.count(where: \.isHere))
        perform([])
    }

    /// Whoever watches the Pod sees each change.
    private static let progressPace = Duration.seconds(1)

    static func isPresent(_ image: String) -> String {
        "Container image \"\(image)\" already present on machine and can be accessed by the pod"
    }

    /// In the kubelet's words (reference §13.4.4).
    private func warnOfMissingSecrets() {
        let missing = node.pullSecrets.configurations(for: pod).missing
        guard !missing.isEmpty else { return }
        let text =
            "Unable to retrieve some image pull secrets (\(missing.joined(separator: ", "))); "
            + "attempting to pull the image may not succeed."
        node.events.record(PodRecord(.warning, "FailedToRetrieveImagePullSecret", text), about: pod)
    }

    private func record(_ kind: PodRecord.Kind, _ reason: String, _ message: String, _ container: Container) {
        node.events.record(PodRecord(kind, reason, message, container: container.name), about: pod)
    }
}

/// What is shown of a pull.
struct PullNote {
    var text: String
    var at: Tick
    var layers: Int
}

extension PulledImage {
    /// In the kubelet's words (reference §13.3).
    fileprivate func sentence(about image: String) -> String {
        "Successfully pulled image \(image.quoted) in \(took.milliseconds.goText) "
            + "(\(tookWithWaiting.milliseconds.goText) including waiting). Image size: \(self.image.size) bytes."
    }
}

extension Duration {
    /// Without what is less than a millisecond.
    fileprivate var milliseconds: Duration { .milliseconds(wholeNanoseconds / 1_000_000) }
}
