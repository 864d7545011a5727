import PodCore

/// From what lies in the manifest directory to what the node is to run. Remembers why files are ignored or refused.
@NodeActor
final class ManifestIntake {
    /// What is to be told of one file.
    private enum Verdict {
        case ignored(String)
        case refused([String])
    }

    private let admission: Admission
    private let events: EventStore
    private let secrets: PullSecrets
    /// Files with a Secret that others can read, of which has been told.
    private var exposed: Set<String> = []
    private let uses: ImageUses
    /// Whether all files that are there have been seen.
    private(set) var hasListed = false
    private var manifests: ManifestSet<ManifestPod>
    private var verdicts: [String: Verdict] = [:]
    private var directory: (path: String, problem: String?) = ("", nil)
    private let perform: (ManifestSet<ManifestPod>.Action) -> Void
    /// Called after each set of changes that were seen together.
    private let settled: () -> Void

    /// `restored` are the Pods that ran from files when podagent stopped.
    init(
        admission: Admission,
        events: EventStore,
        secrets: PullSecrets,
        uses: ImageUses,
        restored: [(path: String, pod: Pod)],
        perform: @escaping (ManifestSet<ManifestPod>.Action) -> Void,
        settled: @escaping () -> Void
    ) {
        self.admission = admission
        self.events = events
        self.secrets = secrets
        self.uses = uses
        self.perform = perform
        self.settled = settled
        manifests = ManifestSet(
            restored: restored.map { path, pod in (path, [Self.definition(pod)]) }
        )
    }

    private static func definition(_ pod: Pod) -> ManifestSet<ManifestPod>.Definition {
        .init(PodKey(pod), ManifestPod(pod))
    }

    func take(_ changes: [ManifestChange]) {
        let admitted = changes.compactMap(change)
        // First, for the Pods that come with them.
        for report in secrets.take(admitted.map(\.secrets)) { tell(report) }
        let outcome = manifests.apply(admitted.map(\.pods))
        for report in outcome.reports { tell(report) }
        for action in outcome.actions { perform(action) }
        // That the directory is there says nothing yet of what is in it.
        if !changes.allSatisfy(\.isWatching) { settled() }
    }

    /// A change as the Pods and the Secrets see it: a file counts as a whole for both.
    private struct Admitted {
        var pods: ManifestSet<ManifestPod>.Change
        var secrets: ManifestSet<PullSecret>.Change

        static let listed = Admitted(pods: .listed, secrets: .listed)

        static func removed(_ path: String) -> Admitted {
            Admitted(pods: .removed(path: path), secrets: .removed(path: path))
        }

        static func unusable(_ file: ManifestFile) -> Admitted {
            Admitted(
                pods: .unusable(path: file.path, firstSeen: file.firstSeen),
                secrets: .unusable(path: file.path, firstSeen: file.firstSeen)
            )
        }
    }

    private func change(_ change: ManifestChange) -> Admitted? {
        switch change {
        case .present(let file):
            return admit(file)
        case .removed(let path):
            verdicts[path] = nil
            exposed.remove(path)
            uses.forget(.manifest(path: path))
            return .removed(path)
        case .ignored(let path, let reason):
            verdicts[path] = .ignored(reason)
            exposed.remove(path)
            uses.forget(.manifest(path: path))
            return .removed(path)
        case .listed:
            hasListed = true
            return .listed
        case .watching(let path, let warnings):
            directory = (path, nil)
            for warning in warnings { report("ManifestDirectory", "\(path): \(warning)") }
        case .unavailable(let path, let reason):
            directory = (path, reason)
            report("ManifestDirectory", "\(path): \(reason); what runs from it goes on")
        }
        return nil
    }

    /// All Pods and Secrets of a file or none: one that is half wrong leaves what ran from it as it was.
    private func admit(_ file: ManifestFile) -> Admitted {
        if file.isPrivate { exposed.remove(file.path) }
        var problems = file.content.problems.map { describe(file.path, $0) }
        var definitions: [ManifestSet<ManifestPod>.Definition] = []
        var secrets: [ManifestSet<PullSecret>.Definition] = []
        for document in file.content.documents {
            let (results, others) = admission.admitAll(
                in: document,
                source: .file(file.path),
                seenAt: Clock.wall()
            )
            problems += others.map { describe(file.path, $0) }
            for result in results {
                for warning in result.warnings { report("ManifestWarning", describe(file.path, warning)) }
                problems += result.problems.map { describe(file.path, $0) }
                if let pod = result.pod { definitions.append(Self.definition(pod)) }
            }
            for result in SecretAdmission.all(in: document) {
                if !file.isPrivate { warnOfReaders(of: file.path) }
                for warning in result.warnings { report("ManifestWarning", describe(file.path, warning)) }
                problems += result.problems.map { describe(file.path, $0) }
                if let secret = result.secret { secrets.append(.init(secret.key, secret)) }
            }
        }
        guard problems.isEmpty else {
            verdicts[file.path] = .refused(problems)
            for problem in problems { report("FailedValidation", problem) }
            return .unusable(file)
        }
        verdicts[file.path] = nil
        // Also those of Pods that are refused because of others, for they may get their turn.
        let images = definitions.map(\.pod.pod.spec.imageReferences)
        uses.name(images.reduce(into: []) { $0.formUnion($1) }, by: .manifest(path: file.path))
        return Admitted(
            pods: .defines(path: file.path, firstSeen: file.firstSeen, definitions),
            secrets: .defines(path: file.path, firstSeen: file.firstSeen, secrets)
        )
    }

    private func warnOfReaders(of path: String) {
        guard exposed.insert(path).inserted else { return }
        report("SecretExposed", "\(path) holds a Secret, and not only its owner may read it; chmod 600 it")
    }

    private func describe(_ path: String, _ problem: ManifestProblem) -> String {
        let place = problem.line.map { "\(path):\($0)" } ?? path
        return "\(place): \(problem.text)"
    }

    private func report(_ reason: String, _ message: String) {
        events.recordNode(PodRecord(.warning, reason, message))
    }

    private func tell(_ report: ManifestSet<PullSecret>.Report) {
        switch report {
        case .duplicate(let key, let refused, let inForceFrom):
            let message =
                "\(refused): Secret \(key) is refused: it is in force from \(inForceFrom) already; remove one of the two"
            verdicts[refused] = .refused([message])
            self.report("FailedValidation", message)
        case .keptLastGood(let path, let keys):
            let names = keys.map { "Secret \($0)" }.joined(separator: ", ")
            self.report("ManifestKept", "\(path) cannot be used as it is; \(names) stays as it was before")
        }
    }

    private func tell(_ report: ManifestSet<ManifestPod>.Report) {
        switch report {
        case .duplicate(let key, let refused, let runsFrom):
            let message =
                "\(refused): Pod \(key) is refused: it runs from \(runsFrom) already; remove one of the two"
            verdicts[refused] = .refused([message])
            self.report("FailedValidation", message)
        case .keptLastGood(let path, let keys):
            let names = keys.map(\.description).joined(separator: ", ")
            self.report("ManifestKept", "\(path) cannot be used as it is; \(names) goes on as it was before")
        }
    }

    /// `GET /manifests`.
    var document: Document {
        let items = verdicts.sorted { $0.key < $1.key }.map { path, verdict in
            switch verdict {
            case .ignored(let reason):
                return Document.map(["path": Document(.string(path)), "ignored": Document(.string(reason))])
            case .refused(let problems):
                let texts = problems.map { Document(.string($0)) }
                return Document.map(["path": Document(.string(path)), "refused": Document(.list(texts))])
            }
        }
        var entries: [Document.Entry] = [.init("directory", Document(.string(directory.path)))]
        if let problem = directory.problem { entries.append(.init("problem", Document(.string(problem)))) }
        entries.append(.init("items", Document(.list(items))))
        return Document(.map(entries))
    }
}

extension ManifestChange {
    fileprivate var isWatching: Bool {
        if case .watching = self { return true }
        return false
    }
}
