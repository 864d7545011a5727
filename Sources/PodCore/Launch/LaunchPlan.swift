/// What a process does between clone3 and execve, from first to last.
///
/// Compiled here, run by CNamespaces in the child, printed by `podagent plan`. The order is the contract; the
/// compilers (``PauseLaunch``, ``ContainerLaunch``, ``ExecLaunch``) argue for it.
public struct LaunchPlan: Hashable, Sendable {
    /// The steps, in order.
    public var steps: [LaunchStep]

    /// Makes a plan of steps.
    public init(steps: [LaunchStep] = []) { self.steps = steps }

    /// The step that the child reported, in words for an error message; nil for a number outside the plan.
    public func describe(step index: Int) -> String? {
        steps.indices.contains(index) ? steps[index].description : nil
    }

    /// The flat buffer that the shim maps: header, steps, strings (`cns_launch.h`).
    public func encoded() -> [UInt8] {
        var encoder = LaunchPlanEncoder(count: steps.count)
        for step in steps { encoder.append(step, optional: false) }
        return encoder.finish()
    }
}

/// Writes steps of 48 bytes and gathers their strings behind them.
private struct LaunchPlanEncoder {
    static let magic: UInt32 = 0x3150_4e43
    static let headerSize = 16
    static let stepSize = 48

    private var steps: [UInt8] = []
    private var strings: [UInt8] = []
    private let count: Int
    private let stringsStart: Int

    init(count: Int) {
        self.count = count
        stringsStart = Self.headerSize + count * Self.stepSize
        steps.reserveCapacity(count * Self.stepSize)
    }

    consuming func finish() -> [UInt8] {
        // A plan without strings still has room for the offset 0 to mean "none".
        if strings.isEmpty { strings.append(0) }
        var bytes: [UInt8] = []
        Self.append(Self.magic, to: &bytes)
        Self.append(UInt32(count), to: &bytes)
        Self.append(UInt32(stringsStart + strings.count), to: &bytes)
        Self.append(UInt32(0), to: &bytes)
        return bytes + steps + strings
    }

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    private mutating func text(_ text: String?) -> UInt32 {
        guard let text else { return 0 }
        return list([text])
    }

    private mutating func list(_ texts: [String]) -> UInt32 {
        guard !texts.isEmpty else { return 0 }
        let offset = stringsStart + strings.count
        for text in texts {
            // A NUL ends a C string: what stands behind one could never arrive. Admission refuses such text.
            strings.append(contentsOf: text.utf8.prefix { $0 != 0 })
            strings.append(0)
        }
        return UInt32(offset)
    }

    private mutating func numbers(_ numbers: [UInt32]) -> UInt32 {
        guard !numbers.isEmpty else { return 0 }
        while (stringsStart + strings.count) % 4 != 0 { strings.append(0) }
        let offset = stringsStart + strings.count
        for number in numbers { Self.append(number, to: &strings) }
        return UInt32(offset)
    }

    private mutating func bytes(_ bytes: [UInt8]) -> UInt32 {
        let offset = stringsStart + strings.count
        strings += bytes
        return UInt32(offset)
    }

    private mutating func emit(
        _ operation: LaunchOperation,
        flags: LaunchFlags = [],
        slot: Slot = .none,
        other: Slot = .none,
        word: UInt64 = 0,
        value: UInt64 = 0,
        extra: UInt64 = 0,
        texts: [UInt32] = []
    ) {
        Self.append(operation.rawValue, to: &steps)
        Self.append(flags.rawValue, to: &steps)
        Self.append(slot.number, to: &steps)
        Self.append(other.number, to: &steps)
        Self.append(word, to: &steps)
        Self.append(value, to: &steps)
        Self.append(extra, to: &steps)
        for index in 0..<4 { Self.append(index < texts.count ? texts[index] : 0, to: &steps) }
    }

    mutating func append(_ step: LaunchStep, optional: Bool) {
        let flags: LaunchFlags = optional ? .optional : []
        switch step {
        case .ifPossible(let inner):
            append(inner, optional: true)
        case .join(let slot, let namespaces):
            emit(.join, flags: flags, slot: slot, word: namespaces.rawValue)
        case .unshare(let namespaces):
            emit(.unshare, flags: flags, word: namespaces.rawValue)
        case .makeMountsPrivate:
            emit(.propagation, flags: flags, word: 0x4000 | 0x4_0000)  // MS_REC | MS_PRIVATE
        case .open(let path, let slot, let directory):
            let openFlags: UInt64 = directory ? 0x20_0000 | 0x1_0000 : 0  // O_PATH | O_DIRECTORY, or O_RDONLY
            emit(.open, flags: flags, slot: slot, word: openFlags, texts: [text(path)])
        case .changeDirectory(let path):
            emit(.changeDirectory, flags: flags, texts: [text(path)])
        case .mountOverlay(let target, let options):
            let texts = [text("overlay"), text(target), text("overlay"), text(options)]
            emit(.mount, flags: flags, word: 4, texts: texts)  // MS_NODEV
        case .newFilesystem(let type, let options, let attributes, let slot):
            let texts = [text(type), options.isEmpty ? 0 : text(options)]
            emit(.filesystem, flags: flags, slot: slot, word: attributes.rawValue, texts: texts)
        case .cloneTree(let path, let slot):
            emit(.cloneTree, flags: flags, slot: slot, texts: [text(path)])
        case .setAttributes(let slot, let attributes, let recursive):
            let all = recursive ? flags.union(.recursive) : flags
            let propagation: UInt64 = 0x4_0000  // MS_PRIVATE
            emit(.attributes, flags: all, slot: slot, word: attributes.rawValue, extra: propagation)
        case .attach(let slot, let path, let beneath, let point):
            emit(.attach, flags: flags.union(point.flags), slot: slot, other: beneath, texts: [text(path)])
        case .attachHere(let slot, let place):
            emit(.attach, flags: flags.union(.here), slot: slot, other: place)
        case .makeDirectory(let path, let slot, let mode):
            emit(.directory, flags: flags, slot: slot, word: UInt64(mode), texts: [text(path)])
        case .makeDevice(let path, let slot, let major, let minor):
            let device = UInt64(minor & 0xff) | UInt64(major) << 8 | UInt64(minor & ~0xff) << 12
            emit(.node, flags: flags, slot: slot, word: 0o20666, value: device, texts: [text(path)])
        case .symlink(let path, let target, let slot):
            emit(.symlink, flags: flags, slot: slot, texts: [text(path), text(target)])
        case .mask(let path, let slot, let devices):
            emit(.mask, flags: flags, slot: slot, other: devices, texts: [text(path)])
        case .readOnly(let path, let slot):
            emit(.readOnly, flags: flags, slot: slot, texts: [text(path)])
        case .pivotRoot(let slot):
            emit(.pivot, flags: flags, slot: slot)
        case .setHostname(let name):
            emit(.hostname, flags: flags, texts: [text(name)])
        case .bringLoopbackUp:
            emit(.loopback, flags: flags)
        case .netlink(let message, let socket, let namespace):
            emit(
                .netlink,
                flags: flags,
                slot: socket,
                other: message.namespacePosition == nil ? .none : namespace,
                value: UInt64(message.bytes.count),
                extra: UInt64(message.namespacePosition ?? 0),
                texts: [bytes(message.bytes)]
            )
        case .newSession:
            emit(.session, flags: flags)
        case .openTerminal(let devpts, let devices, let owner, let rows, let columns):
            let size = UInt64(rows) << 16 | UInt64(columns)
            emit(.terminal, flags: flags, slot: devpts, other: devices, value: UInt64(owner), extra: size)
        case .connectStandardStreams(let devices, let owner):
            emit(.standardStreams, flags: flags, slot: devices, value: UInt64(owner))
        case .setUmask(let mask):
            emit(.umask, flags: flags, word: UInt64(mask))
        case .write(let path, let value):
            emit(.write, flags: flags, texts: [text(path), text(value)])
        case .changeWorkingDirectory(let path):
            emit(.workingDirectory, flags: flags, texts: [text(path)])
        case .limitBoundingSet(let set):
            emit(.boundingSet, flags: flags, word: set.bits)
        case .setGroups(let groups):
            emit(.groups, flags: flags, value: UInt64(groups.count), texts: [numbers(groups)])
        case .setIdentity(let user, let group):
            emit(.identity, flags: flags, word: UInt64(user), value: UInt64(group))
        case .setCapabilities(let set):
            emit(.capabilities, flags: flags, word: set.bits)
        case .forbidNewPrivileges:
            emit(.noNewPrivileges, flags: flags)
        case .execute(let arguments, let environment, let searchPath):
            let texts = [list(arguments), list(environment), text(searchPath)]
            let counts = (UInt64(arguments.count), UInt64(environment.count))
            emit(.execute, flags: flags, value: counts.0, extra: counts.1, texts: texts)
        case .becomePause:
            emit(.pause, flags: flags)
        }
    }
}

/// The numbers of `enum cns_op`. A test in PodAgentTests holds the two against each other.
public enum LaunchOperation: UInt16, CaseIterable, Sendable {
    case join = 1
    case unshare, propagation, open, changeDirectory, mount, filesystem, cloneTree, attributes, attach,
        directory
    case node, symlink, mask, readOnly, pivot, hostname, loopback, netlink, session, terminal,
        standardStreams, umask,
        write
    case workingDirectory, boundingSet, groups, identity, capabilities, noNewPrivileges, execute, pause
}

/// The bits of `enum cns_step_flags`.
struct LaunchFlags: OptionSet {
    let rawValue: UInt16

    static let optional = LaunchFlags(rawValue: 1)
    static let recursive = LaunchFlags(rawValue: 2)
    static let file = LaunchFlags(rawValue: 4)
    static let here = LaunchFlags(rawValue: 8)
    static let noLink = LaunchFlags(rawValue: 16)
}

extension MountPoint {
    fileprivate var flags: LaunchFlags {
        switch self {
        case .ownDirectory: .noLink
        case .ownFile: [.file, .noLink]
        case .directory: []
        case .file: .file
        }
    }
}
