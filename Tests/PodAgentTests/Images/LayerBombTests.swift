import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Layers that ask for more than they are worth: memory, disk, time. Each is refused or costs little.
@Suite(.blocking, .enabled(if: geteuid() == 0, "owners and whiteouts need root"))
struct LayerBombTests {
    private struct Outcome {
        var facts: LayerTree.Facts?
        var problem: LayerProblem?
        /// The most memory that the unpacking process had had when its input came to an end, in kB.
        var memoryMax: Int?
    }

    /// Unpacks what comes in parts, each as often as is said, and looks at the process before the end.
    private func unpack(
        _ parts: [(bytes: [UInt8], times: Int)],
        diffID: Digest = Digest(of: [UInt8].random(16)),
        watched: Bool = true,
        _ body: (String) throws -> Void = { _ in }
    ) throws -> Outcome {
        try Scratch.run { scratch in
            let layer = ListedLayer(file: "layer", blob: nil, diffID: diffID)
            let directory = try scratch.root.makeDirectory("layer", mode: 0o755)
            var outcome = Outcome()
            let stream = RepeatingStream(parts) {
                guard watched else { return }
                outcome.memoryMax = UnpackerWatch(diffID: diffID.description)?.memoryMax
            }
            do throws(SourceProblem) {
                outcome.facts = try layer.unpack(stream, into: directory, limits: ImageLimits())
            } catch {
                guard case .layer(_, _, let problem) = error else { throw error }
                outcome.problem = problem
            }
            try body("\(scratch.path)/layer")
            return outcome
        }
    }

    private func unpack(_ build: (inout TarWriter) -> Void) throws -> Outcome {
        var tar = TarWriter()
        build(&tar)
        let bytes = tar.finished()
        return try unpack([(bytes, 1)], diffID: Digest(of: bytes), watched: false)
    }

    @Test("A piece of a sparse file behind the file's end is refused", arguments: [11, 1 << 50])
    func pieceBehindEnd(offset: Int) throws {
        var map = Array("1\n\(offset)\n4\n".utf8)
        map += [UInt8](repeating: 0, count: 512 - map.count)
        let outcome = try unpack { tar in
            tar.add(
                Array("sparse".utf8),
                .file,
                map + Array("data".utf8),
                pax: [
                    ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "sparse"),
                    ("GNU.sparse.realsize", "12"),
                ]
            )
        }
        #expect(outcome.problem == .contentBehindEnd(size: 12))
    }

    @Test(
        "A flood of attributes is refused, whether they would be kept or not",
        arguments: ["user", "other"]
    )
    func attributes(space: String) throws {
        let outcome = try unpack { tar in
            tar.add("file", attributes: (0..<257).map { ("\(space).a\($0)", [1]) })
        }
        #expect(outcome.problem == .tooManyAttributes(limit: 256))
    }

    @Test("A link's target that no link can have is refused")
    func longTarget() throws {
        let outcome = try unpack { tar in
            tar.add("link", .symbolicLink, link: String(repeating: "x/", count: 400_000))
        }
        guard case .system(let failure) = outcome.problem else {
            Issue.record("\(String(describing: outcome.problem))")
            return
        }
        #expect(failure.errno == ENAMETOOLONG)
    }

    @Test("A map of a sparse file that would fill the memory ends at the limit")
    func sparseMap() throws {
        var tar = TarWriter()
        tar.addOldSparseHeader("sparse", size: 1 << 40)
        // Each of 21 pieces takes more memory than its 24 bytes here.
        let block = TarWriter.oldSparseExtension(pieces: 21)
        let outcome = try unpack([(tar.bytes, 1), (block, 600_000)])
        #expect(outcome.facts == nil)
        // Who hits the limit first is libarchive or the program itself.
        switch outcome.problem {
        case .stream(.archive(let words)): #expect(words.contains("memory"))
        case .unpacker(.signalled): break
        default: Issue.record("\(String(describing: outcome.problem))")
        }
        if let memory = outcome.memoryMax { #expect(memory < 300_000) }
    }

    @Test("A flood of pax headers stays within bounds", arguments: ["x", "g", "L", "K"])
    func headers(type: Character) throws {
        var tar = TarWriter()
        tar.addExtension(
            type,
            body: Array("1000000 comment=".utf8) + [UInt8](repeating: 0x61, count: 999_984)
        )
        var end = TarWriter()
        end.add("file")
        let outcome = try unpack([(tar.bytes, 200), (end.finished(), 1)])
        #expect(outcome.problem != nil)
        if let memory = outcome.memoryMax { #expect(memory < 100_000) }
    }

    @Test("A zstd window beyond 128 MiB is refused, one of 128 MiB is not")
    func windows() throws {
        var tar = TarWriter()
        tar.add("file", .file, "content")
        let bytes = tar.finished()
        func frame(windowLog: UInt8) -> [UInt8] {
            let size = bytes.count << 3 | 1
            return [0x28, 0xB5, 0x2F, 0xFD, 0, (windowLog - 10) << 3]
                + [UInt8(size & 255), UInt8(size >> 8 & 255), UInt8(size >> 16 & 255)] + bytes
        }
        let large = try unpack([(frame(windowLog: 27), 1)], diffID: Digest(of: bytes), watched: false)
        #expect(large.facts?.entries == 1)
        let huge = try unpack([(frame(windowLog: 31), 1)], diffID: Digest(of: bytes), watched: false)
        guard case .stream(.archive) = huge.problem else {
            Issue.record("\(huge)")
            return
        }
    }

    @Test("Many tiny entries take no memory")
    func manyEntries() throws {
        var bytes: [UInt8] = []
        for directory in 0..<300 {
            var tar = TarWriter()
            for file in 0..<100 { tar.add("d\(directory)/f\(file)") }
            bytes += tar.bytes
        }
        bytes += [UInt8](repeating: 0, count: 1024)
        let outcome = try unpack([(bytes, 1)], diffID: Digest(of: bytes))
        // A directory that had to be made counts as well.
        #expect(outcome.facts?.entries == 30_300)
        #expect(try #require(outcome.memoryMax) < 64_000)
    }

    @Test("A tree that links have made deeper than any path can be removed, whatever names it has")
    func depth() throws {
        var tar = TarWriter()
        let hop = Array(repeating: "d", count: 200).joined(separator: "/")
        tar.add("\(hop)/", .directory)
        var place = hop
        for link in 0..<15 {
            tar.add("l\(link)", .symbolicLink, link: place)
            // Level by level: what is missing is only made so far down.
            for level in 1...40 {
                tar.add("l\(link)/" + Array(repeating: "d", count: level).joined(separator: "/"), .directory)
            }
            place += "/" + Array(repeating: "d", count: 40).joined(separator: "/")
        }
        for number in 1...4 { tar.add(".podagent-removing-\(number)/x", .file, "in the way") }
        let bytes = tar.finished()
        let outcome = try unpack([(bytes, 1)], diffID: Digest(of: bytes)) { path in
            let parent = try RootedDirectory(hostPath: RootedDirectory.split(path).parent.withSlash)
            try parent.removeTree("layer")
            #expect(FileFacts(path) == nil)
        }
        #expect(outcome.problem == nil)
    }
}

/// Parts, each as often as is said, and a last look before the end.
private final class RepeatingStream: ByteStream {
    private let parts: [(bytes: [UInt8], times: Int)]
    private let atEnd: () -> Void
    private let buffer: UnsafeMutableRawBufferPointer
    private var (index, done) = (0, 0)

    init(_ parts: [(bytes: [UInt8], times: Int)], atEnd: @escaping () -> Void) {
        self.parts = parts
        self.atEnd = atEnd
        buffer = .allocate(byteCount: max(1 << 20, parts.map(\.bytes.count).max() ?? 0), alignment: 16)
    }

    deinit { buffer.deallocate() }

    func next() throws(StreamProblem) -> UnsafeRawBufferPointer {
        guard index < parts.count else {
            atEnd()
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        let part = parts[index]
        var filled = 0
        while done < part.times, filled + part.bytes.count <= buffer.count {
            UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]).copyBytes(from: part.bytes)
            filled += part.bytes.count
            done += 1
        }
        if done == part.times { (index, done) = (index + 1, 0) }
        return UnsafeRawBufferPointer(rebasing: buffer[..<filled])
    }
}

extension [UInt8] {
    fileprivate static func random(_ count: Int) -> [UInt8] { (0..<count).map { _ in .random(in: 0...255) } }
}

extension String {
    fileprivate var withSlash: String { hasPrefix("/") ? self : "/" + self }
}
