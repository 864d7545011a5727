import Glibc
import PodCore
import Testing

@testable import PodAgent

/// An agent that dies in the middle of a pull, and how much memory one takes that does not.
@Suite(.enabled(if: TestNode.hasRights, TestNode.needsRoot), .serialized, .blocking)
struct PullCrashTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var point: CrashPoint
        var passing = 1
        /// How often the layers are fetched altogether, before and after.
        var fetches = 2...2
        var isVisible = false

        var testDescription: String { "\(point.rawValue), passing \(passing)" }
    }

    private static let image = TestImage(layers: [TestImage.layer("lower"), TestImage.layer("upper")])

    /// Layers come at the same time, so of some points it is not known what the other one has come to.
    static let cases = [
        Case(point: .pullResolved),
        Case(point: .beforeLayer, fetches: 2...3),
        Case(point: .layerUnpacked, fetches: 3...4),
        Case(point: .layerMoved, fetches: 3...4),
        Case(point: .layerMoved, passing: 2, fetches: 3...3),
        Case(point: .beforeImageRecord),
        Case(point: .afterImageRecord),
        Case(point: .imageVisible, isVisible: true),
    ]

    @Test("The list of points is whole")
    func whole() { #expect(Set(Self.cases.map(\.point)) == Set(CrashPoint.ofImages)) }

    @Test(
        "After a crash an image is there in full or not at all, and what has come is not fetched again",
        arguments: cases
    )
    func dies(c: Case) throws {
        let registry = try HostileRegistry(Self.image.published())
        try withExtendedLifetime(registry) {
            let node = try TestNode(firstEnvironment: ["PODAGENT_CRASH_AT=\(c.point.rawValue):\(c.passing)"])
            let name = "\(registry.host)/app:1"
            let pulled = try node.podagent("image", "pull", name)
            #expect(pulled.code == 1, "\(pulled)")
            #expect(node.waitForAgent() == 128 + SIGKILL)
            try node.startAgent()
            #expect(try node.ask("image", "list").contains("\(registry.host)/app") == c.isVisible)
            let again = try node.ask("image", "pull", "-q", name)
            #expect(again == "\(Self.image.id)\n")
            let fetches = Self.image.blobs.map(registry.fetches).reduce(0, +)
            #expect(c.fetches.contains(fetches), "\(fetches)")
            let state = try RootedDirectory(hostPath: "\(node.directory)/state")
            let store = try ImageStore(stateDirectory: state)
            let found = try #require(try store.resolve(name))
            #expect(found.root == .layers(Self.image.diffIDs.reversed().map(\.shortName)))
            let layers = try state.directory("images/layers").entries()
            #expect(layers.count == Self.image.layers.count + 1, "\(layers)")
            try node.end()
        }
    }

    // MARK: Memory

    /// Bytes that nothing can compress, in a tar archive, as an OCI layout.
    private static let makeLayout = """
        set -e
        mkdir -p layout/blobs/sha256
        openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c 314572800 > big
        tar cf layer big
        rm big
        put() { d=$(sha256sum "$1" | cut -d' ' -f1); s=$(stat -c %s "$1"); mv "$1" "layout/blobs/sha256/$d"; }
        put layer
        l="$d:$s"
        printf '{"architecture":"%s","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$ARCH" "$d" > config
        put config
        printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%s","size":%s}]}' "$d" "$s" "${l%:*}" "${l#*:}" > manifest
        put manifest
        printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"big"}}]}' "$d" "$s" > layout/index.json
        printf '{"imageLayoutVersion":"1.0.0"}' > layout/oci-layout
        """

    @Test(
        "However large a layer is, memory stays flat",
        .enabled(if: RegistryProcess.isInstalled, RegistryProcess.isNeeded)
    )
    func memory() throws {
        try Scratch.run { scratch in
            let made = try Subprocess.run(
                ["/bin/sh", "-c", "cd \(scratch.path)\n\(Self.makeLayout)"],
                environment: ["ARCH=\(Platform.host.architecture)"],
                scratch: scratch.path
            )
            try #require(made.code == 0, "\(made)")
            try RegistryProcess.run(in: scratch.path) { registry in
                try registry.push(
                    "oci:\(scratch.path)/layout:big",
                    as: "big:1",
                    "--dest-compress-format",
                    "zstd"
                )
                let node = try TestNode()
                let agent = try #require(node.agent)
                let before = privateKilobytes(agent.pid)
                let output = "\(scratch.path)/pull"
                let client = try Subprocess(
                    ["\(TestNode.products)/podagent", "image", "pull", "\(registry.host)/big:1"],
                    environment: ["PODAGENT_SOCKET=\(node.socket)"],
                    output: output,
                    errors: output
                )
                var (most, looks, status) = (before, 0, Int32(0))
                while waitpid(client.pid, &status, WNOHANG) == 0 {
                    most = max(most, family(of: agent.pid).map(privateKilobytes).reduce(0, +))
                    looks += 1
                    usleep(20_000)
                }
                #expect(status == 0, "\(readText(output))")
                #expect(looks > 5)
                // Some 16 MB are used; a debug build under load may take more.
                #expect(most - before < 64 << 10, "from \(before) kB to \(most) kB")
                try node.end()
            }
        }
    }

    /// A process and those that it has begun.
    private func family(of pid: pid_t) -> [pid_t] {
        let threads = (try? RootedDirectory(hostPath: "/proc/\(pid)/task").entries()) ?? []
        let children = threads.flatMap {
            readText("/proc/\(pid)/task/\($0)/children").split(separator: " ").compactMap { pid_t($0) }
        }
        return [pid] + children
    }

    private func privateKilobytes(_ pid: pid_t) -> Int {
        readText("/proc/\(pid)/smaps_rollup").split(separator: "\n").filter { $0.hasPrefix("Private_") }
            .compactMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } }.reduce(0, +)
    }
}
