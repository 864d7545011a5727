extension PodValidator {
    /// The fields of the spec that are no containers and no volumes.
    mutating func validateSpec() {
        let fields = pod.spec
        requireName(fields.nodeName, at: spec.field("nodeName"), rule: NameRules.subdomain)
        validateLabels(fields.nodeSelector, at: spec.field("nodeSelector"))
        if let deadline = fields.activeDeadlineSeconds, !(1...2_147_483_647).contains(deadline) {
            let path = spec.field("activeDeadlineSeconds")
            report(.invalid(path, deadline, "must be between 1 and 2147483647, inclusive"))
        }
        if !fields.priorityClassName.isEmpty {
            let broken = NameRules.subdomain(fields.priorityClassName)
            reportInvalid(spec.field("priorityClassName"), fields.priorityClassName, broken)
        }
        if let name = fields.runtimeClassName {
            reportInvalid(spec.field("runtimeClassName"), name, NameRules.subdomain(name))
        }
        if !fields.schedulingGates.isEmpty {
            let detail = "cannot be set until all schedulingGates have been cleared"
            report(.forbidden(spec.field("nodeName"), detail))
        }
        if let os = fields.os { validate(os) }
        validateHostNames()
        validateHostAliases()
        validateDNS()
        for (index, toleration) in fields.tolerations.enumerated() {
            validate(toleration, at: spec.field("tolerations")[index])
        }
    }

    private mutating func validate(_ os: PodOS) {
        if os.name.isEmpty {
            report(.required(spec.field("os").field("name")))
        } else if os.name != "linux", os.name != "windows" {
            report(.unsupported(spec.field("os"), os.name, supported: ["linux", "windows"]))
        }
    }

    private mutating func validateHostNames() {
        for (name, value) in [("hostname", pod.spec.hostname), ("subdomain", pod.spec.subdomain)]
        where !value.isEmpty {
            reportInvalid(spec.field(name), value, NameRules.label(value))
        }
        guard let override = pod.spec.hostnameOverride else { return }
        let path = spec.field("hostnameOverride")
        if pod.spec.setHostnameAsFQDN == true {
            report(.forbidden(path, "may not be specified when setHostnameAsFQDN is true"))
        }
        if pod.spec.hostNetwork { report(.forbidden(path, "may not be specified when hostNetwork is true")) }
        if override.utf8.count > 64 { report(.tooLong(path, maximum: 64)) }
        reportInvalid(path, override, NameRules.subdomain(override))
    }

    private mutating func validateHostAliases() {
        for (index, alias) in pod.spec.hostAliases.enumerated() {
            let path = spec.field("hostAliases")[index]
            reportInvalid(path.field("ip"), alias.ip, AddressRules.address(alias.ip))
            for name in alias.hostnames {
                reportInvalid(path.field("hostnames"), name, NameRules.subdomain(name))
            }
        }
    }

    private mutating func validate(_ toleration: Toleration, at path: FieldPath) {
        if !toleration.key.isEmpty {
            reportInvalid(path.field("key"), toleration.key, NameRules.qualifiedName(toleration.key))
        } else if toleration.operator != .exists {
            let detail =
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\""
            report(.invalid(path.field("operator"), toleration.operator?.rawValue ?? "", detail))
        }
        if toleration.tolerationSeconds != nil, toleration.effect != .noExecute {
            let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            report(.invalid(path.field("effect"), toleration.effect?.rawValue ?? "", detail))
        }
        if toleration.operator == .exists {
            if !toleration.value.isEmpty {
                let detail = "value must be empty when `operator` is 'Exists'"
                report(.invalid(path.field("operator"), toleration.document, detail))
            }
        } else {
            reportInvalid(path.field("operator"), toleration.value, NameRules.labelValue(toleration.value))
        }
    }
}

extension PodValidator {
    private mutating func validateDNS() {
        let path = spec.field("dnsConfig")
        if pod.spec.dnsPolicy == DNSPolicy.none {
            guard let config = pod.spec.dnsConfig else {
                report(.required(path, "must provide `dnsConfig` when `dnsPolicy` is None"))
                return
            }
            if config.nameservers.isEmpty {
                let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
                report(.required(path.field("nameservers"), detail))
            }
        }
        guard let config = pod.spec.dnsConfig else { return }
        validateNameservers(config, at: path.field("nameservers"))
        validateSearches(config, at: path.field("searches"))
        validateOptions(config, at: path.field("options"))
    }

    /// Kubernetes accepts any text. A blank or a line break would end the option in the file that it is written to.
    private mutating func validateOptions(_ config: PodDNSConfig, at path: FieldPath) {
        for (index, option) in config.options.enumerated() {
            if option.name.isEmpty { report(.required(path[index], "must not be empty")) }
            for (field, text) in [("name", option.name), ("value", option.value ?? "")]
            where !text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
                let detail = "must consist of printable ASCII characters other than blanks"
                report(.invalid(path[index].field(field), text, detail))
            }
        }
    }

    private mutating func validateNameservers(_ config: PodDNSConfig, at path: FieldPath) {
        if config.nameservers.count > 3 {
            report(.invalid(path, config.nameservers.document, "must not have more than 3 nameservers"))
        }
        for (index, server) in config.nameservers.enumerated() {
            reportInvalid(path[index], server, AddressRules.address(server))
        }
    }

    private mutating func validateSearches(_ config: PodDNSConfig, at path: FieldPath) {
        if config.searches.count > 32 {
            report(.invalid(path, config.searches.document, "must not have more than 32 search paths"))
        }
        if config.searches.joined(separator: " ").utf8.count > 2048 {
            let detail = "must not have more than 2048 characters (including spaces) in the search list"
            report(.invalid(path, config.searches.document, detail))
        }
        for (index, search) in config.searches.enumerated() where search != "." {
            let name = search.hasSuffix(".") ? String(search.dropLast()) : search
            reportInvalid(path[index], search, NameRules.searchDomain(name))
        }
    }
}
