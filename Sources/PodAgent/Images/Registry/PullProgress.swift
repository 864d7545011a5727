import PodCore
import Synchronization

/// How far a pull is, told by its threads as it goes. What follows it hears of a change at most so often; the last state is
/// always told.
final class PullProgress: Sendable {
    private struct Kept {
        var state = PullState()
        var toldAt = Tick(nanoseconds: 0)
    }

    private let kept = Mutex(Kept())
    private let pace: Duration
    private let onChange: @Sendable (PullState) -> Void

    init(pace: Duration = .milliseconds(100), onChange: @escaping @Sendable (PullState) -> Void = { _ in }) {
        (self.pace, self.onChange) = (pace, onChange)
    }

    var state: PullState { kept.withLock { $0.state } }

    /// The registry has said what there is.
    func found(_ image: ListedImage) {
        change { state in
            state.layers = image.layers.map {
                PullState.Layer(digest: $0.blob?.digest ?? $0.diffID, size: $0.blob?.size ?? 0)
            }
        }
    }

    func received(_ bytes: Int64, of layer: ListedLayer) {
        let now = Clock.tick()
        let told: PullState? = kept.withLock { kept in
            for index in kept.state.layers.indices where kept.state.layers[index].digest == layer.blob?.digest
            {
                kept.state.layers[index].received = bytes
            }
            guard now >= kept.toldAt + pace else { return nil }
            kept.toldAt = now
            return kept.state
        }
        if let told { onChange(told) }
    }

    /// Unpacked and verified, now or long ago.
    func isHere(_ layer: ListedLayer) {
        change { state in
            for index in state.layers.indices where state.layers[index].digest == layer.blob?.digest {
                state.layers[index].isHere = true
            }
        }
    }

    private func change(_ body: (inout PullState) -> Void) {
        let told = kept.withLock { kept in
            body(&kept.state)
            kept.toldAt = Clock.tick()
            return kept.state
        }
        onChange(told)
    }
}
