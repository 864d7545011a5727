/// A Pod's name within the node: no two Pods that exist at the same time share one.
public struct PodKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The namespace; `default` where the manifest has none.
    public var namespace: String
    /// The name as it runs, with the node's suffix for a static Pod.
    public var name: String

    /// Pairs a namespace with a name.
    public init(namespace: String, name: String) {
        self.namespace = namespace
        self.name = name
    }

    /// `namespace/name`.
    public var description: String { "\(namespace)/\(name)" }

    /// By namespace, then by name.
    public static func < (a: PodKey, b: PodKey) -> Bool {
        (a.namespace, a.name) < (b.namespace, b.name)
    }
}

/// Decides which Pods the files of the manifest directory ask for.
///
/// Files come and go in any order; the set says what to start, replace and remove so that the node runs what they
/// ask for, by these rules:
///
/// - A file counts as a whole. While it cannot be used, its last good version stays in force.
/// - Of two files that define the same Pod, the one that ran first keeps it, and of two new ones the older. The other
///   is refused, and takes over when the first no longer defines the Pod. So it is with a Pod defined twice in one
///   file: the first definition counts.
/// - What ran when podagent stopped is restored as the last good version of its file, so that none of this depends on
///   podagent having been there all the time. Files that are not in the first listing are gone.
///
/// Generic over what stands for a Pod, which only needs to be comparable with its successor; see ``ManifestPod``.
public struct ManifestSet<Pod: Equatable & Sendable>: Sendable {
    /// A Pod as one file defines it.
    public struct Definition: Equatable, Sendable {
        /// Its name.
        public var key: PodKey
        /// What is to run.
        public var pod: Pod

        /// Pairs a name with what is to run.
        public init(_ key: PodKey, _ pod: Pod) {
            self.key = key
            self.pod = pod
        }
    }

    /// What happened to a file.
    public enum Change: Equatable, Sendable {
        /// It defines these Pods. `firstSeen` orders files by age and is the same each time for the same file.
        case defines(path: String, firstSeen: Int, [Definition])
        /// It cannot be used as it is now.
        case unusable(path: String, firstSeen: Int)
        /// It is gone, or no manifest any more.
        case removed(path: String)
        /// All files that are there have been mentioned.
        case listed
    }

    /// What the node has to do. `path` is the file that asks for it.
    public enum Action: Equatable, Sendable {
        case start(PodKey, Pod, path: String)
        case replace(PodKey, old: Pod, new: Pod, path: String)
        case remove(PodKey, Pod, path: String)
        /// The Pod that runs goes on as it is, and another file now asks for it.
        case move(PodKey, Pod, from: String, to: String)
    }

    /// What people ought to hear.
    public enum Report: Hashable, Sendable {
        /// The Pod that `refused` defines does not run from there, because it runs from `runsFrom`; the two are the
        /// same path if the file defines the Pod twice.
        case duplicate(PodKey, refused: String, runsFrom: String)
        /// The file cannot be used, and these Pods go on as an earlier version of it defined them.
        case keptLastGood(path: String, [PodKey])
    }

    /// What comes of a change.
    public struct Outcome: Equatable, Sendable {
        /// In the order in which to do it: removals, moves, replacements, starts.
        public var actions: [Action] = []
        /// News only: what was reported before and still holds is not reported again.
        public var reports: [Report] = []
    }

    private struct File {
        var firstSeen: Int
        var definitions: [Definition]
        var isUsable: Bool
        /// It ran before podagent started and has not been seen since.
        var isOnlyRestored: Bool
    }

    private struct Running {
        var pod: Pod
        var path: String
    }

    /// Where a definition stands among all of them: the older file first, then the place in the file.
    private struct Candidate {
        var age: Int
        var path: String
        var position: Int
        var pod: Pod

        static func < (a: Candidate, b: Candidate) -> Bool {
            (a.age, a.path, a.position) < (b.age, b.path, b.position)
        }
    }

    private var files: [String: File] = [:]
    /// The files that define a Pod, each as often as it does. A change concerns the Pods of its own files alone, however
    /// many others there are.
    private var definers: [PodKey: [String]] = [:]
    private var running: [PodKey: Running] = [:]
    private var duplicates: [PodKey: [Report]] = [:]

    /// Makes a set of what ran before, by file, the oldest file first. A file may be mentioned several times, for a
    /// part of its Pods each.
    public init(restored: [(path: String, definitions: [Definition])] = []) {
        for (index, (path, definitions)) in restored.enumerated() {
            // Anything restored was there before anything that is seen now.
            files[path] = File(
                firstSeen: files[path]?.firstSeen ?? Int.min + index,
                definitions: (files[path]?.definitions ?? []) + definitions,
                isUsable: true,
                isOnlyRestored: true
            )
            for definition in definitions {
                definers[definition.key, default: []].append(path)
                if running[definition.key] == nil {
                    running[definition.key] = Running(pod: definition.pod, path: path)
                }
            }
        }
    }

    /// The Pods that are to run, by name, with the files that ask for them.
    public var pods: [PodKey: (pod: Pod, path: String)] { running.mapValues { ($0.pod, $0.path) } }

    /// Pods that are refused because they run from elsewhere.
    public var refusedDuplicates: Set<Report> { Set(duplicates.values.joined()) }

    /// Takes changes that came together. All of them are taken in before anything is decided.
    public mutating func apply(_ changes: [Change]) -> Outcome {
        var outcome = Outcome()
        var concerned: Set<PodKey> = []
        for change in changes { take(change, &concerned, &outcome) }
        decide(concerned, &outcome)
        return outcome
    }

    private mutating func take(_ change: Change, _ concerned: inout Set<PodKey>, _ outcome: inout Outcome) {
        switch change {
        case .defines(let path, let firstSeen, let definitions):
            let file = File(
                firstSeen: files[path]?.firstSeen ?? firstSeen,
                definitions: definitions,
                isUsable: true,
                isOnlyRestored: false
            )
            replace(path, by: file, &concerned)
        case .unusable(let path, let firstSeen):
            var file =
                files[path]
                ?? File(firstSeen: firstSeen, definitions: [], isUsable: true, isOnlyRestored: false)
            let kept = Set(file.definitions.map(\.key)).filter { running[$0]?.path == path }.sorted()
            if file.isUsable && !kept.isEmpty { outcome.reports.append(.keptLastGood(path: path, kept)) }
            file.isUsable = false
            file.isOnlyRestored = false
            replace(path, by: file, &concerned)
        case .removed(let path): replace(path, by: nil, &concerned)
        case .listed:
            for (path, file) in files where file.isOnlyRestored { replace(path, by: nil, &concerned) }
        }
    }

    private mutating func replace(_ path: String, by file: File?, _ concerned: inout Set<PodKey>) {
        for key in Set((files[path]?.definitions ?? []).map(\.key)) {
            definers[key]?.removeAll { $0 == path }
            if definers[key]?.isEmpty == true { definers[key] = nil }
            concerned.insert(key)
        }
        files[path] = file
        for definition in file?.definitions ?? [] {
            definers[definition.key, default: []].append(path)
            concerned.insert(definition.key)
        }
    }

    private mutating func decide(_ concerned: Set<PodKey>, _ outcome: inout Outcome) {
        var removals: [Action] = []
        var moves: [Action] = []
        var replacements: [Action] = []
        var starts: [Action] = []
        var refused: [(candidate: Candidate, report: Report)] = []
        let wanted = concerned.map { (key: $0, candidates: candidates(for: $0)) }
        for (key, candidates) in wanted.sorted(by: { $0.key < $1.key }) where candidates.isEmpty {
            duplicates[key] = nil
            guard let old = running.removeValue(forKey: key) else { continue }
            removals.append(.remove(key, old.pod, path: old.path))
        }
        for (key, candidates) in wanted.sorted(by: { Self.isOlder($0.candidates, $1.candidates) }) {
            guard let new = choose(key, candidates) else { continue }
            if let old = running[key] {
                if old.pod != new.pod {
                    replacements.append(.replace(key, old: old.pod, new: new.pod, path: new.path))
                } else if old.path != new.path {
                    moves.append(.move(key, new.pod, from: old.path, to: new.path))
                }
            } else {
                starts.append(.start(key, new.pod, path: new.path))
            }
            running[key] = new
            let others = Self.others(candidates, than: new)
            let reports = others.map { Report.duplicate(key, refused: $0.path, runsFrom: new.path) }
            let known = Set(duplicates[key] ?? [])
            refused += zip(others, reports).filter { !known.contains($0.1) }.map { ($0.0, $0.1) }
            duplicates[key] = reports.isEmpty ? nil : reports
        }
        outcome.actions = removals + moves + replacements + starts
        outcome.reports += refused.sorted { $0.candidate < $1.candidate }.map(\.report)
    }

    /// Every definition of a Pod, the oldest first.
    private func candidates(for key: PodKey) -> [Candidate] {
        var candidates: [Candidate] = []
        for path in Set(definers[key] ?? []) {
            guard let file = files[path] else { continue }
            for (position, definition) in file.definitions.enumerated() where definition.key == key {
                candidates.append(
                    Candidate(age: file.firstSeen, path: path, position: position, pod: definition.pod)
                )
            }
        }
        return candidates.sorted(by: <)
    }

    private static func isOlder(_ a: [Candidate], _ b: [Candidate]) -> Bool {
        guard let a = a.first, let b = b.first else { return !a.isEmpty && b.isEmpty }
        return a < b
    }

    /// The definition that is to run: the first of the file that the Pod runs from already, else the oldest.
    private func choose(_ key: PodKey, _ candidates: [Candidate]) -> Running? {
        let keeper = running[key].flatMap { old in candidates.first { $0.path == old.path } }
        return (keeper ?? candidates.first).map { Running(pod: $0.pod, path: $0.path) }
    }

    /// Those that are refused: all but the first one in the file that the Pod runs from.
    private static func others(_ candidates: [Candidate], than chosen: Running) -> [Candidate] {
        var others = candidates
        if let index = others.firstIndex(where: { $0.path == chosen.path }) { others.remove(at: index) }
        return others
    }
}

/// An admitted Pod of a manifest, equal to another one when nothing has to be done to turn one into the other.
public struct ManifestPod: Equatable, Sendable {
    /// The Pod.
    public var pod: Pod

    /// Wraps an admitted Pod.
    public init(_ pod: Pod) { self.pod = pod }

    /// Compares what the manifest says. When it was first seen and what has become of it do not count, nor which UID it
    /// was given: a Pod that has been changed in place keeps its first one, and has the hash of what it was made from
    /// among its annotations.
    public static func == (a: ManifestPod, b: ManifestPod) -> Bool { a.compared == b.compared }

    private var compared: Pod {
        var pod = pod
        pod.metadata.creationTimestamp = nil
        if pod.metadata.annotations[PodAnnotation.configHash] != nil { pod.metadata.uid = "" }
        pod.metadata.annotations[PodAnnotation.configSeen] = nil
        pod.metadata.deletionTimestamp = nil
        pod.metadata.deletionGracePeriodSeconds = nil
        pod.metadata.resourceVersion = ""
        pod.status = PodStatus()
        return pod
    }
}
