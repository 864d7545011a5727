import PodCore

/// Writes all about a Pod in the layout of `kubectl describe pod`.
struct PodDescriber {
    let now: Timestamp
    /// Seconds east of Greenwich for a time that is to be printed.
    let zone: (Timestamp) -> Int64

    /// An annotation longer than this goes on lines of its own.
    private static let annotationMax = 140
    private static let hiddenAnnotation = "kubectl.kubernetes.io/last-applied-configuration"

    func text(_ pod: Pod, events: [Event]) -> String {
        var page = DescriptionPage()
        identity(of: pod, &page)
        status(of: pod, &page)
        let containers = ContainerDescriber(pod: pod, now: now, time: time)
        containers.write(to: &page)
        conditions(of: pod, &page)
        VolumeDescriber.write(pod.spec.volumes, to: &page)
        page.line(0, "QoS Class:", PodQOSClass(of: pod.spec).rawValue)
        list("Node-Selectors:", pod.spec.nodeSelector.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }, &page)
        list("Tolerations:", pod.spec.tolerations.map(Self.toleration), &page)
        return page.text + describe(events)
    }

    private func time(_ time: Timestamp?) -> String { time.map { $0.rfc1123(zone: zone($0)) } ?? "<unknown>" }

    private func list(_ title: String, _ items: [String], _ page: inout DescriptionPage) {
        page.line(0, title, items.first ?? "<none>")
        for item in items.dropFirst() { page.line(0, "", item) }
    }

    // MARK: The Pod

    private func identity(of pod: Pod, _ page: inout DescriptionPage) {
        let (meta, spec) = (pod.metadata, pod.spec)
        page.line(0, "Name:", meta.name)
        page.line(0, "Namespace:", meta.namespace)
        page.line(0, "Priority:", String(spec.priority ?? 0))
        if !spec.priorityClassName.isEmpty { page.line(0, "Priority Class Name:", spec.priorityClassName) }
        if let name = spec.runtimeClassName, !name.isEmpty { page.line(0, "Runtime Class Name:", name) }
        if !spec.serviceAccountName.isEmpty { page.line(0, "Service Account:", spec.serviceAccountName) }
        page.line(0, "Node:", spec.nodeName.isEmpty ? "<none>" : "\(spec.nodeName)/\(pod.status.hostIP)")
        if let start = pod.status.startTime { page.line(0, "Start Time:", time(start)) }
        list("Labels:", meta.labels.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }, &page)
        annotations(of: meta, &page)
    }

    private func annotations(of meta: ObjectMeta, _ page: inout DescriptionPage) {
        let shown = meta.annotations.filter { $0.key != Self.hiddenAnnotation }.sorted { $0.key < $1.key }
        var lines: [String] = []
        for (key, value) in shown {
            let value = value.hasSuffix("\n") ? String(value.dropLast()) : value
            if key.count + value.count + 2 <= Self.annotationMax, !value.contains("\n") {
                lines.append("\(key): \(value)")
            } else {
                lines.append("\(key):")
                for line in value.split(separator: "\n", omittingEmptySubsequences: false) {
                    lines.append(
                        "  " + (line.count > Self.annotationMax - 2 ? line.prefix(135) + "..." : line)
                    )
                }
            }
        }
        list("Annotations:", lines, &page)
    }

    private func status(of pod: Pod, _ page: inout DescriptionPage) {
        let status = pod.status
        let isOver = status.phase == .succeeded || status.phase == .failed
        if let deletion = pod.metadata.deletionTimestamp, !isOver {
            page.line(0, "Status:", "Terminating (lasts \(now.age(since: deletion)))")
            page.line(0, "Termination Grace Period:", "\(pod.metadata.deletionGracePeriodSeconds ?? 0)s")
        } else {
            page.line(0, "Status:", status.phase.rawValue)
        }
        if !status.reason.isEmpty { page.line(0, "Reason:", status.reason) }
        if !status.message.isEmpty { page.line(0, "Message:", status.message) }
        if let profile = pod.spec.securityContext.seccompProfile?.type {
            page.line(0, "SeccompProfile:", profile.rawValue)
        }
        page.line(0, "IP:", status.podIP)
        if status.podIPs.isEmpty {
            page.line(0, "IPs:", "<none>")
        } else {
            page.line(0, "IPs:")
            for address in status.podIPs { page.line(1, "IP:", address.ip) }
        }
        if let resources = pod.spec.resources {
            page.line(0, "Resources:")
            ContainerDescriber.resources(resources, level: 1, &page)
        }
    }

    private func conditions(of pod: Pod, _ page: inout DescriptionPage) {
        func status(_ type: String) -> String {
            pod.status.conditions.first { $0.type == type }?.status.rawValue ?? "<none>"
        }
        if !pod.spec.readinessGates.isEmpty {
            page.line(0, "Readiness Gates:")
            page.line(1, "Type", "Status")
            for gate in pod.spec.readinessGates {
                page.line(1, "\(gate.conditionType) ", "\(status(gate.conditionType)) ")
            }
        }
        guard !pod.status.conditions.isEmpty else { return }
        page.line(0, "Conditions:")
        page.line(1, "Type", "Status")
        for condition in pod.status.conditions {
            page.line(1, "\(condition.type) ", "\(condition.status.rawValue) ")
        }
    }

    private static func toleration(_ toleration: Toleration) -> String {
        var text = toleration.key
        if !toleration.value.isEmpty { text += "=\(toleration.value)" }
        if let effect = toleration.effect { text += ":\(effect.rawValue)" }
        if toleration.operator == .exists, toleration.value.isEmpty {
            text += text.isEmpty ? "op=Exists" : " op=Exists"
        }
        if let seconds = toleration.tolerationSeconds { text += " for \(seconds)s" }
        return text
    }

    // MARK: Events

    private func describe(_ events: [Event]) -> String {
        // Not aligned with what stands above: the columns are others.
        var page = DescriptionPage()
        guard !events.isEmpty else { return "Events:" + String(repeating: " ", count: 21) + "<none>\n" }
        page.line(0, "Events:")
        page.line(1, "Type", "Reason", "Age", "From", "Message")
        page.line(1, "----", "------", "----", "----", "-------")
        for event in events.sorted(by: { $0.lastSeen < $1.lastSeen }) {
            let source = event.source.component.isEmpty ? event.reportingComponent : event.source.component
            page.line(1, event.type?.rawValue ?? "", event.reason, event.age(at: now), source, event.message)
        }
        return page.text
    }
}

/// Lines with indented first cells, aligned in columns.
struct DescriptionPage {
    private var writer = TabWriter(padding: 2)

    var text: String { writer.text }

    /// A line whose first cell is indented by two blanks a level.
    mutating func line(_ level: Int, _ first: String, _ rest: String...) {
        writer.line([String(repeating: "  ", count: level) + first] + rest)
    }
}
