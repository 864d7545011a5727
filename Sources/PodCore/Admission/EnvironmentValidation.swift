extension PodValidator {
    mutating func validateEnvironment(_ variables: [EnvVar], at path: FieldPath) {
        for (index, variable) in variables.enumerated() {
            requireName(variable.name, at: path[index].field("name"), rule: NameRules.environmentName)
            guard let source = variable.valueFrom else { continue }
            let sourcePath = path[index].field("valueFrom")
            validate(source, at: sourcePath)
            if source.count > 0, !variable.value.isEmpty {
                report(.invalid(sourcePath, "", "may not be specified when `value` is not empty"))
            } else if source.count > 1 {
                report(.invalid(sourcePath, "", "may not have more than one field specified at a time"))
            }
        }
    }

    private mutating func validate(_ source: EnvVarSource, at path: FieldPath) {
        if source.count == 0 {
            let detail =
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or "
                + "`fileKeyRef`"
            report(.invalid(path, "", detail))
        }
        if let field = source.fieldRef {
            validate(field, supported: DownwardField.inEnvironment, at: path.field("fieldRef"))
        }
        if let resource = source.resourceFieldRef {
            validate(resource, needsContainer: false, at: path.field("resourceFieldRef"))
        }
        if let key = source.configMapKeyRef { validate(key, at: path.field("configMapKeyRef")) }
        if let key = source.secretKeyRef { validate(key, at: path.field("secretKeyRef")) }
        if let key = source.fileKeyRef { validate(key, at: path.field("fileKeyRef")) }
    }

    private mutating func validate(_ selector: KeySelector, at path: FieldPath) {
        if selector.name.isEmpty { report(.required(path.field("name"))) }
        requireName(selector.key, at: path.field("key"), rule: NameRules.configMapKey)
    }

    private mutating func validate(_ selector: FileKeySelector, at path: FieldPath) {
        requireName(selector.key, at: path.field("key"), rule: NameRules.environmentName)
        let volume = pod.spec.volumes.first { $0.name == selector.volumeName }
        if selector.volumeName.isEmpty {
            report(.required(path.field("volumeName")))
        } else if volume == nil {
            report(.notFound(path.field("volumeName"), selector.volumeName))
        } else if volume?.emptyDir == nil {
            let detail = "referenced volume must be of type emptyDir"
            report(.invalid(path.field("volumeName"), selector.volumeName, detail))
        }
        if selector.path.isEmpty {
            report(.required(path.field("path")))
        } else {
            validateDescending(selector.path, at: path.field("path"))
        }
    }

    mutating func validateEnvironmentSources(_ sources: [EnvFromSource], at path: FieldPath) {
        for (index, source) in sources.enumerated() {
            if !source.prefix.isEmpty {
                let broken = NameRules.environmentName(source.prefix)
                reportInvalid(path[index].field("prefix"), source.prefix, broken)
            }
            switch (source.configMapRef, source.secretRef) {
            case (nil, nil):
                report(.invalid(path[index], "", "must specify one of: `configMapRef` or `secretRef`"))
            case (.some, .some):
                report(.invalid(path[index], "", "may not have more than one field specified at a time"))
            default: break
            }
            if source.configMapRef?.name == "" {
                report(.required(path[index].field("configMapRef").field("name")))
            }
            if source.secretRef?.name == "" {
                report(.required(path[index].field("secretRef").field("name")))
            }
        }
    }
}

extension EnvVarSource {
    /// How many sources are given.
    fileprivate var count: Int {
        [
            configMapKeyRef != nil, fieldRef != nil, fileKeyRef != nil, resourceFieldRef != nil,
            secretKeyRef != nil,
        ]
        .count { $0 }
    }
}
