import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// The watcher on real directories. Every expectation waits for the change that it names; nothing sleeps.
@Suite(.blocking, .timeLimit(.minutes(5))) struct ManifestDirectoryTests {
    @Test(
        "Files that are present at the start come in one batch, the oldest first, what is no manifest with a reason"
    )
    func presentAtStart() async throws {
        try await withNode { node in
            node.write("newer.yaml", "b: 2", modified: 2000)
            node.write("older.json", "{a: 1,}", modified: 1000)
            node.write("notes.txt", "")
            node.write(".hidden.yaml", "")
            node.write("older.json~", "")
            mkdir("\(node.path)/sub.yaml", 0o755)
            mkfifo("\(node.path)/pipe.yaml", 0o600)
            try node.start()
            await node.expect("watching")
            await node.expect(
                "ignored .hidden.yaml: names that begin with a dot are not manifests",
                "ignored notes.txt: not named .json, .yaml or .yml",
                "ignored older.json~: a backup or temporary copy (~)",
                "ignored pipe.yaml: a FIFO, not a file",
                "ignored sub.yaml: a directory; sub-directories are not read",
                "present older.json: {\"a\":1}",
                "present newer.yaml: {\"b\":2}",
            )
            await node.expect("listed")
        }
    }

    @Test(
        "A renamed-in, an in-place written, a hard-linked and an unnamed file that gets its name are all seen"
    )
    func arrivals() async throws {
        try await withNode { node in
            try await node.startListed()
            node.write("../outside", "a: 1")
            rename("\(node.base)/outside", "\(node.path)/a.yaml")
            await node.expect("present a.yaml: {\"a\":1}")
            node.write("b.yaml", "b: 1")
            await node.expect("present b.yaml: {\"b\":1}")
            node.write("../outside", "c: 1")
            link("\(node.base)/outside", "\(node.path)/c.yaml")
            await node.expect("present c.yaml: {\"c\":1}")
            let unnamed = cns_openat(AT_FDCWD, node.path, O_TMPFILE | O_WRONLY, 0o600)
            try #require(unnamed >= 0)
            Glibc.write(unnamed, "d: 1", 4)
            linkat(AT_FDCWD, "/proc/self/fd/\(unnamed)", AT_FDCWD, "\(node.path)/d.yaml", AT_SYMLINK_FOLLOW)
            close(unnamed)
            await node.expect("present d.yaml: {\"d\":1}")
        }
    }

    @Test("A file that is being written is read when its writer closes it, not before")
    func slowWriter() async throws {
        try await withNode(settle: .seconds(30)) { node in
            node.write("a.yaml", "a: 1")
            try await node.startListed(after: 1)
            let writer = open("\(node.path)/a.yaml", O_WRONLY | O_TRUNC)
            try #require(writer >= 0)
            Glibc.write(writer, "a: 2", 4)
            // Each of these makes the watcher look; what it finds is a file that somebody is writing.
            chmod("\(node.path)/a.yaml", 0o600)
            rename("\(node.path)/a.yaml", "\(node.path)/.moved")
            rename("\(node.path)/.moved", "\(node.path)/a.yaml")
            node.write("marker.yaml", "m: 1")
            await node.expect("present marker.yaml: {\"m\":1}")
            Glibc.write(writer, "0", 1)
            close(writer)
            await node.expect("present a.yaml: {\"a\":20}")
        }
    }

    @Test("A file that is being written at the start is read when its writer closes it")
    func slowWriterAtStart() async throws {
        try await withNode { node in
            let writer = cns_openat(AT_FDCWD, "\(node.path)/a.yaml", O_WRONLY | O_CREAT, 0o600)
            try #require(writer >= 0)
            Glibc.write(writer, "a: 1", 4)
            try await node.startListed()
            Glibc.write(writer, "2", 1)
            close(writer)
            await node.expect("present a.yaml: {\"a\":12}")
        }
    }

    @Test("The same bytes again are no news, and neither is a touch")
    func unchanged() async throws {
        try await withNode { node in
            node.write("a.yaml", "a: 1")
            try await node.startListed(after: 1)
            node.write("a.yaml", "a: 1")
            node.write("../outside", "a: 1")
            rename("\(node.base)/outside", "\(node.path)/a.yaml")
            chmod("\(node.path)/a.yaml", 0o640)
            node.write("marker.yaml", "m: 1")
            await node.expect("present marker.yaml: {\"m\":1}")
        }
    }

    @Test("A deleted file and one that is moved out are removed; so is an ignored one")
    func departures() async throws {
        try await withNode { node in
            for name in ["a.yaml", "b.yaml", "c.txt"] { node.write(name, "a: 1", modified: 1000) }
            try await node.startListed(after: 3)
            unlink("\(node.path)/a.yaml")
            await node.expect("removed a.yaml")
            rename("\(node.path)/b.yaml", "\(node.base)/b.yaml")
            await node.expect("removed b.yaml")
            unlink("\(node.path)/c.txt")
            await node.expect("removed c.txt")
        }
    }

    @Test(
        "An editor that moves the old file away before it writes the new one changes the file and removes nothing"
    )
    func editors() async throws {
        try await withNode(settle: .seconds(30)) { node in
            node.write("a.yaml", "a: 1")
            try await node.startListed(after: 1)
            rename("\(node.path)/a.yaml", "\(node.path)/a.yaml~")
            await node.expect("ignored a.yaml~: a backup or temporary copy (~)")
            node.write("a.yaml", "a: 2")
            await node.expect("present a.yaml: {\"a\":2}")
            // Moved away and put back as it was: nothing happened.
            rename("\(node.path)/a.yaml", "\(node.base)/a.yaml")
            rename("\(node.base)/a.yaml", "\(node.path)/a.yaml")
            node.write("marker.yaml", "m: 1")
            await node.expect("present marker.yaml: {\"m\":1}")
        }
    }

    @Test("A manifest that gets another name is gone from its old one first, without waiting")
    func renames() async throws {
        try await withNode(settle: .seconds(30)) { node in
            node.write("a.yaml", "a: 1")
            try await node.startListed(after: 1)
            rename("\(node.path)/a.yaml", "\(node.path)/b.yaml")
            await node.expect("removed a.yaml", "present b.yaml: {\"a\":1}")
        }
    }

    @Test("Two manifests that are exchanged are both read again")
    func exchange() async throws {
        try await withNode { node in
            node.write("a.yaml", "a: 1", modified: 1000)
            node.write("b.yaml", "b: 1", modified: 2000)
            try await node.startListed(after: 2)
            let exchange: UInt32 = 2  // RENAME_EXCHANGE
            #expect(
                cns_renameat2(AT_FDCWD, "\(node.path)/a.yaml", AT_FDCWD, "\(node.path)/b.yaml", exchange) == 0
            )
            #expect(
                await node.next(2).sorted() == ["present a.yaml: {\"b\":1}", "present b.yaml: {\"a\":1}"]
            )
        }
    }

    @Test("A file that cannot be used is present with its problem, and its mending is seen")
    func problems() async throws {
        try await withNode { node in
            try await node.startListed()
            node.write("a.yaml", "a: [1")
            await node.expect(
                "present a.yaml: line 2: did not find expected ',' or ']' while parsing a flow sequence that began on line 1"
            )
            node.write("a.yaml", "")
            await node.expect("present a.yaml: the file is empty: it holds no object")
            truncate("\(node.path)/a.yaml", 1 << 30)
            node.write("a.yaml", "", truncating: false)
            await node.expect("present a.yaml: 1073741824 bytes long; a manifest may have 10485760")
            node.write("a.yaml", "a: 1")
            await node.expect("present a.yaml: {\"a\":1}")
        }
    }

    @Test("A file everyone may write to is refused until its mode is mended")
    func modes() async throws {
        try await withNode { node in
            node.write("a.yaml", "a: 1", mode: 0o666)
            try node.start()
            await node.expect("watching")
            #expect(await node.next().hasPrefix("present a.yaml: everyone may write to the file"))
            await node.expect("listed")
            chmod("\(node.path)/a.yaml", 0o644)
            await node.expect("present a.yaml: {\"a\":1}")
        }
    }

    @Test(
        "A stranger's file or link is refused, the directory owner's is not",
        .enabled(if: geteuid() == 0, "chown needs root")
    )
    func owners() async throws {
        try await withNode { node in
            node.write("stranger.yaml", "a: 1", modified: 3000)
            chown("\(node.path)/stranger.yaml", 4711, 4711)
            node.write("owner.yaml", "a: 1", modified: 1000)
            chown("\(node.path)/owner.yaml", 4712, 4712)
            node.write("../root.yaml", "a: 1", modified: 2000)
            symlink("\(node.base)/root.yaml", "\(node.path)/link.yaml")
            lchown("\(node.path)/link.yaml", 4711, 4711)
            chown(node.path, 4712, 4712)
            chmod(node.path, 0o1777)
            try node.start()
            let warning =
                "everyone may write to \(node.path), and what stands there runs as root; chmod o-w it"
            await node.expect("watching: \(warning)")
            let refused =
                "belongs to user 4711, who is neither root nor the owner of \(node.path); "
                + "chown it if it is to run"
            await node.expect(
                "present link.yaml: the symbolic link \(refused)",
                "present stranger.yaml: the file \(refused)",
                "present owner.yaml: {\"a\":1}",
            )
            await node.expect("listed")
            chown("\(node.path)/stranger.yaml", 0, 0)
            await node.expect("present stranger.yaml: {\"a\":1}")
        }
    }

    @Test("A link is followed, and what it leads to is watched: written, replaced, gone, and back")
    func links() async throws {
        try await withNode { node in
            node.write("../target", "a: 1")
            symlink("../target", "\(node.path)/a.yaml")
            symlink("nowhere", "\(node.path)/b.yaml")
            symlink(".", "\(node.path)/loop.yaml")
            try node.start()
            await node.expect("watching")
            await node.expect(
                "present b.yaml: the symbolic link leads nowhere",
                "ignored loop.yaml: a directory; sub-directories are not read",
                "present a.yaml: {\"a\":1}",
                "listed",
            )
            node.write("../target", "a: 2")
            await node.expect("present a.yaml: {\"a\":2}")
            node.write("../new", "a: 3")
            rename("\(node.base)/new", "\(node.base)/target")
            await node.expect("present a.yaml: {\"a\":3}")
            unlink("\(node.base)/target")
            await node.expect("present a.yaml: the symbolic link leads nowhere")
            unlink("\(node.path)/a.yaml")
            await node.expect("removed a.yaml")
        }
    }

    @Test(
        "Links through a directory that is swapped, as in a mounted ConfigMap, are followed to the new files"
    )
    func swappedLinks() async throws {
        try await withNode { node in
            for (directory, value) in [("..1", 1), ("..2", 2)] {
                mkdir("\(node.path)/\(directory)", 0o755)
                node.write("\(directory)/a.yaml", "a: \(value)")
            }
            symlink("..1", "\(node.path)/..data")
            symlink("..data/a.yaml", "\(node.path)/a.yaml")
            try await node.startListed(after: 4)
            symlink("..2", "\(node.path)/..data_tmp")
            rename("\(node.path)/..data_tmp", "\(node.path)/..data")
            #expect(await node.next("present") == "present a.yaml: {\"a\":2}")
        }
    }

    @Test("A file that gives way to a directory or a FIFO is no manifest any more")
    func kinds() async throws {
        try await withNode { node in
            node.write("a.yaml", "a: 1")
            try await node.startListed(after: 1)
            unlink("\(node.path)/a.yaml")
            mkfifo("\(node.path)/a.yaml", 0o600)
            await node.expect("ignored a.yaml: a FIFO, not a file")
        }
    }

    @Test("A directory that is moved away removes nothing, and is taken up again when it is back")
    func vanishes() async throws {
        try await withNode { node in
            node.write("a.yaml", "a: 1", modified: 1000)
            node.write("b.yaml", "b: 1", modified: 2000)
            try await node.startListed(after: 2)
            rename(node.path, "\(node.base)/away")
            await node.expect("unavailable: it does not exist")
            node.write("../away/b.yaml", "b: 2")
            unlink("\(node.base)/away/a.yaml")
            rename("\(node.base)/away", node.path)
            await node.expect("watching", "present b.yaml: {\"b\":2}", "listed", "removed a.yaml")
        }
    }

    @Test("A directory that is deleted with all that is in it removes nothing")
    func isDeleted() async throws {
        try await withNode(settle: .seconds(30)) { node in
            node.write("a.yaml", "a: 1")
            try await node.startListed(after: 1)
            unlink("\(node.path)/a.yaml")
            rmdir(node.path)
            await node.expect("unavailable: it does not exist")
        }
    }

    @Test("A directory whose parents are missing too is waited for")
    func isMissing() async throws {
        try await withNode(path: "x/y/manifests") { node in
            try node.start()
            await node.expect("unavailable: it does not exist")
            mkdir("\(node.base)/x", 0o755)
            mkdir("\(node.base)/x/y", 0o755)
            mkdir(node.path, 0o755)
            #expect(await node.next("watching") == "watching")
            await node.expect("listed")
            node.write("a.yaml", "a: 1")
            await node.expect("present a.yaml: {\"a\":1}")
        }
    }

    @Test("A file where the directory should be is reported, and so is its giving way")
    func isFile() async throws {
        try await withNode { node in
            rmdir(node.path)
            node.write("../manifests", "")
            try node.start()
            await node.expect("unavailable: open \(node.path): Not a directory")
            unlink(node.path)
            await node.expect("unavailable: it does not exist")
            mkdir(node.path, 0o755)
            #expect(await node.next("listed") == "listed")
        }
    }

    @Test("A path that is a link is followed again when it is turned")
    func turnedLink() async throws {
        try await withNode(path: "link") { node in
            for (directory, value) in [("one", 1), ("two", 2)] {
                mkdir("\(node.base)/\(directory)", 0o755)
                node.write("../\(directory)/a.yaml", "a: \(value)")
            }
            symlink("one", node.path)
            try await node.startListed(after: 1)
            symlink("two", "\(node.base)/new")
            rename("\(node.base)/new", node.path)
            await node.expect("watching", "present a.yaml: {\"a\":2}")
        }
    }

    @Test("After a storm of renames and rewrites the last content is what is known")
    func storm() async throws {
        try await withNode { node in
            try await node.startListed()
            for round in 0..<2000 {
                node.write("../new", "a: \(round)")
                rename("\(node.base)/new", "\(node.path)/a.yaml")
            }
            #expect(await node.next(endingWith: "present a.yaml: {\"a\":1999}"))
        }
    }
}
