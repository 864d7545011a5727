import CNamespaces
import Dispatch
import Glibc
import Synchronization
import Testing

@testable import PodAgent

/// The one door: paths under a container's control never lead outside, and removal never follows anything.
@Suite struct RootedDirectoryTests {
    private func withTree(_ body: (RootedDirectory, String) throws -> Void) throws {
        var template = Array("/tmp/podagent-door-XXXXXX".utf8CString)
        let made = mkdtemp(&template)
        let path = try #require(made.map { String(cString: $0) })
        let parent = try RootedDirectory(hostPath: "/tmp")
        let leaf = try #require(path.split(separator: "/").last.map(String.init))
        defer { try? parent.removeTree(leaf) }
        try body(RootedDirectory(hostPath: path), path)
    }

    private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    @Test("An absolute link, dots and a link chain stay inside", arguments: ["abs", "dots", "chain"])
    func linksStayInside(link: String) throws {
        try withTree { root, path in
            _ = try root.makeDirectory("root/etc", mode: 0o755)
            let inside = try root.directory("root")
            try inside.directory("etc").replaceFile("canary", with: Array("inside".utf8), mode: 0o644)
            try root.makeDirectory("etc", mode: 0o755).replaceFile(
                "canary",
                with: Array("outside".utf8),
                mode: 0o644
            )
            _ = symlinkat("/etc", inside.raw, "abs")
            _ = symlinkat("../../../../etc", inside.raw, "dots")
            _ = symlinkat("abs", inside.raw, "chain")
            #expect(try inside.read("\(link)/canary", limit: 100) == Array("inside".utf8))
        }
    }

    @Test("A magic link of procfs is refused")
    func magicLinksAreRefused() throws {
        let root = try RootedDirectory(hostPath: "/")
        #expect(throws: SystemFailure.self) { _ = try root.open("proc/self/root", flags: O_PATH).raw }
    }

    @Test("A file that replaces another is whole, and a planted link is replaced and not written through")
    func replacingDoesNotFollow() throws {
        try withTree { root, path in
            try root.replaceFile("canary", with: Array("safe".utf8), mode: 0o600)
            let inside = try root.makeDirectory("volume", mode: 0o755)
            _ = symlinkat("\(path)/canary", inside.raw, "hosts")
            _ = symlinkat("\(path)/canary", inside.raw, ".hosts.tmp")
            try inside.replaceFile("hosts", with: Array("new".utf8), mode: 0o644)
            #expect(try root.read("canary", limit: 100) == Array("safe".utf8))
            #expect(try inside.read("hosts", limit: 100) == Array("new".utf8))
        }
    }

    @Test("A replacement that fails leaves no half of itself")
    func failedReplacement() throws {
        try withTree { root, path in
            _ = try root.makeDirectory("taken", mode: 0o755)
            #expect(throws: SystemFailure.self) { try root.replaceFile("taken", with: [1], mode: 0o600) }
            #expect(try root.entries().contains(".taken.tmp") == false)
        }
    }

    @Test("A FIFO where a file is expected neither blocks nor is read")
    func fifoIsRefused() throws {
        try withTree { root, path in
            #expect(mkfifo("\(path)/pipe", 0o600) == 0)
            #expect(throws: SystemFailure.self) { try root.read("pipe", limit: 10) }
        }
    }

    @Test("Removal takes a wide and a deep tree and leaves what links point at")
    func removesHostileTrees() throws {
        try withTree { root, path in
            try root.replaceFile("canary", with: [1], mode: 0o600)
            var deep = try root.makeDirectory("tree", mode: 0o755)
            for index in 0..<300 { _ = mkdirat(deep.raw, "wide\(index)", 0o755) }
            _ = symlinkat(path, deep.raw, "up")
            _ = symlinkat("\(path)/canary", deep.raw, "file")
            for _ in 0..<1_000 { deep = try deep.makeDirectory("d", mode: 0o755) }
            try deep.replaceFile("bottom", with: [1], mode: 0o600)
            try root.removeTree("tree")
            #expect(!exists("\(path)/tree"))
            #expect(exists("\(path)/canary"))
        }
    }

    @Test("Removal takes files and directories whose names are not UTF-8")
    func removesNamesThatAreBytes() throws {
        try withTree { root, path in
            let tree = try root.makeDirectory("tree", mode: 0o755)
            let directory = FileName(bytes: [0xE9, 0xFF])
            #expect(mkdirat(tree.raw, directory.cString, 0o755) == 0)
            let file = FileName(bytes: directory.bytes + [UInt8(ascii: "/"), 0xC3])
            _ = try tree.open(file, flags: O_WRONLY | O_CREAT, mode: 0o600)
            #expect(try tree.entryNames() == [directory])
            try root.removeTree("tree")
            #expect(!exists("\(path)/tree"))
        }
    }

    @Test("Removing what is not there is success")
    func removingNothing() throws {
        try withTree { root, _ in try root.removeTree("nothing") }
    }

    @Test(
        "Removal stops at a mount and leaves its content",
        .enabled(if: geteuid() == 0, "mounting needs root")
    )
    func stopsAtMounts() throws {
        try withTree { root, path in
            _ = try root.makeDirectory("data", mode: 0o755)
            try root.directory("data").replaceFile("precious", with: [1], mode: 0o600)
            _ = try root.makeDirectory("tree/inner/mounted", mode: 0o755)
            let tree = cns_open_tree(root.raw, "data", UInt32(OPEN_TREE_CLONE))
            try #require(tree >= 0)
            let target = try root.open("tree/inner/mounted", flags: O_PATH)
            try #require(cns_move_mount(tree, target.raw) == 0)
            close(tree)
            defer { umount2("\(path)/tree/inner/mounted", Int32(MNT_DETACH)) }
            let failure = #expect(throws: SystemFailure.self) { try root.removeTree("tree") }
            #expect(failure?.errno == EXDEV)
            #expect(exists("\(path)/data/precious"))
        }
    }

    @Test("Several removals of one tree at once all succeed")
    func concurrentRemovals() throws {
        try withTree { root, _ in
            for round in 0..<20 {
                for a in 0..<6 {
                    for b in 0..<6 { _ = try root.makeDirectory("tree/\(a)/\(b)/x/y", mode: 0o755) }
                }
                let failures = Mutex<[SystemFailure]>([])
                DispatchQueue.concurrentPerform(iterations: 4) { _ in
                    do throws(SystemFailure) {
                        try root.removeTree("tree")
                    } catch {
                        failures.withLock { $0.append(error) }
                    }
                }
                #expect(failures.withLock { $0 } == [], "round \(round)")
                #expect(try root.entries() == [])
            }
        }
    }
}
