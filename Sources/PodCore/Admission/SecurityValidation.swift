extension PodValidator {
    mutating func validatePodSecurityContext() {
        let context = pod.spec.securityContext
        let path = spec.field("securityContext")
        validateHostNamespaces()
        validateIDs(user: context.runAsUser, group: context.runAsGroup, at: path)
        for (index, group) in context.supplementalGroups.enumerated() {
            reportInvalid(path.field("supplementalGroups")[index], group, NameRules.userID(group))
        }
        if let group = context.fsGroup {
            reportInvalid(path.field("fsGroup"), group, NameRules.userID(group))
        }
        validateSysctls(at: path.field("sysctls"))
        validateProfiles(context.seccompProfile, context.appArmorProfile, at: path)
    }

    private mutating func validateHostNamespaces() {
        if pod.spec.shareProcessNamespace == true, pod.spec.hostPID {
            let path = spec.field("securityContext").field("shareProcessNamespace")
            report(.invalid(path, true, "ShareProcessNamespace and HostPID cannot both be enabled"))
        }
        guard pod.spec.hostUsers == false else { return }
        // Two of the paths are spelt like this in Kubernetes, too.
        let namespaces = [
            ("hostNetwork", pod.spec.hostNetwork), ("HostPID", pod.spec.hostPID),
            ("HostIPC", pod.spec.hostIPC),
        ]
        for (name, isHost) in namespaces where isHost {
            report(.forbidden(spec.field(name), "when `hostUsers` is false"))
        }
    }

    private mutating func validateIDs(user: Int64?, group: Int64?, at path: FieldPath) {
        if let user { reportInvalid(path.field("runAsUser"), user, NameRules.userID(user)) }
        if let group { reportInvalid(path.field("runAsGroup"), group, NameRules.userID(group)) }
    }

    private mutating func validateSysctls(at path: FieldPath) {
        var names: Set<String> = []
        for (index, sysctl) in pod.spec.securityContext.sysctls.enumerated() {
            let namePath = path[index].field("name")
            if sysctl.name.isEmpty {
                report(.required(namePath))
                continue
            }
            if !isSysctlName(sysctl.name) {
                let detail =
                    "must have at most 253 characters and match regex "
                    + "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"
                report(.invalid(namePath, sysctl.name, detail))
            } else if !names.insert(sysctl.name).inserted {
                report(.duplicate(namePath, sysctl.name))
            }
            validateNamespace(of: sysctl.name, at: namePath)
        }
    }

    /// A parameter of a namespace that the Pod shares with the node would change the node.
    private mutating func validateNamespace(of sysctl: String, at path: FieldPath) {
        switch PodSysctl.owner(of: PodSysctl.withDots(sysctl)) {
        case .network where pod.spec.hostNetwork:
            report(.invalid(path, sysctl, "may not be specified when 'hostNetwork' is true"))
        case .ipc where pod.spec.hostIPC:
            report(.invalid(path, sysctl, "may not be specified when 'hostIPC' is true"))
        case .network, .ipc, nil: break
        }
    }

    private func isSysctlName(_ name: String) -> Bool {
        let parts = name.utf8.split(omittingEmptySubsequences: false) {
            $0 == .dot || $0 == UInt8(ascii: "/")
        }
        return name.utf8.count <= 253
            && parts.allSatisfy { part in
                NameRules.isEnclosed(part, by: \.isLowercaseAlphanumeric) {
                    $0.isLowercaseAlphanumeric || $0 == .dash || $0 == .underscore
                }
            }
    }
}

extension PodValidator {
    mutating func validateSecurityContext(_ context: SecurityContext, at path: FieldPath) {
        validateIDs(user: context.runAsUser, group: context.runAsGroup, at: path)
        validateProfiles(context.seccompProfile, context.appArmorProfile, at: path)
        if context.procMount == .unmasked, pod.spec.hostUsers != false {
            let detail = "`hostUsers` must be false to use `Unmasked`"
            report(.invalid(path.field("procMount"), "Unmasked", detail))
        }
        guard context.allowPrivilegeEscalation == false else { return }
        if context.privileged == true {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            report(.invalid(path, context.document, detail))
        }
        // Compared as a text, so SYS_ADMIN without the prefix passes, as it does in Kubernetes.
        if context.capabilities?.add.contains("CAP_SYS_ADMIN") == true {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            report(.invalid(path, context.document, detail))
        }
    }

    private mutating func validateProfiles(
        _ seccomp: SeccompProfile?,
        _ appArmor: AppArmorProfile?,
        at path: FieldPath
    ) {
        if let seccomp {
            let profilePath = path.field("seccompProfile")
            validateProfile(seccomp.type, seccomp.localhostProfile, named: "seccomp", at: profilePath)
            if let file = seccomp.localhostProfile {
                validateDescending(file, at: profilePath.field("localhostProfile"))
            }
        }
        if let appArmor {
            let profilePath = path.field("appArmorProfile")
            validateProfile(appArmor.type, appArmor.localhostProfile, named: "AppArmor", at: profilePath)
        }
    }

    private mutating func validateProfile(
        _ type: ProfileType?,
        _ localhost: String?,
        named name: String,
        at path: FieldPath
    ) {
        let localhostPath = path.field("localhostProfile")
        guard let type else {
            let field = name == "seccomp" ? "seccompProfile" : "appArmorProfile"
            report(.required(path.field("type"), "type is required when \(field) is set"))
            return
        }
        if type == .localhost, localhost?.isEmpty != false {
            report(.required(localhostPath, "must be set when \(name) type is Localhost"))
        } else if type != .localhost, let localhost {
            report(.invalid(localhostPath, localhost, "can only be set when \(name) type is Localhost"))
        }
    }
}
