/// What the machine knows of the image that a container waits for.
public struct ImagePull: Hashable, Sendable, Codable {
    /// How it stands.
    public enum State: Hashable, Sendable, Codable {
        /// A start has found that it has to be seen to.
        case wanted
        /// Somebody sees to it, under this number.
        case underWay(UInt64)
        /// It is on the node, and this is its identity: the next start uses just that, even if the name stands for another
        /// one by then.
        case here(id: String)
        /// It could not be had, and is not tried again before this.
        case failed(retryAt: Tick)
    }

    /// How it stands.
    public internal(set) var state: State
    /// After a failed pull: since when the container is said to be held back, and with which words.
    var backOff: BackOff?

    struct BackOff: Hashable, Sendable, Codable {
        var image: String
        var error: String
        var shownAt: Tick
        var isShown = false

        var waiting: Waiting {
            Waiting("ImagePullBackOff", "\(sentence): ErrImagePull: \(error)")
        }

        var sentence: String { "Back-off pulling image \(image.quoted)" }
    }
}

/// What became of an image that was to be there.
public enum ImageAnswer: Hashable, Sendable {
    /// It is on the node.
    case here(id: String)
    /// The registry did not give it. The message is whatever stood in the way.
    case failed(image: String, message: String)
    /// No registry was asked: the name is none, or the policy forbids it, or the node's own store fails.
    case refused(Waiting)
}

/// Images that are not on the node yet (reference §13.2–13.4).
extension PodMachine {
    /// A failed pull is first shown as that, and then as a wait, as a kubelet does when it looks again.
    static let pullErrorShown = Duration.seconds(2)

    /// The start has found that the image has to be fetched, or that the registry has to be asked: it is given up, and
    /// made again when the image is there.
    mutating func imageWanted(_ run: RunID) {
        guard let index = index(of: run) else { return }
        containers[index].takeBackStart()
        containers[index].pull = ImagePull(state: .wanted)
    }

    mutating func pull(_ index: Int, _ effects: inout [PodEffect]) {
        let number = (lastPull ?? 0) + 1
        lastPull = number
        containers[index].pull = ImagePull(state: .underWay(number))
        effects.append(.pullImage(name: containers[index].name, number: number))
    }

    mutating func imageAnswered(
        _ number: UInt64,
        _ answer: ImageAnswer,
        at now: Moment,
        _ effects: inout [PodEffect]
    ) {
        guard let index = containers.firstIndex(where: { $0.pull?.state == .underWay(number) }) else {
            return
        }
        switch answer {
        case .here(let id):
            containers[index].pull = ImagePull(state: .here(id: id))
            containers[index].pullBackoff = nil
            containers[index].wait(nil, until: nil)
        case .failed(let image, let message): pullFailed(index, image, message, at: now, &effects)
        case .refused(let waiting):
            let retryAt = now.tick + Self.errorRetry
            containers[index].pull = ImagePull(state: .failed(retryAt: retryAt))
            containers[index].wait(waiting, until: retryAt)
            recordImageError(waiting, of: containers[index].name, &effects)
        }
    }

    private mutating func pullFailed(
        _ index: Int,
        _ image: String,
        _ message: String,
        at now: Moment,
        _ effects: inout [PodEffect]
    ) {
        var backoff = containers[index].pullBackoff ?? RestartBackoff()
        // Forgets a failure that is long ago.
        _ = backoff.earliestStart(afterExitAt: now.tick)
        backoff.step(at: now.tick, .kubelet)
        containers[index].pullBackoff = backoff
        let retryAt = now.tick + (backoff.delay ?? .zero)
        var pull = ImagePull(state: .failed(retryAt: retryAt))
        pull.backOff = .init(image: image, error: message, shownAt: now.tick + Self.pullErrorShown)
        containers[index].pull = pull
        containers[index].wait(Waiting("ErrImagePull", message), until: retryAt)
        let name = containers[index].name
        let text = "Failed to pull image \(image.quoted): \(message)"
        effects.append(.record(PodRecord(.warning, "Failed", text, container: name)))
        effects.append(.record(PodRecord(.warning, "Failed", "Error: ErrImagePull", container: name)))
    }

    /// Says once per failure that the next attempt is held back.
    mutating func showPullBackOffs(at now: Moment, _ effects: inout [PodEffect]) {
        for index in containers.indices {
            guard let backOff = containers[index].pull?.backOff, !backOff.isShown, now.tick >= backOff.shownAt
            else { continue }
            containers[index].pull?.backOff?.isShown = true
            if containers[index].runningRun == nil { containers[index].waiting = backOff.waiting }
            let name = containers[index].name
            effects.append(.record(PodRecord(.normal, "BackOff", backOff.sentence, container: name)))
            effects.append(.record(PodRecord(.warning, "Failed", "Error: ImagePullBackOff", container: name)))
        }
    }

    /// The image of what is to replace a running instance is looked after first: what runs goes on until it is there.
    /// Whether it is.
    mutating func hasImageToReplace(_ index: Int, at now: Moment, _ effects: inout [PodEffect]) -> Bool {
        switch containers[index].pull?.state {
        case .here: return true
        case .wanted, .underWay: return false
        case .failed(let retryAt) where now.tick < retryAt: return false
        case .failed, nil:
            pull(index, &effects)
            return false
        }
    }

    /// Nobody waits for the images of these containers any more, or of all.
    mutating func abandonPulls(of names: Set<String>? = nil, _ effects: inout [PodEffect]) {
        for index in containers.indices where names?.contains(containers[index].name) ?? true {
            if case .underWay(let number) = containers[index].pull?.state {
                effects.append(.cancelPull(number: number))
            }
            containers[index].pull = nil
        }
    }

    /// Those that wait for an image need not wait any longer: it may have come.
    mutating func retryImages() {
        for index in containers.indices {
            if case .failed = containers[index].pull?.state { containers[index].pull = nil }
            guard let reason = containers[index].waiting?.reason, Self.imageReasons[reason] != nil else {
                continue
            }
            // It may still have to wait for its turn, and not for the image.
            containers[index].wait(nil, until: nil)
        }
    }

    /// The reasons of containers that wait for an image, with that of the event that tells why (reference §13.3).
    static let imageReasons = [
        "ErrImageNeverPull": "ErrImageNeverPull", "ErrImagePull": "Failed", "ImagePullBackOff": "Failed",
        "InvalidImageName": "InspectFailed", "ImageInspectError": "InspectFailed",
    ]

    func recordImageError(_ waiting: Waiting, of name: String, _ effects: inout [PodEffect]) {
        let event = Self.imageReasons[waiting.reason]
        if let event {
            effects.append(.record(PodRecord(.warning, event, waiting.message, container: name)))
        }
        let text = event == nil ? waiting.message : waiting.reason
        effects.append(.record(PodRecord(.warning, "Failed", "Error: \(text)", container: name)))
    }

    /// When an image is to be shown as held back, or tried again for a container that runs meanwhile.
    var pullAlarms: [Tick] {
        containers.flatMap { record -> [Tick] in
            var times = record.pull?.backOff.flatMap { $0.isShown ? nil : [$0.shownAt] } ?? []
            if record.runningRun != nil, case .failed(let retryAt) = record.pull?.state {
                times.append(retryAt)
            }
            return times
        }
    }
}

extension ContainerRecord {
    /// The image that the start under way is to use, if it was fetched for it.
    public var pulledImage: String? {
        guard case .here(let id) = pull?.state else { return nil }
        return id
    }

    /// Whether somebody sees to its image.
    var isPulling: Bool {
        if case .underWay = pull?.state { return true }
        return false
    }

    /// One that ran while the image of its successor could not be had has ended: now it waits for that.
    mutating func waitForImage() {
        guard case .failed(let retryAt) = pull?.state else { return }
        wait(pull?.backOff?.waiting, until: retryAt)
    }

    /// What is shown while nothing runs, and until when it does not start. What runs is not shown as waiting.
    fileprivate mutating func wait(_ waiting: Waiting?, until retryAt: Tick?) {
        guard runningRun == nil else { return }
        self.waiting = waiting
        self.retryAt = retryAt
    }
}
