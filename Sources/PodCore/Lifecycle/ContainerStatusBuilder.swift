/// How one instance of a container is named towards clients.
public enum ContainerID {
    /// `podagent://<uid>-<run>`, as Kubernetes writes `<runtime>://<id>`.
    public static func text(_ pod: Pod, _ run: RunID) -> String {
        "podagent://\(pod.metadata.uid)-\(run.number)"
    }
}

/// Makes the v1.ContainerStatus of each container of one Pod from its record (reference §3.4).
struct ContainerStatusBuilder {
    let pod: Pod
    let facts: [String: PodStatusBuilder.ContainerFacts]
    /// How far the pulls are that containers wait for.
    let pulling: [String: String]
    let unenforced: Set<CgroupController>

    func status(of record: ContainerRecord) -> ContainerStatus {
        var status = ContainerStatus()
        let spec = pod.spec.container(record.name) ?? Container()
        let facts = facts[record.name] ?? PodStatusBuilder.ContainerFacts()
        status.name = record.name
        status.image = facts.image.isEmpty ? spec.image : facts.image
        status.imageID = facts.imageID
        status.restartCount = Int32(clamping: record.shownRestartCount)
        fillState(&status, record)
        status.allocatedResources = spec.resources.requests
        status.resources = ResourceEnforcement.inForce(spec.resources, unenforced: unenforced)
        status.user = user(facts)
        status.volumeMounts = spec.volumeMounts.map(mount)
        return status
    }

    private func fillState(_ status: inout ContainerStatus, _ record: ContainerRecord) {
        status.started = false
        switch record.shown {
        case .running(let run, let startedAt, let last):
            var running = ContainerStateRunning()
            running.startedAt = startedAt.truncatedToSeconds
            status.state = .running(running)
            status.lastState = lastState(last)
            status.containerID = ContainerID.text(pod, run)
            status.started = record.hasStarted
            status.ready = record.role != .initialization && record.isReady
        case .terminated(let end, let last):
            status.state = .terminated(terminated(end))
            status.lastState = lastState(last)
            status.containerID = ContainerID.text(pod, end.run)
            status.ready = record.role == .initialization && end.exitCode == 0
        case .waiting(let reason, let last):
            status.state = .waiting(waiting(reason, pulling[record.name]))
            status.lastState = lastState(last)
            status.containerID = last.map { ContainerID.text(pod, $0.run) } ?? ""
        }
    }

    /// With init containers the reason of every container that has not begun is PodInitializing, theirs included.
    private func waiting(_ known: Waiting?, _ pulling: String?) -> ContainerStateWaiting {
        var waiting = ContainerStateWaiting()
        waiting.reason =
            known?.reason ?? (pod.spec.initContainers.isEmpty ? "ContainerCreating" : "PodInitializing")
        waiting.message = known?.message ?? pulling.map { "Pulling image: \($0)" } ?? ""
        return waiting
    }

    private func lastState(_ end: Termination?) -> ContainerState {
        end.map { .terminated(terminated($0)) } ?? .empty
    }

    private func terminated(_ end: Termination) -> ContainerStateTerminated {
        var state = ContainerStateTerminated()
        state.exitCode = end.exitCode
        state.reason = end.reason
        state.message = end.message.truncated(toBytes: messageLimit)
        state.startedAt = end.startedAt?.truncatedToSeconds
        state.finishedAt = end.finishedAt.truncatedToSeconds
        state.containerID = ContainerID.text(pod, end.run)
        return state
    }

    /// The messages of a Pod's containers have 12 KiB between them (reference §3.3.8).
    private var messageLimit: Int {
        12 * 1024 / max(1, pod.spec.initContainers.count + pod.spec.containers.count)
    }

    private func user(_ facts: PodStatusBuilder.ContainerFacts) -> ContainerUser? {
        guard let uid = facts.user else { return nil }
        var linux = LinuxContainerUser()
        linux.uid = Int64(uid)
        linux.gid = Int64(facts.group ?? 0)
        linux.supplementalGroups = facts.groups.map(Int64.init)
        var user = ContainerUser()
        user.linux = linux
        return user
    }

    private func mount(_ mount: VolumeMount) -> VolumeMountStatus {
        var shown = VolumeMountStatus()
        shown.name = mount.name
        shown.mountPath = mount.mountPath
        shown.readOnly = mount.readOnly
        if mount.readOnly { shown.recursiveReadOnly = .disabled }
        return shown
    }
}

extension String {
    /// The longest beginning of at most `limit` bytes of UTF-8 that cuts no character in two.
    func truncated(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(startIndex, offsetBy: limit)
        while end > startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
