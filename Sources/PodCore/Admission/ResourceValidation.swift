extension PodValidator {
    /// The resources of a container.
    mutating func validateResources(_ resources: ResourceRequirements, at path: FieldPath) {
        let limits = path.field("limits")
        let requests = path.field("requests")
        for (name, amount) in resources.limits.sorted(by: { $0.key < $1.key }) {
            validateContainerResourceName(name, at: limits[name])
            validateAmount(amount, of: name, at: limits[name])
        }
        for (name, amount) in resources.requests.sorted(by: { $0.key < $1.key }) {
            validateContainerResourceName(name, at: requests[name])
            validateAmount(amount, of: name, at: requests[name])
            validate(request: amount, limit: resources.limits[name], of: name, at: path)
        }
        let names = Set(resources.limits.keys).union(resources.requests.keys)
        if names.contains(where: ResourceName.isHugePages),
            names.isDisjoint(with: [ResourceName.cpu, ResourceName.memory])
        {
            report(.forbidden(path, "HugePages require cpu or memory"))
        }
    }

    private mutating func validateContainerResourceName(_ name: String, at path: FieldPath) {
        reportInvalid(path, name, NameRules.qualifiedName(name))
        if !name.contains("/") {
            if !ResourceName.isStandard(name) {
                report(.invalid(path, name, "must be a standard resource type or fully qualified"))
            }
            if !ResourceName.isStandardForContainers(name) {
                report(.invalid(path, name, "must be a standard resource for containers"))
            }
        } else if !ResourceName.isNative(name), name.hasPrefix("requests.") {
            report(.invalid(path, name, "doesn't follow extended resource name standard"))
        }
    }

    private mutating func validateAmount(_ amount: Quantity, of name: String, at path: FieldPath) {
        if amount < Quantity() { report(.invalid(path, amount, "must be greater than or equal to 0")) }
        if !ResourceName.isNative(name), !amount.isWhole {
            report(.invalid(path, amount, "must be an integer"))
        }
        if let size = ResourceName.hugePageSize(name), size.nanos > 0, amount.nanos % size.nanos != 0 {
            report(.invalid(path, amount, "\(amount) is not positive integer multiple of \(name)"))
        }
    }

    private mutating func validate(request: Quantity, limit: Quantity?, of name: String, at path: FieldPath) {
        let requests = path.field("requests")
        if ResourceName.isOvercommittable(name) {
            guard let limit, request > limit else { return }
            report(.invalid(requests, request, "must be less than or equal to \(name) limit of \(limit)"))
        } else if let limit {
            if request != limit {
                report(.invalid(requests, request, "must be equal to \(name) limit of \(limit)"))
            }
        } else {
            let detail = "Limit must be set for non overcommitable resources"
            report(.required(path.field("limits"), detail))
        }
    }
}

extension PodValidator {
    /// The resources of the Pod as a whole, against those of its containers.
    mutating func validatePodResources() {
        guard let resources = pod.spec.resources else { return }
        let path = spec.field("resources")
        for (name, list) in [("limits", resources.limits), ("requests", resources.requests)] {
            for (resource, amount) in list.sorted(by: { $0.key < $1.key }) {
                let amountPath = path.field(name)[resource]
                if !ResourceName.isPodLevel(resource) {
                    let supported = ["cpu", "hugepages-", "memory"]
                    report(.unsupported(amountPath, resource, supported: supported))
                } else {
                    validateAmount(amount, of: resource, at: amountPath)
                }
            }
        }
        for (name, request) in resources.requests.sorted(by: { $0.key < $1.key }) {
            guard ResourceName.isOvercommittable(name), let limit = resources.limits[name], request > limit
            else {
                continue
            }
            let detail = "must be less than or equal to \(name) limit of \(limit)"
            report(.invalid(path.field("requests"), request, detail))
        }
        validateAgainstContainers(resources, at: path)
    }

    private mutating func validateAgainstContainers(_ resources: ResourceRequirements, at path: FieldPath) {
        let needed = PodResources.ofContainers(.requests, in: pod.spec)
        for (name, request) in resources.requests.sorted(by: { $0.key < $1.key }) {
            guard let sum = needed[name], request < sum else { continue }
            let detail = "must be greater than or equal to aggregate container requests of \(sum)"
            report(.invalid(path.field("requests")[name], request, detail))
        }
        for (list, containers) in [
            ("containers", pod.spec.containers), ("initContainers", pod.spec.initContainers),
        ] {
            for (index, container) in containers.enumerated() {
                for (name, limit) in container.resources.limits.sorted(by: { $0.key < $1.key }) {
                    guard let podLimit = resources.limits[name], limit > podLimit else { continue }
                    let limitPath = path.field(list)[index][name].field("limits")
                    report(
                        .invalid(limitPath, limit, "must be less than or equal to pod limits of \(podLimit)")
                    )
                }
            }
        }
    }
}
