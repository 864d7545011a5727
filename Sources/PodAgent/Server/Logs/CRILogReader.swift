import PodCore
import Synchronization

/// Reads the log of one instance of a container: its rotated files and the current one, as one stream.
///
/// ```
///   files so far, from the tail on ──▶ end          (without follow)
///                                  └─▶ current file ──▶ wait for a change ──▶ …
///                                        └ rotated? its end, then the next file
///                                        └ container ended? its end, then ours
/// ```
/// Memory is bounded whatever is in the files: a block, a line and what is rendered of them.
struct CRILogReader: Sendable {
    typealias Write = @Sendable ([UInt8]) async throws -> Void

    private let source: LogSource
    private let options: LogOptions
    private let watcher: DirectoryWatcher

    /// - Parameter watcher: used only to follow.
    init(_ source: LogSource, _ options: LogOptions, watcher: DirectoryWatcher) {
        self.source = source
        self.options = options
        self.watcher = watcher
    }

    /// Reads to the end, or while following to the container's end. What `write` throws ends it too.
    func run(_ write: @escaping Write) async throws {
        if options.follow {
            try await follow(write)
        } else {
            try await readOnce(write)
        }
    }

    private func readOnce(_ write: Write) async throws {
        var reading = LogReading(options)
        let (files, offset) = try await begin()
        for (index, file) in files.enumerated() {
            try await reading.read(file, from: index == 0 ? offset : 0, write)
            if reading.isFinished { return }
        }
    }

    // MARK: Following

    private func follow(_ write: @escaping Write) async throws {
        // Watched before the first look, so that nothing falls between the two.
        let changes = try watcher.changes(in: source.directory)
        let (signals, signal) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let hasEnded = Flag()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await _ in changes { signal.yield() }
            }
            group.addTask {
                for await _ in source.end {}
                hasEnded.set()
                signal.yield()
            }
            // Whatever ends first: the reading is the only one that ends by itself before the container does.
            defer { group.cancelAll() }
            try await read(until: hasEnded, woken: signals, write)
        }
    }

    private func read(until hasEnded: Flag, woken signals: AsyncStream<Void>, _ write: Write) async throws {
        var reading = LogReading(options)
        let (files, offset) = try await begin()
        for (index, file) in files.enumerated() {
            try await reading.read(file, from: index == 0 ? offset : 0, write)
        }
        var current = files.last
        var signal = signals.makeAsyncIterator()
        while !reading.isFinished {
            // Both are asked before reading on: what was written before them is then read for certain.
            let isLast = hasEnded.isSet
            let successors = try await successors(of: current)
            if let current { try await reading.continueReading(current, write) }
            for file in successors {
                try await reading.read(file, from: 0, write)
                if reading.isFinished { return }
            }
            if let newest = successors.last {
                current = newest
            } else if isLast {
                return
            } else if await signal.next() == nil {
                return
            }
        }
    }

    /// The files that were begun after `file`: none, or after a rotation those rotated since and the current one.
    private func successors(of file: LogFile?) async throws -> [LogFile] {
        let source = source
        return try await Worker.attempt {
            let current = "\(source.restartCount).log"
            if let file, FileIdentity(of: current, in: source.directory) == file.identity { return [] }
            let all = try LogFileSet(of: source.restartCount, in: source.directory).files
            // Rotated away and deleted since means that all that are left are newer.
            let index = all.firstIndex { $0.identity == file?.identity }
            return Array(all[(index.map { $0 + 1 } ?? 0)...])
        }
    }

    private func begin() async throws -> (files: [LogFile], offset: Int64) {
        let (source, options) = (source, options)
        return try await Worker.attempt {
            let set = try LogFileSet(of: source.restartCount, in: source.directory)
            guard let lines = options.tailLines else { return (set.files, 0) }
            let tail = try set.tail(lines: lines)
            return (Array(tail.files), tail.offset)
        }
    }
}

/// How far a reader has come.
private struct LogReading {
    private var splitter = LineSplitter()
    private var renderer: LogRenderer
    private var offset: Int64 = 0

    init(_ options: LogOptions) { renderer = LogRenderer(options) }

    var isFinished: Bool { renderer.isFinished }

    /// Reads a file from `start` to its present end. What the one before ended with, without a newline, is dropped.
    mutating func read(_ file: LogFile, from start: Int64, _ write: CRILogReader.Write) async throws {
        splitter.reset()
        offset = start
        try await continueReading(file, write)
    }

    /// Reads what has been added to the file since.
    mutating func continueReading(_ file: LogFile, _ write: CRILogReader.Write) async throws {
        while !renderer.isFinished {
            let (position, name) = (offset, file)
            let block = try await Worker.attempt { try name.read(at: position) }
            if block.isEmpty { return }
            offset += Int64(block.count)
            var output: [UInt8] = []
            splitter.feed(block) { line in
                renderer.render(line, into: &output)
                return !renderer.isFinished
            }
            if !output.isEmpty { try await write(output) }
        }
    }
}

/// A fact that becomes true once.
private final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func set() { value.store(true, ordering: .releasing) }
}
