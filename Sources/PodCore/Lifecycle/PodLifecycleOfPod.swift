extension PodLifecycle {
    /// What the machine needs of a Pod. `backoff` is the node's.
    public init(_ pod: Pod, backoff: BackoffLimits) {
        self.init(
            reference: "\(pod.metadata.name)_\(pod.metadata.namespace)(\(pod.metadata.uid))",
            initContainers: pod.spec.initContainers.map { Container($0) },
            containers: pod.spec.containers.map { Container($0) },
            restartPolicy: RestartRule(rawValue: pod.spec.restartPolicy.rawValue) ?? .always,
            terminationGracePeriod: .seconds(pod.spec.terminationGracePeriodSeconds),
            // One that cannot be read is refused at admission; a record of an earlier version may have it all the same.
            backoff: (try? BackoffLimits(annotations: pod.metadata.annotations, defaults: backoff)) ?? backoff
        )
        activeDeadline = pod.spec.activeDeadlineSeconds.map { .seconds($0) }
    }
}

extension PodLifecycle.Container {
    /// What the machine needs of a container.
    init(_ container: Container) {
        self.init(
            name: container.name,
            restartPolicy: container.restartPolicy.flatMap { RestartRule(rawValue: $0.rawValue) }
        )
        restartRules = container.restartPolicyRules.compactMap { ExitCodeRule($0) }
        hasPostStart = container.lifecycle?.postStart != nil
        hasPreStop = container.lifecycle?.preStop != nil
        for kind in ProbeKind.allCases { probes[kind] = container.probe(kind).map { ProbeSchedule($0) } }
    }
}

extension PodSpec {
    /// The container of that name, of whichever list.
    public func container(_ name: String) -> Container? {
        containers.first { $0.name == name } ?? initContainers.first { $0.name == name }
    }
}

extension Container {
    /// The probe of that kind.
    public func probe(_ kind: ProbeKind) -> Probe? {
        switch kind {
        case .startup: startupProbe
        case .liveness: livenessProbe
        case .readiness: readinessProbe
        }
    }
}

extension ExitCodeRule {
    /// Nil for a rule that lacks a part; validation refuses those.
    fileprivate init?(_ rule: ContainerRestartRule) {
        guard let codes = rule.exitCodes, let action = rule.action.flatMap({ Action(rawValue: $0.rawValue) })
        else { return nil }
        self.init(action, codes: codes.values, isNegated: codes.operator == .notIn)
    }
}
