/// What becomes of requests and limits on a node whose cgroup v2 lacks a controller: the Pod runs, and is told what does
/// not hold for it.
public enum ResourceEnforcement {
    /// The reason of the event.
    static let reason = "ResourcesNotEnforced"

    /// The event that says which of the Pod's requests and limits have no effect, and why; nil if all have.
    ///
    /// - Parameter missing: Why each controller that the node cannot use cannot be used.
    public static func warning(about spec: PodSpec, missing: [CgroupController: String]) -> PodRecord? {
        let parts =
            [spec.resources ?? ResourceRequirements()]
            + (spec.initContainers + spec.containers).map(\.resources)
        let unmet = fields.filter { field in
            missing[field.controller] != nil
                && parts.contains { ($0[field.side][field.resource] ?? Quantity()) > Quantity() }
        }
        guard !unmet.isEmpty else { return nil }
        let names = unmet.map(\.name).joined(separator: ", ")
        let reasons = CgroupController.allCases.compactMap { controller -> String? in
            guard unmet.contains(where: { $0.controller == controller }) else { return nil }
            return missing[controller].map { "\(controller.rawValue): \($0)" }
        }
        let message = "This node does not enforce \(names): \(reasons.joined(separator: "; "))"
        return PodRecord(.warning, reason, message)
    }

    /// What of a container's requests and limits holds; nil if it has none.
    static func inForce(
        _ resources: ResourceRequirements,
        unenforced: Set<CgroupController>
    ) -> ResourceRequirements? {
        guard resources.isSet else { return nil }
        var inForce = resources
        for field in fields where unenforced.contains(field.controller) {
            switch field.side {
            case .requests: inForce.requests[field.resource] = nil
            case .limits: inForce.limits[field.resource] = nil
            }
        }
        return inForce
    }

    private struct Field {
        let name: String
        let side: PodResources.Side
        let resource: String
        let controller: CgroupController
    }

    /// Memory requests are not among them: they need no controller, for they only order the OOM killer's victims.
    private static let fields = [
        Field(name: "limits.cpu", side: .limits, resource: ResourceName.cpu, controller: .cpu),
        Field(name: "limits.memory", side: .limits, resource: ResourceName.memory, controller: .memory),
        Field(name: "requests.cpu", side: .requests, resource: ResourceName.cpu, controller: .cpu),
    ]
}
