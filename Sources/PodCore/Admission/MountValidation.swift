extension PodValidator {
    /// Where a container mounts volumes. Some paths carry no index, as in Kubernetes' messages.
    mutating func validateMounts(_ container: Container, at path: FieldPath) {
        let volumes = Set(pod.spec.volumes.map(\.name))
        var taken: Set<String> = []
        for (index, mount) in container.volumeMounts.enumerated() {
            let mountPath = path[index]
            if mount.name.isEmpty {
                report(.required(mountPath.field("name")))
            } else if !volumes.contains(mount.name) {
                report(.notFound(mountPath.field("name"), mount.name))
            }
            if mount.mountPath.isEmpty {
                report(.required(mountPath.field("mountPath")))
            } else if !taken.insert(mount.mountPath).inserted {
                report(.invalid(mountPath.field("mountPath"), mount.mountPath, "must be unique"))
            }
            validateSubPath(mount, at: path, index: index)
            validatePropagation(mount, of: container, at: path)
            validateRecursiveReadOnly(mount, at: mountPath.field("recursiveReadOnly"))
        }
    }

    private mutating func validateSubPath(_ mount: VolumeMount, at path: FieldPath, index: Int) {
        if !mount.subPath.isEmpty { validateDescending(mount.subPath, at: path.field("subPath")) }
        if mount.subPathExpr.isEmpty { return }
        if !mount.subPath.isEmpty {
            let detail = "subPathExpr and subPath are mutually exclusive"
            report(.invalid(path[index].field("subPathExpr"), mount.subPathExpr, detail))
        }
        validateDescending(mount.subPathExpr, at: path.field("subPathExpr"))
    }

    private mutating func validatePropagation(
        _ mount: VolumeMount,
        of container: Container,
        at path: FieldPath
    ) {
        guard mount.mountPropagation == .bidirectional, container.securityContext?.privileged != true else {
            return
        }
        let detail = "Bidirectional mount propagation is available only to privileged containers"
        report(.forbidden(path.field("mountPropagation"), detail))
    }

    private mutating func validateRecursiveReadOnly(_ mount: VolumeMount, at path: FieldPath) {
        guard let recursive = mount.recursiveReadOnly, recursive != .disabled else { return }
        if !mount.readOnly { report(.forbidden(path, "may only be specified when readOnly is true")) }
        if let propagation = mount.mountPropagation, propagation != MountPropagation.none {
            report(.forbidden(path, "may only be specified when mountPropagation is None or not specified"))
        }
    }
}
