import PodCore

/// Writes the volumes of a Pod as `kubectl describe pod` does.
enum VolumeDescriber {
    static func write(_ volumes: [Volume], to page: inout DescriptionPage) {
        guard !volumes.isEmpty else { return page.line(0, "Volumes:", "<none>") }
        page.line(0, "Volumes:")
        for volume in volumes {
            page.line(1, "\(volume.name):")
            let lines = lines(of: volume)
            if lines.isEmpty { page.line(1, "<unknown>") }
            for (title, value) in lines { page.line(2, "\(title):", value) }
            for file in volume.downwardAPI?.items ?? [] { page.line(3, item(file)) }
        }
    }

    /// Titles and values of the kinds of volumes that podagent can have.
    private static func lines(of volume: Volume) -> [(String, String)] {
        if let path = volume.hostPath {
            let type = path.type.rawValue
            return [
                ("Type", "HostPath (bare host directory volume)"), ("Path", path.path),
                ("HostPathType", type),
            ]
        }
        if let directory = volume.emptyDir {
            return [
                ("Type", "EmptyDir (a temporary directory that shares a pod's lifetime)"),
                ("Medium", directory.medium),
                (
                    "SizeLimit",
                    directory.sizeLimit.map { $0 > Quantity() ? $0.description : "<unset>" } ?? "<unset>"
                ),
            ]
        }
        if let secret = volume.secret {
            return [
                ("Type", "Secret (a volume populated by a Secret)"), ("SecretName", secret.secretName),
                ("Optional", String(secret.optional ?? false)),
            ]
        }
        if let map = volume.configMap {
            return [
                ("Type", "ConfigMap (a volume populated by a ConfigMap)"), ("Name", map.name),
                ("Optional", String(map.optional ?? false)),
            ]
        }
        return rarer(volume)
    }

    private static func rarer(_ volume: Volume) -> [(String, String)] {
        if let nfs = volume.nfs {
            return [
                ("Type", "NFS (an NFS mount that lasts the lifetime of a pod)"), ("Server", nfs.server),
                ("Path", nfs.path), ("ReadOnly", String(nfs.readOnly)),
            ]
        }
        if let claim = volume.persistentVolumeClaim {
            return [
                (
                    "Type",
                    "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)"
                ),
                ("ClaimName", claim.claimName), ("ReadOnly", String(claim.readOnly)),
            ]
        }
        if let image = volume.image {
            return [
                ("Type", "Image (a container image or OCI artifact)"), ("Reference", image.reference),
                ("PullPolicy", image.pullPolicy?.rawValue ?? ""),
            ]
        }
        if volume.downwardAPI != nil {
            return [("Type", "DownwardAPI (a volume populated by information about the pod)"), ("Items", "")]
        }
        guard let projected = volume.projected else { return [] }
        return [("Type", "Projected (a volume that contains injected data from multiple sources)")]
            + projected.sources.flatMap(projection)
    }

    private static func projection(_ source: VolumeProjection) -> [(String, String)] {
        if let secret = source.secret {
            return [("SecretName", secret.name), ("Optional", String(secret.optional ?? false))]
        }
        if let map = source.configMap {
            return [("ConfigMapName", map.name), ("Optional", String(map.optional ?? false))]
        }
        if let token = source.serviceAccountToken {
            return [("TokenExpirationSeconds", String(token.expirationSeconds))]
        }
        return source.downwardAPI != nil ? [("DownwardAPI", "true")] : []
    }

    private static func item(_ file: DownwardAPIVolumeFile) -> String {
        "\(file.fieldRef?.fieldPath ?? file.resourceFieldRef?.resource ?? "") -> \(file.path)"
    }
}
