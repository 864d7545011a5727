extension PodValidator {
    mutating func validateVolumes() {
        let path = spec.field("volumes")
        var names: Set<String> = []
        for (index, volume) in pod.spec.volumes.enumerated() {
            validateSource(of: volume, at: path[index])
            requireName(volume.name, at: path[index].field("name"))
            if !volume.name.isEmpty, !names.insert(volume.name).inserted {
                report(.duplicate(path[index].field("name"), volume.name))
            }
        }
    }

    private mutating func validateSource(of volume: Volume, at path: FieldPath) {
        for second in volume.sources.dropFirst() {
            report(.forbidden(path.field(second), "may not specify more than 1 volume type"))
        }
        if let limit = volume.emptyDir?.sizeLimit, limit < Quantity() {
            let limitPath = path.field("emptyDir").field("sizeLimit")
            report(.forbidden(limitPath, "SizeLimit field must be a valid resource quantity"))
        }
        if let hostPath = volume.hostPath { validate(hostPath, at: path.field("hostPath")) }
        if let secret = volume.secret {
            let secretPath = path.field("secret")
            if secret.secretName.isEmpty { report(.required(secretPath.field("secretName"))) }
            validateMode(secret.defaultMode, at: secretPath.field("defaultMode"))
            validateItems(secret.items, at: secretPath.field("items"))
        }
        if let configMap = volume.configMap {
            let configPath = path.field("configMap")
            if configMap.name.isEmpty { report(.required(configPath.field("name"))) }
            validateMode(configMap.defaultMode, at: configPath.field("defaultMode"))
            validateItems(configMap.items, at: configPath.field("items"))
        }
        if let downward = volume.downwardAPI {
            validateMode(downward.defaultMode, at: path.field("downwardAPI").field("defaultMode"))
            validateFiles(downward.items, at: path.field("downwardAPI"))
        }
        if let projected = volume.projected { validate(projected, at: path.field("projected")) }
    }

    private mutating func validate(_ hostPath: HostPathVolumeSource, at path: FieldPath) {
        let pathPath = path.field("path")
        if hostPath.path.isEmpty { report(.required(pathPath)) }
        if hasBackstep(hostPath.path) { report(.invalid(pathPath, hostPath.path, "must not contain '..'")) }
    }

    private mutating func validate(_ projected: ProjectedVolumeSource, at path: FieldPath) {
        validateMode(projected.defaultMode, at: path.field("defaultMode"))
        for (index, source) in projected.sources.enumerated() {
            let sourcePath = path.field("sources")[index]
            if let secret = source.secret {
                if secret.name.isEmpty { report(.required(sourcePath.field("secret").field("name"))) }
                validateItems(secret.items, at: sourcePath.field("secret").field("items"))
            }
            if let configMap = source.configMap {
                if configMap.name.isEmpty { report(.required(sourcePath.field("configMap").field("name"))) }
                validateItems(configMap.items, at: sourcePath.field("configMap").field("items"))
            }
            if let downward = source.downwardAPI {
                validateFiles(downward.items, at: sourcePath.field("downwardAPI"))
            }
        }
    }

    private mutating func validateItems(_ items: [KeyToPath], at path: FieldPath) {
        for (index, item) in items.enumerated() {
            if item.key.isEmpty { report(.required(path[index].field("key"))) }
            if item.path.isEmpty { report(.required(path[index].field("path"))) }
            validateFileName(item.path, at: path[index].field("path"))
            if let mode = item.mode { validateMode(mode, at: path[index].field("mode")) }
        }
    }

    /// The files of a downwardAPI volume. Their paths carry no index, as in Kubernetes' messages.
    private mutating func validateFiles(_ files: [DownwardAPIVolumeFile], at path: FieldPath) {
        for file in files {
            if file.path.isEmpty { report(.required(path.field("path"))) }
            validateFileName(file.path, at: path.field("path"))
            if let field = file.fieldRef {
                validate(field, supported: DownwardField.inVolume, at: path.field("fieldRef"))
                if file.resourceFieldRef != nil {
                    let detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
                    report(.invalid(path, "resource", detail))
                }
            } else if let resource = file.resourceFieldRef {
                validate(resource, needsContainer: true, at: path.field("resourceFieldRef"))
            } else {
                report(.required(path, "one of fieldRef and resourceFieldRef is required"))
            }
            if let mode = file.mode { validateMode(mode, at: path.field("mode")) }
        }
    }

    private mutating func validateMode(_ mode: Int32, at path: FieldPath) {
        if (0...0o777).contains(mode) { return }
        report(.invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive"))
    }

    /// A path that stays below its root.
    mutating func validateDescending(_ text: String, at path: FieldPath) {
        if text.hasPrefix("/") { report(.invalid(path, text, "must be a relative path")) }
        if hasBackstep(text) { report(.invalid(path, text, "must not contain '..'")) }
    }

    /// A path below a volume's root that does not collide with the names that atomic updates use there.
    private mutating func validateFileName(_ text: String, at path: FieldPath) {
        validateDescending(text, at: path)
        if text.hasPrefix(".."), !text.hasPrefix("../"), text != ".." {
            report(.invalid(path, text, "must not start with '..'"))
        }
    }

    private func hasBackstep(_ path: String) -> Bool {
        path.split(separator: "/", omittingEmptySubsequences: false).contains("..")
    }
}

extension Volume {
    /// The names of the sources that are given, in the order in which Kubernetes looks at them.
    var sources: [String] {
        let sources: [(String, Bool)] = [
            ("emptyDir", emptyDir != nil), ("hostPath", hostPath != nil), ("gitRepo", gitRepo != nil),
            ("gcePersistentDisk", gcePersistentDisk != nil),
            ("awsElasticBlockStore", awsElasticBlockStore != nil), ("secret", secret != nil),
            ("nfs", nfs != nil),
            ("iscsi", iscsi != nil), ("glusterfs", glusterfs != nil), ("flocker", flocker != nil),
            ("persistentVolumeClaim", persistentVolumeClaim != nil), ("rbd", rbd != nil),
            ("cinder", cinder != nil), ("cephfs", cephfs != nil), ("quobyte", quobyte != nil),
            ("downwardAPI", downwardAPI != nil), ("fc", fc != nil), ("flexVolume", flexVolume != nil),
            ("configMap", configMap != nil), ("azureFile", azureFile != nil),
            ("vsphereVolume", vsphereVolume != nil), ("photonPersistentDisk", photonPersistentDisk != nil),
            ("portworxVolume", portworxVolume != nil), ("azureDisk", azureDisk != nil),
            ("storageos", storageos != nil), ("projected", projected != nil), ("scaleIO", scaleIO != nil),
            ("csi", csi != nil), ("ephemeral", ephemeral != nil), ("image", image != nil),
        ]
        return sources.filter(\.1).map(\.0)
    }
}
