/// The instance of a container whose log a client gets, worked out from what the Pod's status shows.
public struct LogTarget: Sendable, Hashable {
    /// The container, whichever of the three lists it is in.
    public var container: String
    /// The instance: `<scheme>://<id>`, as the status has it.
    public var containerID: String
    /// The instance is known to have ended: its log will not grow.
    public var hasEnded: Bool

    /// Names an instance.
    public init(container: String, containerID: String, hasEnded: Bool) {
        self.container = container
        self.containerID = containerID
        self.hasEnded = hasEnded
    }

    /// Chooses the instance as the API server and then the kubelet do.
    ///
    /// - Parameters:
    ///   - container: what the client asked for; nil or empty is the Pod's only container.
    ///   - previous: whether the instance before the newest one is wanted.
    /// - Throws: 400 with Kubernetes' words when there is no such container or no log to show.
    public static func choose(
        in pod: Pod,
        container: String?,
        previous: Bool
    ) throws(StatusFailure) -> LogTarget {
        let name = try pod.containerName(container)
        guard let status = pod.status.containerStatus(name) else {
            throw .badRequest("container \(name.quoted) in pod \(pod.metadata.name.quoted) is not available")
        }
        let id = try containerID(of: status, in: pod, previous: previous)
        let runs = status.state.running != nil && !previous
        return LogTarget(container: name, containerID: id, hasEnded: !runs)
    }

    private static func containerID(
        of status: ContainerStatus,
        in pod: Pod,
        previous: Bool
    ) throws(StatusFailure) -> String {
        let subject = "container \(status.name.quoted) in pod \(pod.metadata.name.quoted)"
        let last = status.lastState.terminated
        if previous {
            guard let id = last?.containerID, !id.isEmpty else {
                throw .badRequest("previous terminated \(subject) not found")
            }
            return id
        }
        switch status.state {
        case .running:
            return status.containerID
        case .terminated(let terminated):
            // An instance that could not be started has no ID; then the one before it has the newest log.
            let id = terminated.containerID.isEmpty ? last?.containerID ?? "" : terminated.containerID
            guard !id.isEmpty else { throw .badRequest("\(subject) is terminated") }
            return id
        case .waiting, .empty:
            if let last {
                guard !last.containerID.isEmpty else { throw .badRequest("\(subject) is terminated") }
                return last.containerID
            }
            throw .badRequest("\(subject) is waiting to start" + waitingText(status.state))
        }
    }

    private static func waitingText(_ state: ContainerState) -> String {
        guard let waiting = state.waiting else { return " - no logs yet" }
        return switch waiting.reason {
        case "ErrImagePull": ": image can't be pulled"
        case "ImagePullBackOff": ": trying and failing to pull image"
        case let reason: ": \(reason)"
        }
    }
}

extension Pod {
    /// The container that a client means: the one it names, which must exist, or the Pod's only one.
    public func containerName(_ wanted: String?) throws(StatusFailure) -> String {
        let regular = spec.containers.map(\.name)
        let initial = spec.initContainers.map(\.name)
        let ephemeral = spec.ephemeralContainers.map(\.name)
        if let wanted, !wanted.isEmpty {
            guard (regular + initial + ephemeral).contains(wanted) else {
                throw .badRequest("container \(wanted) is not valid for pod \(metadata.name)")
            }
            return wanted
        }
        if regular.count == 1 { return regular[0] }
        var text = "a container name must be specified for pod \(metadata.name)"
        if !regular.isEmpty { text += ", choose one of: [\(regular.joined(separator: " "))]" }
        if !initial.isEmpty { text += " or one of the init containers: [\(initial.joined(separator: " "))]" }
        if !ephemeral.isEmpty {
            text += " or one of the ephemeral containers: [\(ephemeral.joined(separator: " "))]"
        }
        throw .badRequest(text)
    }
}

extension PodStatus {
    /// The status of a container, whichever list it is in.
    public func containerStatus(_ name: String) -> ContainerStatus? {
        containerStatuses.first { $0.name == name } ?? initContainerStatuses.first { $0.name == name }
            ?? ephemeralContainerStatuses.first { $0.name == name }
    }
}
