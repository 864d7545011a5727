/// Where the parts of Pods lie on the node, as launch plans name them.
public struct LaunchPlaces: Hashable, Sendable {
    /// The absolute path of what survives a reboot.
    public var statePath: String
    /// The absolute path of what does not.
    public var runPath: String

    /// Makes the description.
    public init(statePath: String, runPath: String) {
        self.statePath = statePath
        self.runPath = runPath
    }

    /// An empty directory that every pause mounts its root on.
    public var emptyDirectory: String { "\(runPath)/empty" }

    /// What one instance of a container writes; `instance` is `<container>-<restart count>`.
    public func scratch(_ uid: String, instance: String) -> String {
        "\(statePath)/pods/\(uid)/containers/\(instance)"
    }

    /// Where a container mounts its root, inside its own mount namespace.
    public func rootTarget(_ uid: String) -> String { "\(runPath)/pods/\(uid)/root" }
}

extension PodSpec {
    /// The namespaces that the Pod's pause holds and its containers join; the PID namespace is one they are born in.
    public var joinedNamespaces: Namespaces {
        var namespaces: Namespaces = []
        if !hostNetwork { namespaces.formUnion([.network, .uts]) }
        if !hostIPC { namespaces.insert(.ipc) }
        return namespaces
    }

    /// The `emptyDir` volumes in memory, which are made with the sandbox.
    public var memoryVolumes: [PauseLaunch.MemoryVolume] {
        volumes.compactMap { volume in
            guard let source = volume.emptyDir, source.medium == "Memory" else { return nil }
            return PauseLaunch.MemoryVolume(
                name: volume.name,
                sizeLimit: source.sizeLimit.map { UInt64(clamping: $0.value) }
            )
        }
    }
}

extension PauseLaunch {
    /// The pause of a Pod on the node that is named so.
    public init(pod: Pod, naming: NodeNaming, places: LaunchPlaces) {
        self.init(
            namespaces: pod.spec.joinedNamespaces,
            hostname: PodHostname(of: pod, on: naming).kernel,
            memoryVolumes: pod.spec.memoryVolumes,
            sysctls: pod.spec.securityContext.sysctls.compactMap { PodSysctl($0) },
            emptyDirectory: places.emptyDirectory
        )
    }
}

extension ContainerLaunch {
    /// An instance of a container of a Pod: what the spec says, on the root that its image gives.
    public init(
        pod: Pod,
        container: Container,
        instance: String,
        root: Root,
        mounts: [Mount],
        process: ProcessLaunch,
        places: LaunchPlaces
    ) {
        let scratch = places.scratch(pod.metadata.uid, instance: instance)
        self.init(
            namespaces: pod.spec.joinedNamespaces,
            root: root,
            upperDirectory: "\(scratch)/upper",
            workDirectory: "\(scratch)/work",
            rootTarget: places.rootTarget(pod.metadata.uid),
            readOnlyRoot: container.securityContext?.readOnlyRootFilesystem ?? false,
            mounts: mounts,
            hostSharedMemory: pod.spec.hostIPC,
            terminal: container.tty,
            process: process
        )
    }
}

extension ContainerLaunch.Mount {
    /// A volume of the Pod in a container. `isDirectory` is what is found on the node.
    public init(_ mount: VolumeMount, of volume: Volume, isDirectory: Bool) {
        let isInMemory = volume.emptyDir?.medium == "Memory"
        self.init(
            source: isInMemory ? .memoryVolume(volume.name) : .passed,
            path: mount.mountPath.hasPrefix("/") ? mount.mountPath : "/" + mount.mountPath,
            readOnly: mount.readOnly,
            isDirectory: isDirectory,
            isOwn: false
        )
    }

    /// The runtime's own files, unless the container mounts something in their place.
    public static func ownFiles(of container: Container) -> [ContainerLaunch.Mount] {
        let taken = Set(container.volumeMounts.map(\.mountPath))
        let readOnly = container.securityContext?.readOnlyRootFilesystem ?? false
        return ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"].filter { !taken.contains($0) }.map {
            ContainerLaunch.Mount(path: $0, readOnly: readOnly, isDirectory: false, isOwn: true)
        }
    }

    /// Where the container leaves its last words, also if all else is read-only to it (reference §6.10). Nil when it mounts
    /// something in that place.
    public static func terminationLog(of container: Container) -> ContainerLaunch.Mount? {
        let path = container.terminationMessagePath
        if container.volumeMounts.contains(where: { $0.mountPath == path }) { return nil }
        let absolute = path.hasPrefix("/") ? path : "/" + path
        return ContainerLaunch.Mount(path: absolute, readOnly: false, isDirectory: false, isOwn: true)
    }
}
