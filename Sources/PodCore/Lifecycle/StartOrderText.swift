/// What people are told of Pods that wait for others. Names stand as the annotation has them, with a namespace only where
/// it is not the reader's own.
extension StartOrder {
    /// The reason of the status, and of the event.
    static let reason = "WaitingForPods"

    /// For the status of a held Pod: whom it waits for, and what they lack.
    func waiting(_ key: PodKey) -> Waiting {
        let lacks = lacks(of: key).map { "\(Self.name($0.name, in: key)) (\($0.cause.text))" }
        var message = "Waiting for \(lacks.joined(separator: ", "))"
        if let cycle = cycle(of: key) {
            message += "; they wait for each other: \(Self.text(cycle, in: key))"
        }
        return Waiting(Self.reason, message)
    }

    /// Said once, when a Pod is held.
    static func event(_ key: PodKey, _ lacks: [Lack]) -> PodRecord {
        let names = lacks.map { name($0.name, in: key) }.joined(separator: ", ")
        let text = "Waiting for \(names) to be Ready or Succeeded, as \(PodAnnotation.after) asks"
        return PodRecord(.normal, reason, text)
    }

    static func unknown(_ name: PodKey, namedBy key: PodKey) -> PodRecord {
        let text =
            "there is no Pod \(Self.name(name, in: key)), which \(PodAnnotation.after) names: waiting until there is one"
        return PodRecord(.warning, "UnknownPod", text)
    }

    static func cycle(_ cycle: [PodKey], of key: PodKey) -> PodRecord {
        let text =
            "\(text(cycle, in: key)): these Pods wait for each other, and none of them begins until one's "
            + "\(PodAnnotation.after) is changed"
        return PodRecord(.warning, "StartOrderCycle", text)
    }

    private static func text(_ cycle: [PodKey], in key: PodKey) -> String {
        cycle.map { name($0, in: key) }.joined(separator: " -> ")
    }

    private static func name(_ name: PodKey, in key: PodKey) -> String {
        name.namespace == key.namespace ? name.name : name.description
    }
}

extension StartOrder.Lack.Cause {
    fileprivate var text: String {
        switch self {
        case .unknown: "there is no such Pod"
        case .held: "waits itself"
        case .standing(.pending): "Pending"
        case .standing(.running): "Running, not Ready"
        case .standing(.ready): "Ready"
        case .standing(.succeeded): "Succeeded"
        case .standing(.failed): "Failed"
        case .standing(.leaving): "being deleted"
        }
    }
}
