import Dispatch
import Glibc
import PodCore

/// Watches the directory of manifests and reports what is in it, as it changes. No polling: inotify(7) says when to
/// look, and looking is a worker's job.
///
/// - A file is read when it is complete: closed after writing, renamed or linked into place, or found in a listing;
///   see ``ManifestReader`` for what keeps a file that is being rewritten from being read by halves. The same bytes
///   are reported once.
/// - A name that leaves the directory is reported after `settle`, unless it comes back by then: editors save by
///   moving the old file away first, and that must not end a Pod. A manifest that gets another manifest's name
///   leaves its old one in the same batch of changes.
/// - A directory that vanishes removes nothing. It is reported, and waited for; once it is back, it is listed again,
///   and what is missing from the listing is gone.
/// - A symbolic link is followed and the file it leads to is watched as well. If a directory on its way is replaced,
///   that is noticed when it happens in the manifest directory itself, as with the `..data` of a mounted ConfigMap.
@NodeActor
final class ManifestDirectory {
    /// The directory, as its owner named it.
    let path: String
    private let settle: Duration
    private let receive: @NodeActor ([ManifestChange]) -> Void
    private var place: DirectoryPlace?
    private var watched: WatchedDirectory?

    /// What is known of a name.
    private struct Entry {
        var firstSeen: Int
        var delivered: Delivered
        /// The watch on the file that a symbolic link leads to.
        var targetWatch: Int32?
        /// Set while the name is gone but may come back; the number tells one departure from the next.
        var departure: Int?
    }

    private enum Delivered: Equatable {
        /// Who may read it counts too: a Secret must not become readable unnoticed.
        case content([UInt8], isPrivate: Bool)
        case unreadable(String)
        case notManifest(String)
    }

    private var entries: [String: Entry] = [:]
    private var counter = 0

    /// What is to be read next. One reading is under way at a time; events during it wait here.
    private var dirty: [String: NameEvent] = [:]
    private var mustList = false
    private var isReading = false

    /// - Parameters:
    ///   - settle: how long a name must be gone before it is reported.
    ///   - receive: gets the changes in order. A batch that ends in `.listed` holds all that was there.
    init(
        path: String,
        settle: Duration = .milliseconds(100),
        receive: @escaping @NodeActor ([ManifestChange]) -> Void
    ) {
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        self.settle = settle
        self.receive = receive
    }

    /// Begins to watch. Fails only if the kernel has no inotify instance left; a missing directory is reported and
    /// waited for.
    func start() throws(SystemFailure) {
        let place = DirectoryPlace(path: path) { [weak self] event in self?.handle(event) }
        self.place = place
        try place.start()
    }

    /// Stops for good. Nothing is reported any more.
    func stop() {
        place?.stop()
        place = nil
        watched = nil
        entries = [:]
    }

    // MARK: Events

    private func handle(_ event: DirectoryPlace.Event) {
        switch event {
        case .arrived(let directory):
            watched = directory
            mustList = true
            receive([.watching(path: path, warnings: directory.warnings)])
        case .unavailable(let reason):
            watched = nil
            receive([.unavailable(path: path, reason: reason)])
        case .names(let events): handle(NameEvent.fold(events))
        case .file(let watch, let isOver):
            for (name, entry) in entries where entry.targetWatch == watch {
                look(at: name, .touched(.complete))
                if isOver { entries[name]?.targetWatch = nil }
            }
        case .overflow: mustList = true
        }
        pump()
    }

    private func handle(_ events: [String: NameEvent]) {
        for (name, event) in events {
            look(at: name, event)
            guard name.hasPrefix(".") else { continue }
            for (name, entry) in entries where entry.targetWatch != nil {
                look(at: name, .touched(.complete))
            }
        }
    }

    /// Has a name read. What an event says about it is only a hint: what is found there counts.
    private func look(at name: String, _ event: NameEvent) {
        if case .touched = event { entries[name]?.departure = nil }
        if event == .touched(.uncertain), dirty[name] == .touched(.complete) { return }
        dirty[name] = event
    }

    // MARK: Reading

    /// Starts the next reading, if none is under way and there is something to read. A few names at a time, so that
    /// the first Pods of many start while the rest is still being read.
    private func pump() {
        guard !isReading, let watched else { return }
        var batch: [(String, NameEvent)]?
        if mustList {
            mustList = false
            dirty = [:]
        } else {
            let next = nextBatch()
            guard !next.isEmpty else { return }
            batch = next
        }
        isReading = true
        Task { @NodeActor [weak self, batch] in
            let result = await Worker.run { ManifestReading.read(batch, in: watched) }
            self?.finish(result, batch, watched)
        }
    }

    /// Takes a few names. The two names of a renamed manifest go together, so that both changes come in one batch and
    /// its Pod need not end in between.
    private func nextBatch() -> [(String, NameEvent)] {
        var names = Set(dirty.keys.sorted().prefix(16))
        for (name, event) in dirty {
            guard event.isRenaming, case .departed(let newName?) = event, dirty[newName] != nil else {
                continue
            }
            if names.contains(name) || names.contains(newName) { names.formUnion([name, newName]) }
        }
        return names.sorted().compactMap { name in dirty.removeValue(forKey: name).map { (name, $0) } }
    }

    private func finish(
        _ result: ManifestReading.Batch,
        _ batch: [(String, NameEvent)]?,
        _ directory: WatchedDirectory
    ) {
        isReading = false
        // What was read in another directory than the one that is watched now is read again in this one.
        guard let watched, watched.isSame(as: directory) else { return pump() }
        switch result {
        case .found(let readings):
            take(readings, batch)
            pump()
        case .otherDirectory: place?.lookAgain()
        case .failed(let failure):
            // All is listed afresh at the next event; trying again at once could go on for ever.
            mustList = true
            receive([.unavailable(path: path, reason: "\(failure)")])
        }
    }

    private func take(_ readings: [ManifestReading], _ batch: [(String, NameEvent)]?) {
        let events = Dictionary(uniqueKeysWithValues: batch ?? [])
        var changes: [ManifestChange] = []
        for reading in readings {
            guard let change = note(reading, after: events[reading.name]) else { continue }
            // What is gone makes room for what has come.
            if case .removed = change { changes.insert(change, at: 0) } else { changes.append(change) }
        }
        if batch == nil {
            let listed = Set(readings.map(\.name))
            for name in entries.keys where !listed.contains(name) { depart(name) }
            changes.append(.listed)
        }
        if !changes.isEmpty { receive(changes) }
    }

    /// Takes what was found into the books; returns what is new about it.
    private func note(_ reading: ManifestReading, after event: NameEvent?) -> ManifestChange? {
        let name = reading.name
        let delivered: Delivered
        switch reading.finding {
        case .gone:
            if event?.isRenaming == true { return forget(name) }
            depart(name)
            return nil
        case .beingWritten:
            entries[name]?.departure = nil
            return nil
        case .content(let bytes, _, let isPrivate, _): delivered = .content(bytes, isPrivate: isPrivate)
        case .unreadable(let reason): delivered = .unreadable(reason)
        case .notManifest(let reason): delivered = .notManifest(reason)
        }
        let old = entries[name]
        if old == nil { counter += 1 }
        let firstSeen = old?.firstSeen ?? counter
        entries[name] = Entry(firstSeen: firstSeen, delivered: delivered, targetWatch: old?.targetWatch)
        follow(reading)
        return old?.delivered == delivered ? nil : reading.change(in: path, firstSeen: firstSeen)
    }

    /// Watches the file that a link leads to. One that was not watched before may have changed since it was read.
    private func follow(_ reading: ManifestReading) {
        let old = entries[reading.name]?.targetWatch
        var new: Int32?
        if case .content(_, _, _, let target?) = reading.finding {
            new = place?.watchFile(target, subject: "\(path)/\(reading.name)")
        }
        guard new != old else { return }
        entries[reading.name]?.targetWatch = new
        dropTarget(old)
        if new != nil { look(at: reading.name, .touched(.complete)) }
    }

    // MARK: Departures

    private func depart(_ name: String) {
        guard let entry = entries[name], entry.departure == nil else { return }
        counter += 1
        let departure = counter
        entries[name]?.departure = departure
        let delay = DispatchTimeInterval.nanoseconds(Int(settle / .nanoseconds(1)))
        NodeActor.queue.asyncAfter(deadline: .now() + delay) { [weak self] in
            NodeActor.assumeIsolated { self?.settle(name, departure) }
        }
    }

    private func settle(_ name: String, _ departure: Int) {
        guard entries[name]?.departure == departure else { return }
        // While the directory is away, or is about to be listed, nothing that is missing counts as removed.
        guard watched != nil, !mustList else {
            entries[name]?.departure = nil
            return
        }
        if let change = forget(name) { receive([change]) }
    }

    private func forget(_ name: String) -> ManifestChange? {
        guard let entry = entries.removeValue(forKey: name) else { return nil }
        dropTarget(entry.targetWatch)
        return .removed(path: "\(path)/\(name)")
    }

    private func dropTarget(_ watch: Int32?) {
        guard let watch, !entries.values.contains(where: { $0.targetWatch == watch }) else { return }
        place?.unwatchFile(watch)
    }
}
