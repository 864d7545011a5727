import CNamespaces
import Dispatch
import Glibc
import PodCore
import Synchronization
import Testing

@testable import PodAgent

/// Links that lead out of a container, in every place that is opened, made or mounted on before its program runs.
@Suite(.enabled(if: TestNode.hasRights, TestNode.needsRoot), .serialized, .blocking)
struct LaunchLinkTests {
    /// What a hostile link points to; `CANARY` becomes the path of a directory of the node.
    static let targets = [
        "CANARY", "../../../../../../../../CANARY", "/../../CANARY", "/proc/1/root/CANARY",
        "/proc/self/root/CANARY",
        "/proc/self/cwd", "/proc/thread-self/fd/3", "loop", "/dev/../../CANARY", ".//..//..//CANARY",
    ]

    /// Where the link stands in the image, and the place asked for.
    enum Place: String, CaseIterable {
        case mountTarget, mountParent, mountFile, workingDirectory, workingDirectoryParent, ownFile,
            ownFileParent
        case ownDirectory, ownDirectoryParent, subPath

        var link: String {
            switch self {
            case .mountTarget, .mountParent, .mountFile, .workingDirectory, .workingDirectoryParent: "place"
            case .ownFile: "etc/hosts"
            case .ownFileParent: "etc"
            case .ownDirectory: "proc"
            case .ownDirectoryParent: "dev"
            case .subPath: "place"
            }
        }
    }

    /// Files of a tree and their content, types and owners: what a canary is compared by.
    private func fingerprint(_ path: String) throws -> [String] {
        var found: [String] = []
        var status = stat()
        lstat(path, &status)
        found.append("\(path) \(status.st_mode) \(status.st_uid) \(status.st_nlink)")
        guard status.st_mode & S_IFMT == S_IFDIR else { return found + [readText(path)] }
        for entry in try RootedDirectory(hostPath: path).entries() {
            found += try fingerprint("\(path)/\(entry)")
        }
        return found
    }

    private func plant(_ shim: ShimHarness, _ target: String, at link: String) throws {
        let rootfs = try shim.root.directory("rootfs")
        let (parent, leaf) = RootedDirectory.split(link)
        let place = parent.isEmpty ? rootfs : try rootfs.makeDirectory(parent, mode: 0o755)
        try place.removeTree(leaf)
        let text = target.replacing("CANARY", with: "\(shim.directory.dropFirst())/canary")
        try #require(symlinkat(target == "CANARY" ? "/\(text)" : text, place.raw, leaf) == 0)
    }

    /// A container that asks for the place, and the descriptors that go with it.
    private func launch(_ shim: ShimHarness, _ run: UInt64, _ place: Place) throws -> (
        ContainerLaunch, [SharedDescriptor]
    ) {
        var launch = try shim.container(run, ["/bin/true"])
        let mount: ContainerLaunch.Mount
        switch place {
        case .ownDirectory, .ownDirectoryParent: return (launch, [])
        case .workingDirectory, .workingDirectoryParent:
            launch.process.workingDirectory = place == .workingDirectory ? "/place" : "/place/made/here"
            return (launch, [])
        case .mountTarget: mount = .init(path: "/place", readOnly: false, isDirectory: true, isOwn: false)
        case .mountParent:
            mount = .init(path: "/place/made/here", readOnly: false, isDirectory: true, isOwn: false)
        case .mountFile:
            mount = .init(path: "/place/made/file", readOnly: false, isDirectory: false, isOwn: false)
        case .subPath:
            mount = .init(path: "/place/../place/x/../y", readOnly: false, isDirectory: true, isOwn: false)
        case .ownFile, .ownFileParent:
            mount = .init(path: "/etc/hosts", readOnly: false, isDirectory: false, isOwn: true)
        }
        launch.mounts = [mount]
        let from = mount.isDirectory ? "volume" : "volume-file"
        return (launch, [try source(shim, from)])
    }

    private func source(_ shim: ShimHarness, _ name: String) throws -> SharedDescriptor {
        try MountSource.clone(directory: shim.root.raw, path: name, recursive: false, subject: name)
            .descriptor
    }

    /// How a start that may fail has ended.
    private func ending(_ shim: ShimHarness, _ run: UInt64) throws -> ShimEvent {
        while true {
            let event = try #require(try shim.event())
            if event.run == RunID(run) && event.kind != .started { return event }
        }
    }

    @Test(
        "a link that leads out is followed inside the root or refused, and the node is as before",
        arguments: Place.allCases
    )
    func corpus(_ place: Place) throws {
        let shim = try ShimHarness()
        try shim.startPause()
        _ = try shim.root.makeDirectory("canary/inner", mode: 0o700)
        try shim.root.directory("canary").replaceFile("file", with: Array("untouched".utf8), mode: 0o600)
        _ = try shim.root.makeDirectory("volume", mode: 0o755)
        try shim.root.replaceFile("volume-file", with: Array("volume".utf8), mode: 0o644)
        let canary = "\(shim.directory)/canary"
        let before = try fingerprint(canary)
        let rootEntries = try RootedDirectory(hostPath: "/").entries()
        for target in Self.targets {
            try plant(shim, target, at: place.link)
            let run = shim.newRun()
            let (launch, passed) = try launch(shim, run, place)
            try shim.start(run, launch, passed: passed)
            let event = try ending(shim, run)
            let errors = [ELOOP, ENOENT, ENOTDIR, EEXIST, EXDEV, EACCES, EROFS]
            let fine =
                event.kind == .exited
                ? event.status == 0 : event.kind == .failed && errors.contains(event.error)
            #expect(fine, "\(target): \(launchFailure(event, launch.plan))")
            #expect(try fingerprint(canary) == before, "\(target)")
            #expect(try RootedDirectory(hostPath: "/").entries() == rootEntries, "\(target)")
            // The image itself is only read: what was made is in the container's own layer.
            var status = stat()
            #expect(
                lstat("\(shim.directory)/rootfs/\(place.link)", &status) == 0
                    && status.st_mode & S_IFMT == S_IFLNK
            )
        }
        try shim.end()
    }

    @Test("a directory that is exchanged for a link all the time leads nowhere", arguments: [true, false])
    func swapped(_ mounting: Bool) throws {
        let shim = try ShimHarness()
        try shim.startPause()
        _ = try shim.root.makeDirectory("canary", mode: 0o700)
        _ = try shim.root.makeDirectory("volume", mode: 0o755)
        // A volume that two containers share: one exchanges, the other is being started with a mount inside it.
        let shared = try shim.root.makeDirectory("shared", mode: 0o755)
        _ = try shared.makeDirectory("place/deep", mode: 0o755)
        try #require(symlinkat("/proc/1/root\(shim.directory)/canary", shared.raw, "other") == 0)
        symlinkat("../../../../../../..\(shim.directory)/canary", shared.raw, "third")
        let swapper = Swapper(directory: shared.raw)
        var ends: [ShimEvent.Kind: Int] = [:]
        var metLink = 0
        for _ in 0..<150 {
            let run = shim.newRun()
            var launch = try shim.container(run, ["/bin/true"])
            var passed = [try source(shim, "shared")]
            launch.mounts = [.init(path: "/shared", readOnly: false, isDirectory: true, isOwn: false)]
            if mounting {
                let path = "/shared/place/../place/deep/made"
                launch.mounts.append(.init(path: path, readOnly: false, isDirectory: true, isOwn: false))
                passed.append(try source(shim, "volume"))
            } else {
                launch.process.workingDirectory = "/shared/place/deep/made"
            }
            try shim.start(run, launch, passed: passed)
            let kind = try ending(shim, run).kind
            ends[kind, default: 0] += 1
            // One of the links is refused; what the other names is made inside the container's own root.
            if kind == .failed || access("\(shim.directory)/c\(run)/upper\(shim.directory)", F_OK) == 0 {
                metLink += 1
            }
            try shim.forget(run)
        }
        swapper.end()
        #expect(try RootedDirectory(hostPath: "\(shim.directory)/canary").entries() == [])
        #expect(!readText("/proc/self/mountinfo").contains(shim.directory))
        #expect((ends[.exited] ?? 0) + (ends[.failed] ?? 0) == 150, "\(ends)")
        #expect((ends[.exited] ?? 0) > 0, "some met the directory: \(ends)")
        #expect(metLink > 0, "some met a link: \(ends)")
        try shim.end()
    }
}

/// A thread that exchanges the directory `place` with two links, as fast as it can.
private final class Swapper: Sendable {
    private let stop = Atomic(false)
    private let ended = DispatchSemaphore(value: 0)

    init(directory: Int32) {
        DispatchQueue.global().async { [self] in
            let exchange: UInt32 = 2  // RENAME_EXCHANGE
            while !stop.load(ordering: .relaxed) {
                for other in ["other", "third"] {
                    _ = cns_renameat2(directory, "place", directory, other, exchange)
                    _ = cns_renameat2(directory, "place", directory, other, exchange)
                }
            }
            ended.signal()
        }
    }

    func end() {
        stop.store(true, ordering: .relaxed)
        ended.wait()
    }
}
