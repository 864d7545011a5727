import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Swift's plans against C's reading of them.
@Suite(.blocking) struct LaunchPlanFuzzTests {
    /// Swift's operations beside C's, one for one.
    static let operations: [(LaunchOperation, cns_op)] = [
        (.join, CNS_OP_JOIN), (.unshare, CNS_OP_UNSHARE), (.propagation, CNS_OP_PROPAGATION),
        (.open, CNS_OP_OPEN),
        (.changeDirectory, CNS_OP_CHDIR), (.mount, CNS_OP_MOUNT), (.filesystem, CNS_OP_FILESYSTEM),
        (.cloneTree, CNS_OP_CLONE_TREE), (.attributes, CNS_OP_ATTRIBUTES), (.attach, CNS_OP_ATTACH),
        (.directory, CNS_OP_DIRECTORY), (.node, CNS_OP_NODE), (.symlink, CNS_OP_SYMLINK),
        (.mask, CNS_OP_MASK),
        (.readOnly, CNS_OP_READ_ONLY), (.pivot, CNS_OP_PIVOT), (.hostname, CNS_OP_HOSTNAME),
        (.loopback, CNS_OP_LOOPBACK), (.netlink, CNS_OP_NETLINK),
        (.session, CNS_OP_SESSION), (.terminal, CNS_OP_TERMINAL), (.standardStreams, CNS_OP_STDIO),
        (.umask, CNS_OP_UMASK), (.write, CNS_OP_WRITE), (.workingDirectory, CNS_OP_WORKDIR),
        (.boundingSet, CNS_OP_BOUNDING), (.groups, CNS_OP_GROUPS), (.identity, CNS_OP_IDENTITY),
        (.capabilities, CNS_OP_CAPABILITIES), (.noNewPrivileges, CNS_OP_NO_NEW_PRIVS),
        (.execute, CNS_OP_EXEC),
        (.pause, CNS_OP_PAUSE),
    ]

    @Test("both sides number operations, slots, flags and namespaces alike")
    func numbers() {
        #expect(Self.operations.map(\.0) == LaunchOperation.allCases)
        for (swift, c) in Self.operations { #expect(UInt32(swift.rawValue) == c.rawValue, "\(swift)") }
        #expect(Int(CNS_OP_COUNT.rawValue) == LaunchOperation.allCases.count + 1)
        #expect(UInt32(Slot.pause.number) == CNS_SLOT_PAUSE.rawValue)
        #expect(UInt32(Slot.target.number) == CNS_SLOT_TARGET.rawValue)
        #expect(UInt32(Slot.passed.number) == CNS_SLOT_PASSED.rawValue)
        #expect(UInt32(Slot.none.number) == CNS_SLOT_NONE.rawValue)
        #expect(Slot.countMax == Int(CNS_SLOTS_MAX.rawValue))
        #expect(Namespaces.mount.rawValue == UInt64(CNS_NAMESPACE_MOUNT.rawValue))
        #expect(Namespaces.uts.rawValue == UInt64(CNS_NAMESPACE_UTS.rawValue))
        #expect(Namespaces.ipc.rawValue == UInt64(CNS_NAMESPACE_IPC.rawValue))
        #expect(Namespaces.pid.rawValue == UInt64(CNS_NAMESPACE_PID.rawValue))
        #expect(Namespaces.network.rawValue == UInt64(CNS_NAMESPACE_NETWORK.rawValue))
        #expect(MountAttributes.readOnly.rawValue == UInt64(MOUNT_ATTR_RDONLY))
        #expect(MountAttributes.noSetUserID.rawValue == UInt64(MOUNT_ATTR_NOSUID))
        #expect(MountAttributes.noDevices.rawValue == UInt64(MOUNT_ATTR_NODEV))
        #expect(MountAttributes.noExecution.rawValue == UInt64(MOUNT_ATTR_NOEXEC))
        #expect(MountAttributes.strictAccessTime.rawValue == UInt64(MOUNT_ATTR_STRICTATIME))
    }

    private static let process = ProcessLaunch(
        arguments: ["/bin/sh", "-c", "echo", ""],
        environment: ["PATH=/bin", "EMPTY="],
        workingDirectory: "/work",
        user: 1000,
        group: 1000,
        groups: [1000, 27],
        capabilities: .standard,
        forbidsNewPrivileges: true,
        oomScoreAdjustment: -997
    )

    static let plans: [LaunchPlan] = [
        PauseLaunch(
            namespaces: [.network, .uts, .ipc],
            hostname: "pod",
            memoryVolumes: [.init(name: "cache", sizeLimit: 4096)],
            emptyDirectory: "/run/empty"
        ).plan,
        ContainerLaunch(
            namespaces: [.network, .uts, .ipc],
            root: .layers(directory: "/layers", names: ["a", "b"]),
            upperDirectory: "/upper",
            workDirectory: "/work",
            rootTarget: "/root",
            readOnlyRoot: true,
            mounts: [
                .init(path: "/vol", readOnly: true, isDirectory: true, isOwn: false),
                .init(
                    source: .memoryVolume("cache"),
                    path: "/cache",
                    readOnly: false,
                    isDirectory: true,
                    isOwn: false
                ),
            ],
            hostSharedMemory: false,
            terminal: true,
            throttledCPUs: [0, 1],
            process: process
        ).plan,
        ExecLaunch(process: process, terminal: .init(rows: 24, columns: 80)).plan,
        LaunchPlan(steps: [.becomePause]),
    ]

    @Test("every plan that Swift writes is well formed to C", arguments: plans)
    func wellFormed(_ plan: LaunchPlan) throws {
        let guarded = try GuardedBytes(plan.encoded())
        #expect(guarded.isValidPlan)
    }

    @Test("a plan cut off anywhere is refused", arguments: plans)
    func truncated(_ plan: LaunchPlan) throws {
        let whole = plan.encoded()
        for size in 0..<whole.count {
            var bytes = Array(whole[..<size])
            #expect(try !GuardedBytes(bytes).isValidPlan, "\(size)")
            // Also when its header says that this is all there is, and its last string is then open.
            guard size >= 16 else { continue }
            withUnsafeBytes(of: UInt32(size).littleEndian) { bytes.replaceSubrange(8..<12, with: $0) }
            let guarded = try GuardedBytes(bytes)
            if guarded.isValidPlan { #expect(guarded.staysInside, "\(size)") }
        }
    }

    /// Bytes at the very end of a mapping, before a page that cannot be read: whoever reads on ends the process.
    private final class GuardedBytes {
        private let mapping: UnsafeMutableRawPointer
        private let mappedSize: Int
        private let offset: Int
        private let size: Int

        /// The validator wants the buffer aligned as a mapped file is, to eight bytes; up to seven bytes of slack are
        /// left behind it then, filled with ones.
        init(_ bytes: [UInt8]) throws {
            let page = 4096
            size = bytes.count
            let room = (max(1, size) + page - 1) / page * page
            mappedSize = room + page
            mapping = try #require(
                mmap(nil, mappedSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            )
            offset = (room - size) / 8 * 8
            memset(mapping, 0xff, room)
            bytes.withUnsafeBytes {
                (mapping + offset).copyMemory(
                    from: $0.baseAddress ?? UnsafeRawPointer(mapping),
                    byteCount: size
                )
            }
            try #require(mprotect(mapping + room, page, PROT_NONE) == 0)
        }

        deinit { munmap(mapping, mappedSize) }

        var isValidPlan: Bool { cns_plan_valid(mapping + offset, size) == 1 }

        private func load<Value>(_ at: Int, _: Value.Type) -> Value {
            (mapping + offset).loadUnaligned(fromByteOffset: at, as: Value.self)
        }

        private func endOfString(_ start: Int) -> Int? {
            guard start < size else { return nil }
            return (start..<size).first { load($0, UInt8.self) == 0 }
        }

        /// What the interpreter relies on, checked here by other means: whatever it reads lies inside.
        var staysInside: Bool {
            for index in 0..<Int(load(4, UInt32.self)) {
                let step = load(16 + 48 * index, cns_step.self)
                guard step.op > 0, UInt32(step.op) < CNS_OP_COUNT.rawValue else { return false }
                for slot in [step.slot, step.other] where slot != 0xffff && slot >= 512 { return false }
                let texts = [step.text.0, step.text.1, step.text.2, step.text.3]
                switch cns_op(UInt32(step.op)) {
                case CNS_OP_GROUPS:
                    guard step.value == 0 || Int(texts[0]) + 4 * Int(step.value) <= size else { return false }
                    continue
                case CNS_OP_EXEC:
                    for (start, count) in [(texts[0], step.value), (texts[1], step.extra)] {
                        var at = Int(start)
                        for _ in 0..<count {
                            guard let end = endOfString(at) else { return false }
                            at = end + 1
                        }
                    }
                default: break
                }
                for text in texts where text != 0 {
                    guard Int(text) >= 16, endOfString(Int(text)) != nil else { return false }
                }
            }
            return true
        }
    }

    @Test(
        "a plan changed anywhere is refused, or everything that it names is inside it",
        arguments: 0..<UInt64(40)
    )
    func mutated(_ seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let interesting: [UInt8] = [0, 1, 2, 7, 8, 0x7f, 0x80, 0xfe, 0xff]
        var accepted = 0
        for _ in 0..<1500 {
            let plan = Self.plans[Int.random(in: 0..<Self.plans.count, using: &random)]
            var bytes = plan.encoded()
            let stepsEnd = 16 + 48 * plan.steps.count
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                // Mostly the header and the steps: that is where offsets and counts are.
                let end = Bool.random(using: &random) ? bytes.count : stepsEnd
                let at = Int.random(in: 0..<min(end, bytes.count), using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: bytes[at] = interesting.randomElement(using: &random) ?? 0
                case 2:
                    // A whole number near the size of the buffer.
                    let near = UInt32(
                        truncatingIfNeeded: bytes.count + Int.random(in: -3...3, using: &random)
                    )
                    let place = at / 4 * 4
                    if place + 4 <= bytes.count {
                        withUnsafeBytes(of: near.littleEndian) {
                            bytes.replaceSubrange(place..<place + 4, with: $0)
                        }
                    }
                default:
                    bytes.removeLast(min(bytes.count - 1, Int.random(in: 0...8, using: &random)))
                    if bytes.count >= 12 {
                        withUnsafeBytes(of: UInt32(bytes.count).littleEndian) {
                            bytes.replaceSubrange(8..<12, with: $0)
                        }
                    }
                }
            }
            let guarded = try GuardedBytes(bytes)
            guard guarded.isValidPlan else { continue }
            accepted += 1
            #expect(guarded.staysInside, "seed \(seed)")
        }
        #expect(
            accepted > 50 && accepted < 1450,
            "the changes are neither all harmless nor all fatal: \(accepted)"
        )
    }

    @Test("counts that would overflow are refused")
    func overflow() throws {
        func plan(_ change: (inout cns_step) -> Void, operation: cns_op) throws -> Bool {
            var bytes = LaunchPlan(steps: [
                .execute(arguments: ["/x"], environment: ["A=1"], searchPath: "/bin")
            ]).encoded()
            var step = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 16, as: cns_step.self) }
            step.op = UInt16(operation.rawValue)
            change(&step)
            withUnsafeBytes(of: step) { bytes.replaceSubrange(16..<64, with: $0) }
            return try GuardedBytes(bytes).isValidPlan
        }
        #expect(try plan({ _ in }, operation: CNS_OP_EXEC))
        for count in [UInt64.max, 1 << 62, 1 << 32, 65_537, 0] {
            #expect(try !plan({ $0.value = count }, operation: CNS_OP_EXEC), "\(count) arguments")
            if count > 0 {
                #expect(try !plan({ $0.extra = count }, operation: CNS_OP_EXEC), "\(count) variables")
                #expect(
                    try !plan(
                        {
                            $0.value = count; $0.text.0 = 64
                        },
                        operation: CNS_OP_GROUPS
                    ),
                    "\(count) groups"
                )
            }
        }
    }
}
