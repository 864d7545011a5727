/// Steps in words, for `podagent plan` and for the message when one fails. System calls by their names.
extension LaunchStep: CustomStringConvertible {
    /// In words.
    public var description: String {
        switch self {
        case .ifPossible(let step): "\(step) (if possible)"
        case .join(let slot, let namespaces): "setns \(slot) \(namespaces)"
        case .unshare(let namespaces): "unshare \(namespaces)"
        case .makeMountsPrivate: "mount / rprivate"
        case .open(let path, let slot, _): "open \(path) as \(slot)"
        case .changeDirectory(let path): "chdir \(path)"
        case .mountOverlay(let target, let options): "mount overlay on \(target) nodev,\(options)"
        case .newFilesystem(let type, let options, let attributes, let slot):
            "fsmount \(type) \(([attributes.text, options].filter { !$0.isEmpty }).joined(separator: ",")) as \(slot)"
        case .cloneTree(let path, let slot): "open_tree \(path) as \(slot)"
        case .setAttributes(let slot, let attributes, let recursive):
            "mount_setattr \(slot) \(attributes.text)\(recursive ? " recursively" : "")"
        case .attach(let slot, let path, let beneath, _): "move_mount \(slot) on \(path) beneath \(beneath)"
        case .attachHere(let slot, let place): "move_mount \(slot) on \(place)"
        case .makeDirectory(let path, let slot, let mode):
            "mkdir \(path) \(String(mode, radix: 8)) beneath \(slot)"
        case .makeDevice(let path, let slot, let major, let minor):
            "mknod \(path) c \(major):\(minor) in \(slot)"
        case .symlink(let path, let target, let slot): "symlink \(path) -> \(target) in \(slot)"
        case .mask(let path, let slot, _): "mask \(path) beneath \(slot)"
        case .readOnly(let path, let slot): "make read-only \(path) beneath \(slot)"
        case .pivotRoot(let slot): "pivot_root \(slot)"
        case .setHostname(let name): "sethostname \(name)"
        case .bringLoopbackUp: "bring lo up"
        case .netlink(let message, let socket, _):
            "netlink \(message.summary)\(socket == .none ? "" : " by \(socket)")"
        case .newSession: "setsid"
        case .openTerminal(_, _, let owner, _, _): "open a terminal for uid \(owner)"
        case .connectStandardStreams: "connect stdin, stdout, stderr"
        case .setUmask(let mask): "umask 0\(String(mask, radix: 8))"
        case .write(let path, let text): "write \(text) to \(path)"
        case .changeWorkingDirectory(let path): "chdir \(path)"
        case .limitBoundingSet(let set): "limit bounding set to \(set.text)"
        case .setGroups(let groups):
            "setgroups \(groups.isEmpty ? "none" : groups.map(String.init).joined(separator: ","))"
        case .setIdentity(let user, let group): "setresuid \(user), setresgid \(group)"
        case .setCapabilities(let set): "capset \(set.text)"
        case .forbidNewPrivileges: "set no_new_privs"
        case .execute(let arguments, _, _): "exec \(arguments.map(\.word).joined(separator: " "))"
        case .becomePause: "pause"
        }
    }
}

extension Slot: CustomStringConvertible {
    /// In words.
    public var description: String {
        switch self {
        case .none: "none"
        case .pause: "pause"
        case .target: "container"
        default: number >= Slot.scratchStart ? "fd:\(number)" : "passed:\(number - Slot.passed.number)"
        }
    }

    /// Slots from here on are for what a plan opens itself; those before it are for what comes with the plan.
    static let scratchStart: UInt16 = 256
}

extension Namespaces: CustomStringConvertible {
    /// In words.
    public var description: String {
        let names: [(Namespaces, String)] = [
            (.mount, "mnt"), (.cgroup, "cgroup"), (.uts, "uts"), (.ipc, "ipc"), (.pid, "pid"),
            (.network, "net"),
        ]
        return names.filter { contains($0.0) }.map(\.1).joined(separator: ",")
    }
}

extension MountAttributes {
    /// As mount(8) writes them.
    public var text: String {
        let names: [(MountAttributes, String)] = [
            (.readOnly, "ro"), (.noSetUserID, "nosuid"), (.noDevices, "nodev"), (.noExecution, "noexec"),
            (.strictAccessTime, "strictatime"),
        ]
        return names.filter { contains($0.0) }.map(\.1).joined(separator: ",")
    }
}

extension CapabilitySet {
    fileprivate var text: String { names.isEmpty ? "none" : names.joined(separator: ",") }
}

extension String {
    /// One word of a command line on one line.
    fileprivate var word: String {
        let isPlain = !isEmpty && utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\"") }
        return isPlain ? self : quoted
    }
}
