/// What a reload makes of the options in effect and the ones that the configuration asks for now.
struct OptionsChange: Sendable {
    private let changed: [ServeSetting]
    /// The options in effect from here on.
    let result: NodeOptions

    /// Takes over what can change while the agent runs.
    init(from old: NodeOptions, to new: NodeOptions) {
        changed = ServeSetting.all.filter { $0.differs(old, new) }
        var result = old
        for setting in changed where setting.effect != .afterRestart { setting.copy(new, &result) }
        self.result = result
    }

    /// The settings that differ.
    var names: [String] { changed.map(\.name) }

    /// Whether everything that differs is in effect, be it for what starts from now on.
    var isComplete: Bool { changed.allSatisfy { $0.effect != .afterRestart } }

    /// What differs and since when it holds, for the log.
    var summary: String {
        let effects: [(ServeSetting.Effect, String)] = [
            (.atOnce, "in effect"),
            (.forNewContainers, "in effect for containers that start from now on"),
            (.forNewPods, "in effect for Pods that begin from now on"),
            (.afterRestart, "NOT in effect before the agent is started again"),
        ]
        let parts = effects.compactMap { effect, words -> String? in
            let names = changed.filter { $0.effect == effect }.map(\.name)
            return names.isEmpty ? nil : "\(names.joined(separator: ", ")) \(words)"
        }
        return parts.isEmpty ? "nothing differs" : parts.joined(separator: "; ")
    }
}
