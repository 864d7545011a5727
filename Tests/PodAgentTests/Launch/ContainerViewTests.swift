import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// What a container sees of itself and of the node, seen from inside.
@Suite(.enabled(if: TestNode.hasRights, TestNode.needsRoot), .serialized, .blocking)
struct LaunchViewTests {
    @Test("a container has the default devices and no others, and cannot change them")
    func devices() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let outcome = try shim.run(
            """
            cd /dev; for f in *; do [ -c $f ] && [ ! -L $f ] && stat -c '%n %t:%T %a %u' $f; done
            for f in *; do [ -L $f ] && echo $f $(readlink $f); done
            chmod 600 null 2>/dev/null && echo changed; rm -f null 2>/dev/null; [ -c null ] || echo removed
            echo into > null && head -c 4 zero | wc -c
            """
        ) { $0.process.environment = ["PATH=/bin"] }
        let lines = outcome.text.split(separator: "\n").map(String.init)
        let expected = [
            "full 1:7 666 0", "null 1:3 666 0", "random 1:8 666 0", "tty 5:0 666 0", "urandom 1:9 666 0",
            "zero 1:5 666 0",
            "core /proc/kcore", "fd /proc/self/fd", "ptmx pts/ptmx", "stderr /proc/self/fd/2",
            "stdin /proc/self/fd/0",
            "stdout /proc/self/fd/1",
        ]
        #expect(Array(lines.prefix(expected.count)) == expected, "\(outcome)")
        #expect(!lines.contains("changed") && !lines.contains("removed"))
        try shim.end()
    }

    @Test("a device node that a container makes is of no use, wherever it makes it")
    func ownDevices() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let (volume, source) = try shim.volumeWithMount()
        let run = shim.newRun()
        var launch = try shim.container(
            run,
            [
                "/bin/sh", "-c",
                "for d in / /dev /dev/shm /vol /vol/inner; do mknod $d/zz c 1 5 && head -c 1 $d/zz >/dev/null && echo opened $d; done",
            ]
        )
        launch.mounts = [volume]
        try shim.start(run, launch, passed: [source])
        _ = try shim.event(.exited, of: run)
        let text = shim.logLines(run).map { String(decoding: $0.content, as: UTF8.self) }
        #expect(text.filter { $0.hasPrefix("opened") } == [])
        #expect(text.count == 5, "each was made, and each was refused: \(text)")
        try shim.end()
    }

    /// Reference §11.3.
    static let masked = [
        "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
        "/sys/devices/virtual/powercap",
    ]

    @Test("masked files are the null device, masked directories are empty, and neither can be written")
    func masks() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let outcome = try shim.run(
            """
            for p in \(Self.masked.joined(separator: " ")); do
              if [ -d $p ]; then echo "$p dir $(ls -A $p | grep -c .)"; touch $p/x 2>/dev/null && echo wrote $p
              elif [ -e $p ]; then echo "$p $(stat -c '%F %t:%T' $p)"; fi
            done
            """
        )
        let lines = outcome.text.split(separator: "\n").map(String.init)
        #expect(lines.contains("/proc/interrupts character special file 1:3"), "\(outcome)")
        for line in lines {
            let good = line.hasSuffix(" dir 0") || line.hasSuffix(" character special file 1:3")
            #expect(good, "\(line)")
        }
        // As many as this kernel has at all.
        #expect(lines.count == Self.masked.count { access($0, F_OK) == 0 })
        try shim.end()
    }

    @Test("the kernel's settings can be read and not written")
    func readOnlyPaths() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let outcome = try shim.run(
            """
            cat /proc/sys/kernel/hostname
            for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/kernel/profiling \
              /sys/fs/cgroup/cgroup.procs; do
              (echo x > $f) 2>/dev/null && echo wrote $f; done
            for p in bus fs irq sys sysrq-trigger; do
              [ -e /proc/$p ] && (grep -q " /proc/$p ro,nosuid,nodev,noexec" /proc/self/mounts || grep -q " /proc/$p proc ro,nosuid,nodev,noexec" /proc/self/mounts || echo open $p)
            done
            mount -o remount,rw /proc/sys 2>/dev/null && echo remounted
            true
            """
        )
        #expect(outcome.text == "pod")
        #expect(outcome.status == 0)
        try shim.end()
    }

    @Test("a program begins with descriptors 0, 1, 2 and no other", arguments: [false, true])
    func descriptors(_ terminal: Bool) throws {
        let shim = try ShimHarness()
        try shim.startPause()
        // 3 is the directory that ls itself reads.
        let outcome = try shim.run("exec ls /proc/self/fd") { $0.terminal = terminal }
        let names = outcome.text.split { $0.isWhitespace }.map(String.init)
        #expect(names == ["0", "1", "2", "3"], "\(outcome)")
        try shim.end()
    }

    @Test("no descriptor of the shim is a way to a program of the node", arguments: [false, true])
    func programsOfTheNode(_ interpreter: Bool) throws {
        let shim = try ShimHarness()
        try shim.startPause()
        // Any open directory would do: from there `..` leads to the node's root.
        let canary = "\(shim.directory)/canary"
        let bytes = Array("#!/bin/sh\necho escaped\n".utf8)
        let bin = shim.root
        try bin.replaceFile("canary", with: bytes, mode: 0o755)
        let up = String(repeating: "../", count: 12)
        for number in 3..<64 {
            let run = shim.newRun()
            let target =
                "/proc/self/fd/\(number)/\(up)\(interpreter ? "bin/busybox" : String(canary.dropFirst()))"
            var launch = try shim.container(run, [target])
            if interpreter {
                let script = Array("#!\(target) echo escaped\n".utf8)
                try shim.root.directory("rootfs").replaceFile("script", with: script, mode: 0o755)
                launch.process.arguments = ["/script"]
            }
            try shim.start(run, launch)
            let failed = try shim.event(.failed, of: run)
            #expect(
                [ENOENT, ENOTDIR, EACCES, ELOOP].contains(failed.error),
                "fd \(number): \(errnoText(failed.error))"
            )
            #expect(shim.logLines(run) == [])
            try shim.forget(run)
        }
        try shim.end()
    }

    @Test("a working directory through a descriptor is refused", arguments: [false, true])
    func workingDirectoryThroughDescriptor(_ link: Bool) throws {
        let shim = try ShimHarness()
        try shim.startPause()
        for number in 3..<32 {
            let run = shim.newRun()
            var launch = try shim.container(run, ["/bin/true"])
            launch.process.workingDirectory = "/proc/self/fd/\(number)"
            if link {
                let rootfs = try shim.root.directory("rootfs")
                unlinkat(rootfs.raw, "cwd", 0)
                symlinkat("/proc/self/fd/\(number)", rootfs.raw, "cwd")
                launch.process.workingDirectory = "/cwd"
            }
            try shim.start(run, launch)
            let failed = try shim.event(.failed, of: run)
            #expect(
                [ELOOP, ENOENT, EEXIST, ENOTDIR].contains(failed.error),
                "fd \(number): \(errnoText(failed.error))"
            )
            try shim.forget(run)
        }
        try shim.end()
    }

    struct Identity: CustomTestStringConvertible {
        var name: String
        var user: UInt32
        var capabilities = CapabilitySet.standard
        var forbids = false
        var effective: UInt64
        var testDescription: String { name }
    }

    static let identities = [
        Identity(name: "root", user: 0, effective: CapabilitySet.standard.bits),
        Identity(name: "root without any", user: 0, capabilities: .empty, effective: 0),
        Identity(name: "another user", user: 1000, effective: 0),
        Identity(name: "another user without a way up", user: 1000, forbids: true, effective: 0),
    ]

    @Test(
        "identity and capabilities are exactly those asked for, at the start and in an exec",
        arguments: identities
    )
    func identity(_ who: Identity) throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let script =
            "id -u; id -g; id -G; grep -E '^(Cap|NoNew)' /proc/self/status; umask; cat /proc/self/oom_score_adj"
        func change(_ process: inout ProcessLaunch) {
            process.user = who.user
            process.group = who.user
            process.groups = [who.user, 27, 65_534]
            process.capabilities = who.capabilities
            process.forbidsNewPrivileges = who.forbids
        }
        func hex(_ bits: UInt64) -> String {
            let digits = String(bits, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        let expected = [
            "\(who.user)", "\(who.user)", "\(who.user) 27 65534", "CapInh:\t\(hex(0))",
            "CapPrm:\t\(hex(who.effective))",
            "CapEff:\t\(hex(who.effective))", "CapBnd:\t\(hex(who.capabilities.bits))", "CapAmb:\t\(hex(0))",
            "NoNewPrivs:\t\(who.forbids ? 1 : 0)", "0022", "1000",
        ]
        let run = shim.newRun()
        var launch = try shim.container(run, ["/bin/sh", "-c", "{ \(script); } > /tmp/start; sleep 60"])
        change(&launch.process)
        try shim.root.directory("rootfs").makeDirectory("tmp", mode: 0o777).chmod(0o777)
        try shim.start(run, launch)
        _ = try shim.event(.started, of: run)
        let exec = shim.newRun()
        var process = shim.process(["/bin/sh", "-c", "{ \(script); } > /tmp/exec"])
        change(&process)
        try shim.exec(exec, in: run, ExecLaunch(process: process, terminal: nil))
        #expect(try shim.event(.exited, of: exec).status == 0)
        for file in ["start", "exec"] {
            let path = "\(shim.directory)/c\(run)/upper/tmp/\(file)"
            try eventually("\(file) is written") {
                readText(path).hasSuffix("1000\n") && readText(path).contains("Cap")
            }
            let lines = readText(path).split(separator: "\n").map(String.init)
            #expect(lines == expected, "\(file)")
        }
        try shim.end()
    }

    @Test("a container is in namespaces of its own or of its Pod, and an exec is in all of them")
    func namespaces() throws {
        let shim = try ShimHarness()
        let pause = try shim.startPause()
        let run = shim.newRun()
        try shim.start(run, try shim.container(run, ["/bin/sh", "-c", "sleep 60"]))
        let container = try shim.event(.started, of: run).pid
        let exec = shim.newRun()
        try shim.exec(exec, in: run, ExecLaunch(process: shim.process(["/bin/sleep", "60"]), terminal: nil))
        let inside = try shim.event(.started, of: exec).pid
        func namespace(_ pid: pid_t, _ kind: String) -> String {
            var buffer = [UInt8](repeating: 0, count: 64)
            let count = readlink("/proc/\(pid)/ns/\(kind)", &buffer, buffer.count)
            return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        }
        for kind in ["net", "ipc", "uts"] {
            #expect(namespace(container, kind) == namespace(pause, kind))
            #expect(namespace(container, kind) != namespace(getpid(), kind))
        }
        for kind in ["mnt", "pid", "cgroup"] { #expect(namespace(container, kind) != namespace(pause, kind)) }
        for kind in ["net", "ipc", "uts", "mnt", "pid", "cgroup", "user", "time"] {
            #expect(namespace(inside, kind) == namespace(container, kind), "\(kind)")
        }
        #expect(readText("/proc/\(inside)/cgroup").contains("/pod\(ShimHarness.pod)/c-\(run)"))
        try shim.end()
    }

    @Test("pause has no capability, nothing open, and nobody but the node's root may look into it")
    func pause() throws {
        let shim = try ShimHarness()
        let pause = try shim.startPause()
        let status = readText("/proc/\(pause)/status")
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            #expect(status.contains("\(set):\t0000000000000000"), "\(status)")
        }
        try eventually("pause has closed all") { shim.openDescriptors(of: pause) == 0 }
        #expect(readText("/proc/\(pause)/cmdline").hasPrefix("/pause\0"))
        let run = shim.newRun()
        let looks = "ls /proc/1/root 2>&1; cat /proc/1/maps 2>&1; kill -9 1; kill -0 1 && echo alive"
        try shim.start(run, try shim.container(run, ["/bin/sh", "-c", looks]), flags: [CNS_REQUEST_POD_PID])
        _ = try shim.event(.exited, of: run)
        let lines = shim.logLines(run).map { String(decoding: $0.content, as: UTF8.self) }
        #expect(
            lines.count == 3 && lines[0].contains("ermission denied")
                && lines[1].contains("ermission denied"),
            "\(lines)"
        )
        #expect(lines.last == "alive")
        try shim.end()
    }

    @Test("nothing that a container mounts is seen on the node")
    func mounts() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let before = readText("/proc/self/mountinfo").split(separator: "\n").count {
            $0.contains(shim.directory)
        }
        let run = shim.newRun()
        try shim.start(run, try shim.container(run, ["/bin/sleep", "60"]))
        _ = try shim.event(.started, of: run)
        let during = readText("/proc/self/mountinfo").split(separator: "\n").count {
            $0.contains(shim.directory)
        }
        #expect(before == 0 && during == 0)
        try shim.end()
    }

    @Test("a read-only root is read-only, the runtime's own places are not")
    func readOnlyRoot() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let script = "for d in / /bin /dev /dev/shm; do touch $d/x 2>/dev/null && echo $d; done; pwd"
        let outcome = try shim.run(script) {
            $0.readOnlyRoot = true
            $0.process.workingDirectory = "/made/here"
        }
        #expect(outcome.text == "/dev\n/dev/shm\n/made/here")
        try shim.end()
    }
}

extension RootedDirectory {
    fileprivate func chmod(_ mode: UInt32) throws {
        let directory = try open(".", flags: O_RDONLY | O_DIRECTORY)
        try #require(fchmod(directory.raw, mode) == 0)
    }
}

extension ShimHarness {
    /// A volume `vol` with a filesystem mounted beneath it at `inner`, as a hostPath can have.
    fileprivate func volumeWithMount() throws -> (ContainerLaunch.Mount, SharedDescriptor) {
        _ = try mountMemory("vol/inner", "size=64k")
        let source = try MountSource.clone(
            directory: AT_FDCWD,
            path: "\(directory)/vol",
            recursive: true,
            subject: "vol"
        )
        let mount = ContainerLaunch.Mount(path: "/vol", readOnly: false, isDirectory: true, isOwn: false)
        return (mount, source.descriptor)
    }
}
