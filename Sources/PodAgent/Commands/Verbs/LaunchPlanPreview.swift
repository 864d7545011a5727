import Glibc
import PodCore

/// What `podagent plan` prints for one Pod: the launch plans that the agent would have carried out, in words.
///
/// The image is not looked at, so that a plan can be had on any machine; where it would have a say, its name stands
/// in brackets.
struct LaunchPlanPreview {
    private let pod: Pod
    private let naming: NodeNaming
    private let places: LaunchPlaces

    static func text(for pod: Pod, nodeName: String) -> String {
        let defaults = NodeOptions()
        let places = LaunchPlaces(statePath: defaults.stateDirectory, runPath: defaults.runDirectory)
        return LaunchPlanPreview(pod: pod, naming: NodeNaming(nodeName: nodeName), places: places).text
    }

    private var text: String {
        let pause = PauseLaunch(pod: pod, naming: naming, places: places)
        var text = "pod \(pod.metadata.namespace)/\(pod.metadata.name)\n"
        text += cgroup(CgroupValues(ofPod: pod.spec))
        text += section("sandbox: clone3 \(newNamespaces)", pause.plan)
        for container in pod.spec.initContainers { text += section("init container", container) }
        for container in pod.spec.containers { text += section("container", container) }
        return text
    }

    /// What pause is born in, apart from its mount namespace.
    private var newNamespaces: Namespaces {
        var namespaces = pod.spec.joinedNamespaces
        namespaces.insert(.mount)
        if !pod.spec.hostPID { namespaces.insert(.pid) }
        return namespaces
    }

    private func section(_ kind: String, _ container: Container) -> String {
        let title = "\(kind) \(container.name)"
        do throws(ContainerProcess.Failure) {
            let plan = try launch(container).plan
            let limits = cgroup(CgroupValues(of: container, in: pod.spec))
            return section("\(title): clone3 in \(birthplace)", plan, limits)
        } catch {
            return "\n\(title): waits with \(error.waiting.reason): \(error.waiting.message)\n"
        }
    }

    private var birthplace: String {
        if pod.spec.hostPID { return "the node's PID namespace" }
        return pod.spec.shareProcessNamespace == true
            ? "pause's PID namespace" : "a PID namespace within pause's"
    }

    /// What is written to the cgroup before anything is born into it.
    private func cgroup(_ values: CgroupValues) -> String {
        "  cgroup: \(values.settings.map { "\($0.file) \($0.value)" }.joined(separator: ", "))\n"
    }

    private func section(_ title: String, _ plan: LaunchPlan, _ preamble: String = "") -> String {
        let width = String(plan.steps.count).utf8.count
        let lines = plan.steps.enumerated().map { index, step in
            let number = String(index + 1)
            return "  \(String(repeating: " ", count: width - number.utf8.count))\(number)  \(step)\n"
        }
        return "\n\(title)\n" + preamble + lines.joined()
    }

    private func launch(_ container: Container) throws(ContainerProcess.Failure) -> ContainerLaunch {
        let process = ContainerProcess(
            pod: pod,
            container: container,
            image: assumedConfig(of: container),
            accounts: AccountFiles(),
            hostname: PodHostname(of: pod, on: naming).kernel,
            addresses: PodAddresses(
                of: pod.spec,
                own: ["[the Pod's address]"],
                node: ["[the node's address]"]
            ),
            nodeMemory: NodeMemory.bytes
        )
        return ContainerLaunch(
            pod: pod,
            container: container,
            instance: "\(container.name)-0",
            root: root(of: container.image),
            mounts: mounts(of: container),
            process: try process.launch(),
            places: places
        )
    }

    private func assumedConfig(of container: Container) -> ImageConfig {
        var config = ImageConfig()
        config.entrypoint = ["[entrypoint of \(container.image)]"]
        // Whether the image's own user is root shows at its start. Until then it is taken to be as the spec wants it.
        let mustNotBeRoot = container.securityContext?.runAsNonRoot ?? pod.spec.securityContext.runAsNonRoot
        if mustNotBeRoot == true { config.user = "65534" }
        return config
    }

    private func root(of image: String) -> ContainerLaunch.Root {
        let prefix = "rootfs:"
        if image.hasPrefix(prefix) { return .directory(String(image.dropFirst(prefix.count))) }
        return .layers(directory: "\(places.statePath)/images/layers", names: ["[layers of \(image)]"])
    }

    private func mounts(of container: Container) -> [ContainerLaunch.Mount] {
        let volumes = container.volumeMounts.compactMap { mount -> ContainerLaunch.Mount? in
            guard let volume = pod.spec.volumes.first(where: { $0.name == mount.name }) else { return nil }
            return ContainerLaunch.Mount(mount, of: volume, isDirectory: isDirectory(volume))
        }
        let log = ContainerLaunch.Mount.terminationLog(of: container)
        return volumes + ContainerLaunch.Mount.ownFiles(of: container) + [log].compactMap(\.self)
    }

    /// As on this machine, if it has the path; else as its type says.
    private func isDirectory(_ volume: Volume) -> Bool {
        guard let source = volume.hostPath else { return true }
        var status = stat()
        if stat(source.path, &status) == 0 { return status.st_mode & S_IFMT == S_IFDIR }
        return [.unchecked, .directory, .directoryOrCreate].contains(source.type)
    }
}
