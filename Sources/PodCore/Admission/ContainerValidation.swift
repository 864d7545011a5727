extension PodValidator {
    /// The regular containers.
    mutating func validateContainers() {
        let path = spec.field("containers")
        if pod.spec.containers.isEmpty { report(.required(path)) }
        var names: Set<String> = []
        for (index, container) in pod.spec.containers.enumerated() {
            validateCommon(container, at: path[index])
            validateUnique(container.name, among: &names, at: path[index])
            validateLifecycle(container.lifecycle, at: path[index].field("lifecycle"))
            validateProbes(container, at: path[index])
        }
        validateHostPorts(pod.spec.containers, at: path)
    }

    /// The init containers. Their names must differ from those of the regular ones, too.
    mutating func validateInitContainers() {
        let path = spec.field("initContainers")
        var names = Set(pod.spec.containers.map(\.name))
        for (index, container) in pod.spec.initContainers.enumerated() {
            validateCommon(container, at: path[index])
            validateUnique(container.name, among: &names, at: path[index])
            if container.restartPolicy == .always {
                validateLifecycle(container.lifecycle, at: path[index].field("lifecycle"))
                validateProbes(container, at: path[index])
            } else {
                forbidProbes(container, at: path[index])
            }
            // Init containers do not run at the same time, so each is checked on its own.
            validateHostPorts([container], at: path, firstIndex: index)
        }
    }

    private mutating func validateCommon(_ container: Container, at path: FieldPath) {
        requireName(container.name, at: path.field("name"))
        validateImage(container.image, at: path.field("image"))
        validatePorts(container.ports, at: path.field("ports"))
        validateEnvironment(container.env, at: path.field("env"))
        validateEnvironmentSources(container.envFrom, at: path.field("envFrom"))
        validateMounts(container, at: path.field("volumeMounts"))
        validateRestartRules(container, at: path)
        validateResources(container.resources, at: path.field("resources"))
        for (index, policy) in container.resizePolicy.enumerated() {
            validateResizePolicy(policy, at: path.field("resizePolicy")[index])
        }
        if let context = container.securityContext {
            validateSecurityContext(context, at: path.field("securityContext"))
        }
    }

    private mutating func validateUnique(_ name: String, among names: inout Set<String>, at path: FieldPath) {
        if !names.insert(name).inserted, !name.isEmpty { report(.duplicate(path.field("name"), name)) }
    }

    private mutating func validateImage(_ image: String, at path: FieldPath) {
        if image.isEmpty { report(.required(path)) }
        if image.first?.isWhitespace == true || image.last?.isWhitespace == true {
            report(.invalid(path, image, "must not have leading or trailing whitespace"))
        }
    }

    private mutating func validateRestartRules(_ container: Container, at path: FieldPath) {
        let rules = container.restartPolicyRules
        let rulesPath = path.field("restartPolicyRules")
        if !rules.isEmpty, container.restartPolicy == nil {
            let detail = "must specify restartPolicy when restart rules are used"
            report(.required(path.field("restartPolicy"), detail))
        }
        if rules.count > 20 { report(.tooMany(rulesPath, count: rules.count, maximum: 20)) }
        for (index, rule) in rules.enumerated() {
            requireChoice(rule.action, at: rulesPath[index].field("action"))
            let codesPath = rulesPath[index].field("exitCodes")
            guard let codes = rule.exitCodes else {
                report(.required(codesPath, "must be specified"))
                continue
            }
            requireChoice(codes.operator, at: codesPath.field("operator"))
            if codes.values.count > 255 {
                report(.tooMany(codesPath.field("values"), count: codes.values.count, maximum: 255))
            }
        }
    }

    /// An enumeration that must be given; one that is missing is reported as Kubernetes does, as the unsupported
    /// value `""`.
    mutating func requireChoice<Choice: APIEnum>(_ choice: Choice?, at path: FieldPath) {
        if choice == nil { report(.unsupported(path, "", supported: Choice.allCases.map(\.rawValue))) }
    }

    private mutating func validateResizePolicy(_ policy: ContainerResizePolicy, at path: FieldPath) {
        requireChoice(policy.resourceName, at: path.field("resourceName"))
        requireChoice(policy.restartPolicy, at: path.field("restartPolicy"))
    }
}
