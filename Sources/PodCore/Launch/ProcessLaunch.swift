/// Who a process is and what it runs: the part that a container's first process and an exec have in common.
public struct ProcessLaunch: Hashable, Sendable {
    /// The program and its arguments; never empty.
    public var arguments: [String]
    /// `NAME=value` entries.
    public var environment: [String]
    /// An absolute path inside the container; made if it is missing.
    public var workingDirectory: String
    /// The user ID, in the node's user namespace.
    public var user: UInt32
    /// The primary group's ID.
    public var group: UInt32
    /// Supplementary groups.
    public var groups: [UInt32]
    /// Its capabilities if it is root, and the bounding set in any case.
    public var capabilities: CapabilitySet
    /// `allowPrivilegeEscalation: false`: prctl(2), PR_SET_NO_NEW_PRIVS.
    public var forbidsNewPrivileges: Bool
    /// -1000…1000, proc_pid_oom_score_adj(5).
    public var oomScoreAdjustment: Int

    /// Makes the description.
    public init(
        arguments: [String],
        environment: [String],
        workingDirectory: String,
        user: UInt32,
        group: UInt32,
        groups: [UInt32],
        capabilities: CapabilitySet,
        forbidsNewPrivileges: Bool,
        oomScoreAdjustment: Int
    ) {
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.user = user
        self.group = group
        self.groups = groups
        self.capabilities = capabilities
        self.forbidsNewPrivileges = forbidsNewPrivileges
        self.oomScoreAdjustment = oomScoreAdjustment
    }

    /// Where a program without a slash in its name is looked for: the process's own `PATH`.
    var searchPath: String {
        let entry = environment.last { $0.hasPrefix("PATH=") }
        return entry.map { String($0.dropFirst(5)) } ?? Self.defaultPath
    }

    /// The `PATH` of a container whose image sets none, as containerd and Docker have it.
    public static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    var adjustOOMScore: LaunchStep {
        // Through the node's own /proc, before anything of the container can be in the way.
        .ifPossible(.write(path: "/proc/self/oom_score_adj", text: String(oomScoreAdjustment)))
    }

    /// The end of every plan that executes something. The order: what needs a capability stands before the step that
    /// gives it up. The bounding set wants CAP_SETPCAP, groups CAP_SETGID, so both come before the identity; the kernel
    /// empties the sets when root becomes somebody else, so only root has any to set afterwards.
    var finalSteps: [LaunchStep] {
        var steps: [LaunchStep] = [
            .setUmask(0o022),
            .changeWorkingDirectory(workingDirectory),
            .limitBoundingSet(capabilities),
            .setGroups(groups),
            .setIdentity(user: user, group: group),
            .setCapabilities(user == 0 ? capabilities : .empty),
        ]
        if forbidsNewPrivileges { steps.append(.forbidNewPrivileges) }
        steps.append(.execute(arguments: arguments, environment: environment, searchPath: searchPath))
        return steps
    }
}
