import CNamespaces
import Glibc
import PodCore

/// The volumes of one Pod. Everything here blocks and belongs on a worker.
struct PodVolumes: Sendable {
    let pod: Pod
    let directories: NodeDirectories

    private static func path(_ volume: Volume) -> String { "volumes/\(volume.name)" }

    /// Makes every volume ready that lives on disk; those in memory are made with the sandbox. May be called again:
    /// what is there stays.
    func prepare() throws {
        let root = try directories.podState(pod.metadata.uid)
        for volume in pod.spec.volumes {
            if let source = volume.hostPath {
                try HostPath.prepare(source, volume: volume.name)
            } else if let source = volume.emptyDir, source.medium.isEmpty {
                do {
                    _ = try root.makeDirectory("volumes", mode: 0o711)
                        .makeDirectory(volume.name, mode: 0o777, resolution: .beneathWithoutLinks)
                } catch {
                    throw VolumeFailure(volume: volume.name, cause: error.description)
                }
            }
        }
    }

    /// What a container mounts: descriptions for the plan and the descriptors that go with them.
    func mounts(of container: Container) throws -> [(ContainerLaunch.Mount, SharedDescriptor?)] {
        try container.volumeMounts.map { mount in
            guard let volume = pod.spec.volumes.first(where: { $0.name == mount.name }) else {
                throw VolumeFailure(volume: mount.name, cause: "no such volume")
            }
            if volume.emptyDir?.medium == "Memory" {
                return (ContainerLaunch.Mount(mount, of: volume, isDirectory: true), nil)
            }
            let source = try open(volume)
            let description = ContainerLaunch.Mount(mount, of: volume, isDirectory: source.isDirectory)
            return (description, source.descriptor)
        }
    }

    private func open(_ volume: Volume) throws -> MountSource {
        if let source = volume.hostPath { return try HostPath.openTree(source) }
        let root = try directories.podState(pod.metadata.uid)
        let directory = try root.directory(Self.path(volume), resolution: .beneathWithoutLinks)
        return try MountSource.clone(
            directory: directory.raw,
            path: "",
            recursive: false,
            subject: volume.name
        )
    }

    /// Removes what is on disk; hostPath volumes are not ours.
    func remove() throws {
        try directories.podState(pod.metadata.uid).removeTree("volumes")
    }
}
