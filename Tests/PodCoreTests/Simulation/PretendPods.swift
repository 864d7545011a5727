@testable import PodCore

/// What Pods people ask for. A UID is always of the same shape under one seed, but for what may change in place.
extension NodeSimulation {
    func newPod(isStatic: Bool = true) -> Pod {
        var pod = Pod()
        pod.metadata.namespace = "default"
        pod.metadata.name = ["web", "db", "job"].randomElement(using: &random) ?? "web"
        if !isStatic { pod.metadata.name += "-applied" }
        // Few, so that the same comes back while it is leaving.
        pod.metadata.uid = "\(pod.metadata.name)-\(Int.random(in: 1...3, using: &random))"
        pod.metadata.annotations[PodAnnotation.configSource] = isStatic ? "file" : "api"
        // What no Pod that runs can be changed to.
        pod.spec.hostname = pod.metadata.uid
        var shape = SplitMix(state: pod.metadata.uid.utf8.reduce(seed) { $0 &* 31 &+ UInt64($1) })
        pod.spec.initContainers = (0..<Int.random(in: 0...2, using: &shape)).map { Self.container("i\($0)") }
        pod.spec.containers = (0..<Int.random(in: 1...3, using: &shape)).map { Self.container("c\($0)") }
        pod.spec.restartPolicy = [.always, .onFailure, .never].randomElement(using: &shape) ?? .always
        pod.spec.terminationGracePeriodSeconds = [0, 1, 5, 30].randomElement(using: &shape) ?? 30
        // On some nodes Pods want ports of it, of which there are few.
        if traits.portsAreScarce, shape.chance(0.7) {
            var port = ContainerPort()
            port.containerPort = Int32.random(in: 80...82, using: &shape)
            port.hostPort = port.containerPort
            pod.spec.containers[0].ports = [port]
        }
        if shape.chance(0.3) { pod.spec.priorityClassName = "system-node-critical" }
        if traits.hasOrder, shape.chance(0.6) {
            // Circles, Pods that never come and names that are said twice are among them.
            let names = (0..<Int.random(in: 1...2, using: &shape)).map { _ in
                ["web", "db", "job", "db-applied"].randomElement(using: &shape) ?? "web"
            }
            pod.metadata.annotations[PodAnnotation.after] = names.joined(separator: ", ")
        }
        if traits.hasRichPods { enrich(&pod, &shape) }
        return pod
    }

    private static func container(_ name: String) -> Container {
        var container = Container()
        container.name = name
        container.image = "\(name):1"
        return container
    }

    private func enrich(_ pod: inout Pod, _ shape: inout SplitMix) {
        for number in 0..<(shape.chance(0.4) ? Int.random(in: 1...2, using: &shape) : 0) {
            var sidecar = Self.container("s\(number)")
            sidecar.restartPolicy = .always
            let place = Int.random(in: 0...pod.spec.initContainers.count, using: &shape)
            pod.spec.initContainers.insert(sidecar, at: place)
        }
        if shape.chance(0.15) { pod.spec.activeDeadlineSeconds = Int64.random(in: 5...400, using: &shape) }
        for index in pod.spec.initContainers.indices { addParts(&pod.spec.initContainers[index], &shape) }
        for index in pod.spec.containers.indices { addParts(&pod.spec.containers[index], &shape) }
    }

    private func addParts(_ container: inout Container, _ shape: inout SplitMix) {
        if !container.isSidecar, shape.chance(0.2) {
            container.restartPolicy = [.always, .onFailure, .never].randomElement(using: &shape) ?? .never
            // An init container's own Always would make it a sidecar.
            if container.name.hasPrefix("i") { container.restartPolicy = .never }
            if shape.chance(0.7) {
                container.restartPolicyRules = [Self.rule(&shape, isInit: container.isInit)]
            }
        }
        // The API knows hooks and probes of sidecars, and of no other init containers.
        guard !container.isInit else { return }
        var hook = LifecycleHandler()
        hook.exec = ExecAction()
        var lifecycle = Lifecycle()
        if shape.chance(0.2) { lifecycle.postStart = hook }
        if shape.chance(0.3) { lifecycle.preStop = hook }
        if lifecycle.postStart != nil || lifecycle.preStop != nil { container.lifecycle = lifecycle }
        if shape.chance(0.2) { container.startupProbe = Self.probe(&shape) }
        if shape.chance(0.25) { container.livenessProbe = Self.probe(&shape) }
        guard shape.chance(0.25) else { return }
        var probe = Self.probe(&shape)
        probe.successThreshold = Int32.random(in: 1...3, using: &shape)
        probe.terminationGracePeriodSeconds = nil
        container.readinessProbe = probe
    }

    /// An init container that restarts everything when it succeeds would go on for ever.
    private static func rule(_ shape: inout SplitMix, isInit: Bool) -> ContainerRestartRule {
        var codes = ContainerRestartRuleOnExitCodes()
        codes.operator = shape.chance(0.5) ? .in : .notIn
        codes.values = [[0], [137], [0, 143], [1, 2, 128]].randomElement(using: &shape) ?? [0]
        if isInit { codes.operator = codes.values.contains(0) ? .notIn : .in }
        var rule = ContainerRestartRule()
        rule.exitCodes = codes
        rule.action = shape.chance(0.5) ? .restart : .restartAllContainers
        return rule
    }

    private static func probe(_ shape: inout SplitMix) -> Probe {
        var probe = Probe()
        probe.exec = ExecAction()
        probe.initialDelaySeconds = [0, 0, 1, 20].randomElement(using: &shape) ?? 0
        probe.periodSeconds = [1, 5, 10, 30].randomElement(using: &shape) ?? 10
        probe.timeoutSeconds = [1, 2, 8].randomElement(using: &shape) ?? 1
        probe.failureThreshold = Int32.random(in: 1...3, using: &shape)
        if shape.chance(0.3) {
            probe.terminationGracePeriodSeconds = [1, 3, 60].randomElement(using: &shape) ?? 3
        }
        return probe
    }

    /// The same Pod but for something that changes in a Pod that runs.
    func changed(_ pod: Pod) -> Pod {
        var pod = pod
        switch Int.random(in: 0..<6, using: &random) {
        case 0: pod.metadata.labels["version"] = "\(Int.random(in: 0...9, using: &random))"
        case 1:
            let limits: [Int64?] = [nil, 20, 200]
            pod.spec.activeDeadlineSeconds = limits.randomElement(using: &random) ?? nil
        case 2 where !pod.spec.initContainers.isEmpty:
            let index = Int.random(in: pod.spec.initContainers.indices, using: &random)
            pod.spec.initContainers[index].image = newImage(pod.spec.initContainers[index])
        default:
            let index = Int.random(in: pod.spec.containers.indices, using: &random)
            pod.spec.containers[index].image = newImage(pod.spec.containers[index])
        }
        return pod
    }

    /// Few, so that one comes back.
    private func newImage(_ container: Container) -> String {
        "\(container.name):\(Int.random(in: 1...3, using: &random))"
    }
}

extension Container {
    /// Names say what containers are for: `i` runs to its end first, `s` is a sidecar, `c` is a regular one.
    var isSidecar: Bool { name.hasPrefix("s") }
    var isInit: Bool { name.hasPrefix("i") }
}
