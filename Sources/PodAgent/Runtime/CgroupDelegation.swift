import Glibc
import PodCore

/// Hands controllers down from the cgroup2 mount to the directory that the Pods are in; cgroups(7), "Enabling and
/// disabling controllers". A node without one of them still runs Pods, and tells what does not hold for them.
struct CgroupDelegation {
    private let root: RootedDirectory
    /// The directories from the mount down to the base, as paths beneath the mount.
    private let levels: [String]

    /// - Parameter base: the Pods' directory beneath the mount `root`.
    init(root: RootedDirectory, base: String) {
        self.root = root
        levels = base.split(separator: "/").reduce(into: ["."]) { levels, part in
            levels.append(levels.count == 1 ? String(part) : "\(levels[levels.count - 1])/\(part)")
        }
    }

    /// Enables what there is for the children of the base; what is missing, and why.
    func enableAll() -> [CgroupController: String] {
        var missing: [CgroupController: String] = [:]
        for controller in CgroupController.allCases {
            do throws(SystemFailure) {
                missing[controller] = try enable(controller)
            } catch {
                missing[controller] = "\(error)"
            }
        }
        return missing
    }

    /// Why it is not there; nil when it is enabled.
    private func enable(_ controller: CgroupController) throws(SystemFailure) -> String? {
        for level in levels {
            let directory = try root.directory(level)
            guard try directory.words(of: "cgroup.controllers").contains(controller.rawValue) else {
                return
                    "not in \(root.name)/cgroup.controllers (one that cgroup v1 uses is not; boot with cgroup v2 only)"
            }
            try directory.delegate([controller])
        }
        if controller == .cpu { try weighPods() }
        return nil
    }

    /// All Pods together weigh as much as the processors that they may use, as under the kubelet (reference §10.5).
    private func weighPods() throws(SystemFailure) {
        let shares = CPUShares(milliCPU: Int64(NodeProcessors.online) * 1000)
        try root.directory(levels[levels.count - 1]).write("\(shares.podWeight)", to: "cpu.weight")
    }
}

extension RootedDirectory {
    /// Enables controllers for the children of this cgroup. Not where they are already: the write waits for every cgroup
    /// below that has just been removed.
    func delegate(_ controllers: [CgroupController]) throws(SystemFailure) {
        let enabled = try words(of: "cgroup.subtree_control")
        let wanted = controllers.map(\.rawValue).filter { !enabled.contains($0) }
        guard !wanted.isEmpty else { return }
        try write(wanted.map { "+\($0)" }.joined(separator: " "), to: "cgroup.subtree_control")
    }

    /// Writes a cgroup's file; what the kernel says to the value is its answer.
    func write(_ text: String, to file: String) throws(SystemFailure) {
        let opened = try open(file, flags: O_WRONLY, resolution: .beneathWithoutLinks)
        try writeAll(opened, Array(text.utf8), subject: "\(name)/\(file) \"\(text)\"")
    }

    fileprivate func words(of file: String) throws(SystemFailure) -> [String] {
        String(decoding: try read(file, limit: 4096), as: UTF8.self).split { $0 == " " || $0 == "\n" }
            .map(String.init)
    }
}
