import CNamespaces
import Glibc
import PodCore

/// A container start, ready to be sent to the shim.
struct PreparedContainer: Sendable {
    var plan: LaunchPlan
    /// In the order of the wire: plan, cgroup, log directory, then the plan's own.
    var descriptors: [SharedDescriptor]
    var facts: PodStatusBuilder.ContainerFacts
    /// Keeps the image that the plan mounts.
    var imageHold: ImageHold?
}

/// Makes everything that one container instance needs before its process can be born: directories, files, mounts, the
/// plan. Blocks; belongs on a worker. What fails here has made no process.
struct ContainerPreparation: Sendable {
    let pod: Pod
    let container: Container
    let restartCount: Int
    let directories: NodeDirectories
    let cgroups: Cgroups
    let images: any ImageProvider
    let naming: NodeNaming
    let addresses: PodAddresses
    /// The image that was pulled for this start, or that the container runs from; nil when its name decides.
    var imageID: String?
    var keys = PullKeys()
    var registries = RegistryConfiguration()

    /// `<container>-<restart count>`: names the instance's directories and cgroup.
    var instance: String {
        ContainerInstance(container: container.name, restartCount: restartCount).description
    }

    func prepare() throws -> PreparedContainer {
        let image = try resolveImage()
        let hostname = PodHostname(of: pod, on: naming).kernel
        let process = try makeProcess(image, hostname)
        do {
            return try assemble(image, process, hostname)
        } catch let failure as StartFailure {
            throw failure
        } catch let failure as VolumeFailure {
            throw StartFailure(waiting: Waiting("CreateContainerConfigError", failure.description))
        } catch {
            throw StartFailure(waiting: Waiting("CreateContainerError", "\(error)"))
        }
    }

    private func resolveImage() throws -> NodeImage {
        if let imageID {
            // What was pulled for this start is what starts, whatever the name stands for by now.
            guard let image = try namedImage(imageID) else { throw ImageWanted() }
            return image
        }
        let image = try images.image(container.image, for: PodKey(pod), with: keys, registries)
        if let image, container.imagePullPolicy != .always || image.isDirectory { return image }
        if container.imagePullPolicy == .never {
            throw StartFailure(waiting: ImageFailure.neverPull(image: container.image).waiting)
        }
        throw ImageWanted()
    }

    /// By the name of the spec if that is the image's, so that the status shows it.
    private func namedImage(_ id: String) throws -> NodeImage? {
        if let image = try images.image(container.image, for: PodKey(pod)), image.configID == id {
            return image
        }
        return try images.image(id, for: PodKey(pod))
    }

    private func makeProcess(_ image: NodeImage, _ hostname: String) throws -> ProcessLaunch {
        let source = ContainerProcess(
            pod: pod,
            container: container,
            image: image.config,
            accounts: image.accounts,
            hostname: hostname,
            addresses: addresses,
            nodeMemory: NodeMemory.bytes
        )
        do throws(ContainerProcess.Failure) {
            return try source.launch()
        } catch {
            throw StartFailure(waiting: error.waiting)
        }
    }

    private func assemble(
        _ image: NodeImage,
        _ process: ProcessLaunch,
        _ hostname: String
    ) throws -> PreparedContainer {
        CrashPoint.duringContainer.pass(pod.metadata.uid)
        let scratch = try makeScratch()
        let volumes = try PodVolumes(pod: pod, directories: directories).mounts(of: container)
        try refuseReservedPlaces(volumes.map(\.0), field: "volumeMounts")
        let files = try ownFiles() + [terminationLog(in: scratch)].compactMap(\.self)
        var passed = (volumes + files.map { ($0.0, Optional($0.1)) }).compactMap(\.1)
        if pod.spec.hostIPC { passed.append(try hostSharedMemory()) }
        var launch = ContainerLaunch(
            pod: pod,
            container: container,
            instance: instance,
            root: image.root,
            mounts: volumes.map(\.0) + files.map(\.0),
            process: process,
            places: directories.places
        )
        launch.throttledCPUs = try NodeProcessors.withThermalThrottle()
        let plan = launch.plan
        let descriptors = [
            try sealedPlan(plan, subject: container.name),
            SharedDescriptor(try cgroups.leaf(of: container, instance: instance, in: pod)),
            try logDirectory(),
        ]
        return PreparedContainer(
            plan: plan,
            descriptors: descriptors + passed,
            facts: facts(image, process),
            imageHold: image.hold
        )
    }

    /// The writable layer of this instance, fresh for every start, as in Kubernetes.
    private func makeScratch() throws -> RootedDirectory {
        let uid = pod.metadata.uid
        let containers = try directories.podState(uid).makeDirectory("containers", mode: 0o700)
        try containers.removeTree(instance)
        let scratch = try containers.makeDirectory(instance, mode: 0o700)
        _ = try scratch.makeDirectory("upper", mode: 0o755)
        _ = try scratch.makeDirectory("work", mode: 0o700)
        return scratch
    }

    /// The file for the container's last words, which whoever the container runs as can write to.
    private func terminationLog(
        in scratch: RootedDirectory
    ) throws -> (ContainerLaunch.Mount, SharedDescriptor)? {
        guard let mount = ContainerLaunch.Mount.terminationLog(of: container) else { return nil }
        try refuseReservedPlaces([mount], field: "terminationMessagePath")
        let file = try scratch.makeFile(TerminationReader.fileName, mode: 0o666)
        let source = try MountSource.clone(
            directory: file.raw,
            path: "",
            recursive: false,
            subject: TerminationReader.fileName
        )
        return (mount, source.descriptor)
    }

    /// What is mounted over /proc or /sys would take away what hides the node's (CVE-2023-28642, CVE-2019-16884).
    private func refuseReservedPlaces(_ mounts: [ContainerLaunch.Mount], field: String) throws {
        for mount in mounts {
            let parts = mount.path.split(separator: "/").filter { $0 != "." }
            guard parts.first == "proc" || parts.first == "sys" || parts.isEmpty || parts.contains("..")
            else {
                continue
            }
            let message =
                "\(field): \(mount.path) cannot be mounted on: /, /proc and /sys are the runtime's"
            throw StartFailure(waiting: Waiting("CreateContainerConfigError", message))
        }
    }

    /// What stands in /etc of every container of the Pod, by the names that ``PodFilesWriter`` gave.
    private func ownFiles() throws -> [(ContainerLaunch.Mount, SharedDescriptor)] {
        let root = try directories.podState(pod.metadata.uid)
        let files = [
            "/etc/hosts": "etc-hosts", "/etc/hostname": "hostname", "/etc/resolv.conf": "resolv.conf",
        ]
        return try ContainerLaunch.Mount.ownFiles(of: container).compactMap { mount in
            guard let file = files[mount.path] else { return nil }
            let opened = try root.open(file, flags: O_PATH | O_NOFOLLOW, resolution: .beneathWithoutLinks)
            let source = try MountSource.clone(
                directory: opened.raw,
                path: "",
                recursive: false,
                subject: file
            )
            return (mount, source.descriptor)
        }
    }

    private func hostSharedMemory() throws -> SharedDescriptor {
        try MountSource.clone(directory: AT_FDCWD, path: "/dev/shm", recursive: false, subject: "/dev/shm")
            .descriptor
    }

    private func logDirectory() throws -> SharedDescriptor {
        let directory = try directories.logs().makeDirectory(
            "\(NodeDirectories.logName(pod))/\(container.name)",
            mode: 0o755,
            resolution: .beneathWithoutLinks
        )
        removeOldLogs(directory)
        return SharedDescriptor(try directory.open(".", flags: O_RDONLY | O_DIRECTORY))
    }

    /// Keeps the log of the instance before this one, for `logs --previous`. Done at a start, for not every end is heard of.
    private func removeOldLogs(_ directory: RootedDirectory) {
        do throws(SystemFailure) {
            for entry in try directory.entries() {
                guard let name = LogFileName(entry), name.restartCount < restartCount - 1 else { continue }
                try directory.removeTree(entry)
            }
        } catch {
            Log.warning("an old log of Pod \(pod.metadata.name) stays: \(error)")
        }
    }

    /// The container's own before the image's `STOPSIGNAL`.
    private func stopSignal(_ image: ImageConfig) -> Int32 {
        let name = container.lifecycle?.stopSignal ?? image.stopSignal
        return SignalNumber.named(name) ?? SIGTERM
    }

    private func facts(_ image: NodeImage, _ process: ProcessLaunch) -> PodStatusBuilder.ContainerFacts {
        var facts = PodStatusBuilder.ContainerFacts()
        facts.image = image.name
        facts.imageID = image.id
        facts.storedImage = image.hold?.id
        facts.user = process.user
        facts.group = process.group
        facts.groups = process.groups
        facts.stopSignal = stopSignal(image.config)
        return facts
    }
}

/// A plan in a sealed memory file, as the shim maps it.
func sealedPlan(_ plan: LaunchPlan, subject: String) throws(SystemFailure) -> SharedDescriptor {
    let bytes = plan.encoded()
    let memory = try check("memfd_create", "plan of \(subject)") {
        cns_sealed_memory("podagent-plan", bytes, bytes.count)
    }
    return SharedDescriptor(Descriptor(adopting: memory))
}
