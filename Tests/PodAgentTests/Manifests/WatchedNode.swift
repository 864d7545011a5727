import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// A temporary directory with a watcher on a directory in it, whose changes are read as short lines.
final class WatchedNode: Sendable {
    /// The temporary directory.
    let base: String
    /// The watched one.
    let path: String
    private let settle: Duration
    private let lines: AsyncStream<String>
    private let sink: AsyncStream<String>.Continuation
    private let watcher: ManifestDirectory

    @NodeActor
    init(base: String, path: String, settle: Duration) {
        self.base = base
        self.path = "\(base)/\(path)"
        self.settle = settle
        let (lines, sink) = AsyncStream.makeStream(of: String.self)
        self.lines = lines
        self.sink = sink
        watcher = ManifestDirectory(path: self.path, settle: settle) { changes in
            for change in changes { sink.yield(Self.line(change)) }
        }
    }

    private static func line(_ change: ManifestChange) -> String {
        func name(_ path: String) -> String { RootedDirectory.split(path).leaf }
        switch change {
        case .present(let file):
            let content = file.content.problems.map(\.description) + file.content.documents.map { $0.json() }
            return "present \(name(file.path)): \(content.joined(separator: " "))"
        case .removed(let path): return "removed \(name(path))"
        case .ignored(let path, let reason): return "ignored \(name(path)): \(reason)"
        case .listed: return "listed"
        case .watching(_, let warnings):
            return (["watching"] + warnings).joined(separator: ": ")
        case .unavailable(_, let reason): return "unavailable: \(reason)"
        }
    }

    func start() throws {
        try NodeActor.queue.sync { try NodeActor.assumeIsolated { try watcher.start() } }
    }

    func stop() {
        NodeActor.queue.sync { NodeActor.assumeIsolated { watcher.stop() } }
        sink.finish()
    }

    /// Starts and passes over what was there: `count` entries.
    func startListed(after count: Int = 0) async throws {
        try start()
        _ = await next(count + 1)
        #expect(await next() == "listed")
    }

    func next() async -> String {
        for await line in lines { return line }
        return "nothing more"
    }

    /// Expects these lines next, in this order.
    func expect(_ expected: String..., at location: SourceLocation = #_sourceLocation) async {
        let found = await next(expected.count)
        #expect(found == expected, sourceLocation: location)
    }

    func next(_ count: Int) async -> [String] {
        var result: [String] = []
        while result.count < count { result.append(await next()) }
        return result
    }

    /// The next line that begins so.
    func next(_ beginning: String) async -> String {
        for await line in lines where line.hasPrefix(beginning) { return line }
        return "nothing more"
    }

    /// Passes over everything up to this line.
    func next(endingWith last: String) async -> Bool {
        for await line in lines where line == last { return true }
        return false
    }

    func write(
        _ name: String,
        _ text: String,
        mode: UInt32 = 0o644,
        modified: Int = 0,
        truncating: Bool = true
    ) {
        let flags = O_WRONLY | O_CREAT | (truncating ? O_TRUNC : 0)
        let file = cns_openat(
            AT_FDCWD,
            name.hasPrefix("../") ? base + name.dropFirst(2) : "\(path)/\(name)",
            flags,
            mode
        )
        #expect(file >= 0, "\(name): \(errnoText(errno))")
        #expect(fchmod(file, mode) == 0)
        #expect(Glibc.write(file, text, text.utf8.count) == text.utf8.count)
        if modified > 0 {
            let time = timespec(tv_sec: modified, tv_nsec: 0)
            #expect(futimens(file, [time, time]) == 0)
        }
        close(file)
    }
}

/// Runs a test in a fresh temporary directory, which is removed afterwards.
func withNode(
    path: String = "manifests",
    settle: Duration = .milliseconds(1),
    _ body: (WatchedNode) async throws -> Void
) async throws {
    var template = Array("/tmp/podagent-manifests-XXXXXX".utf8CString)
    let made = mkdtemp(&template)
    let base = try #require(made.map { String(cString: $0) })
    if path == "manifests" { mkdir("\(base)/manifests", 0o755) }
    defer { try? RootedDirectory(hostPath: "/tmp").removeTree(RootedDirectory.split(base).leaf) }
    let node = await WatchedNode(base: base, path: path, settle: settle)
    defer { node.stop() }
    try await body(node)
}
