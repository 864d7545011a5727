import PodCore
import Synchronization

/// Who needs which images, so that none of those is taken away.
///
///     a container starts ─▶ resolve ─▶ hold ─────▶ … ─▶ its next start, or the Pod is gone ─▶ released
///     an image goes      ─▶ depart, unless held ─▶ still named by nobody? ─▶ records unlinked ─▶ departed
///
/// Either a hold comes first, and the image stays; or the departure does, and the start finds no image. Nothing here does
/// I/O: the node's queue and every worker may ask at any time.
final class ImageUses: Sendable {
    /// Somebody whose images are named in a spec.
    enum User: Hashable, Sendable {
        case pod(PodKey)
        /// A file of the manifest directory, be its Pods running or not.
        case manifest(path: String)
    }

    /// What became of a wish to hold.
    enum Outcome {
        case held(ImageHold)
        /// It is being removed: as good as gone.
        case departing
        /// Some image has begun to go since it was looked up: look again.
        case outdated
    }

    fileprivate struct State {
        var references: [User: Set<String>] = [:]
        var holds: [String: [PodKey: Int]] = [:]
        var departing: Set<String> = []
        /// How many images have ever begun to go.
        var departures = 0
    }

    private let state = Mutex(State())

    // MARK: Names

    /// From now on these, as they stand in specs, are what the user names.
    func name(_ references: Set<String>, by user: User) {
        state.withLock { $0.references[user] = references.isEmpty ? nil : references }
    }

    /// The user names nothing any more.
    func forget(_ user: User) { state.withLock { $0.references[user] = nil } }

    /// What everybody names.
    var references: [User: Set<String>] { state.withLock { $0.references } }

    /// The Pods that have containers of each image, running or ended, by the image's ID.
    var holders: [String: Set<PodKey>] { state.withLock { $0.holds.mapValues { Set($0.keys) } } }

    // MARK: Holds

    /// To be read before an image is looked up that is to be held.
    var departures: Int { state.withLock { $0.departures } }

    /// Keeps the image until the hold is let go of.
    func hold(_ id: String, for pod: PodKey, since departures: Int) -> Outcome {
        state.withLock { state in
            if state.departing.contains(id) { return .departing }
            guard state.departures == departures else { return .outdated }
            return .held(state.hold(id, for: pod, of: self))
        }
    }

    /// Keeps an image that an earlier agent has started a container from.
    func hold(_ id: String, for pod: PodKey) -> ImageHold {
        state.withLock { $0.hold(id, for: pod, of: self) }
    }

    fileprivate func release(_ id: String, _ pod: PodKey) {
        state.withLock { state in
            let count = (state.holds[id]?[pod] ?? 1) - 1
            state.holds[id]?[pod] = count > 0 ? count : nil
            if state.holds[id]?.isEmpty ?? false { state.holds[id] = nil }
        }
    }

    // MARK: Departures

    /// Keeps everybody from holding the image until ``departed(_:)``; false if somebody does.
    func depart(_ id: String) -> Bool {
        state.withLock { state in
            guard state.holds[id] == nil else { return false }
            state.departures += 1
            state.departing.insert(id)
            return true
        }
    }

    /// The image is gone, or stays after all. Several removals of one image exclude each other by the store's lock.
    func departed(_ id: String) { state.withLock { _ = $0.departing.remove(id) } }
}

extension ImageUses.State {
    fileprivate mutating func hold(_ id: String, for pod: PodKey, of uses: ImageUses) -> ImageHold {
        holds[id, default: [:]][pod, default: 0] += 1
        return ImageHold(uses: uses, id: id, pod: pod)
    }
}

/// Keeps an image for a container of a Pod, for as long as this object lives.
final class ImageHold: Sendable {
    let id: String
    private let pod: PodKey
    private let uses: ImageUses

    fileprivate init(uses: ImageUses, id: String, pod: PodKey) {
        (self.uses, self.id, self.pod) = (uses, id, pod)
    }

    deinit { uses.release(id, pod) }
}

extension PodSpec {
    /// The images that its containers are started from.
    var imageReferences: Set<String> { Set((initContainers + containers).map(\.image)) }
}
