import Glibc
import PodCore

/// The node: which Pods there are, and what is to become of each.
///
/// Pods come from files and from the socket; a Pod whose predecessor of the same name is still ending waits for it.
@NodeActor
final class Node {
    let context: NodeContext
    let imageStore: ImageStore
    let admission: Admission
    private var workers: [PodKey: PodWorker] = [:]
    private var successors: [PodKey: (pod: Pod, source: PodSource)] = [:]
    private var intake: ManifestIntake?
    private var leftovers: Leftovers { Leftovers(context: context) }
    private var directory: ManifestDirectory?
    let podCache: WatchCache<Pod>

    init(options: NodeOptions) throws {
        var store: ImageStore?
        context = try NodeContext(options: options) { state in
            let opened = try ImageStore(stateDirectory: state)
            store = opened
            return StoredImages(store: opened)
        }
        guard let store else { preconditionFailure("the context makes its image provider") }
        imageStore = store
        admission = Admission(nodeName: context.nodeName)
        podCache = WatchCache(counter: context.events.versions)
    }

    // MARK: Beginning and end

    /// Takes up what an earlier podagent left, then reads the manifests.
    func start() throws {
        let restored = restore()
        let intake = ManifestIntake(
            admission: admission,
            events: context.events,
            restored: restored.compactMap { worker in
                guard case .file(let path) = worker.source else { return nil }
                return (path, worker.pod)
            },
            perform: { [unowned self] in perform($0) }
        )
        self.intake = intake
        let directory = ManifestDirectory(path: context.options.manifests) { [weak intake] in intake?.take($0)
        }
        self.directory = directory
        try directory.start()
    }

    /// Leaves everything running and lets go of it.
    func stop() {
        directory?.stop()
        for worker in workers.values { worker.leave() }
        if workers.isEmpty { context.cgroups.removeBaseIfEmpty() }
    }

    /// Every Pod that has a record, in the order in which they were made. What else is found of Pods is ended.
    private func restore() -> [PodWorker] {
        var restored: [PodWorker] = []
        for record in leftovers.records() {
            let worker = PodWorker(
                pod: record.pod,
                source: record.file.source,
                node: context,
                restored: record.file
            )
            insert(worker)
            worker.recover(record.file)
            restored.append(worker)
        }
        return restored
    }

    // MARK: Pods

    private func perform(_ action: ManifestSet<ManifestIntake.Wanted>.Action) {
        switch action {
        case .start(_, let wanted, let path), .replace(_, _, let wanted, let path):
            run(wanted.pod, from: .file(path))
        // The Pod goes on, and at the next start its new file will be found to define it.
        case .move: break
        case .remove(let key, _, _):
            successors[key] = nil
            workers[key]?.delete(grace: nil)
        }
    }

    /// Runs a Pod, after the one of that name that there may be has gone.
    func run(_ pod: Pod, from source: PodSource) {
        let key = PodKey(namespace: pod.metadata.namespace, name: pod.metadata.name)
        if let present = workers[key] {
            if present.pod.metadata.uid == pod.metadata.uid, present.pod.spec == pod.spec,
                present.machine.ending == nil
            {
                return
            }
            successors[key] = (pod, source)
            return present.delete(grace: nil)
        }
        let worker = PodWorker(pod: pod, source: source, node: context)
        insert(worker)
        worker.begin()
    }

    private func insert(_ worker: PodWorker) {
        let pod = worker.pod
        let key = PodKey(namespace: pod.metadata.namespace, name: pod.metadata.name)
        workers[key] = worker
        worker.onChange = { [unowned self, unowned worker] in publish(worker, key) }
        worker.onFinished = { [unowned self] in finished(key) }
    }

    private func publish(_ worker: PodWorker, _ key: PodKey) {
        guard workers[key] === worker else { return }
        let shown = worker.shown
        if worker.published == shown { return }
        worker.published = shown
        podCache.set(key.description) { version in
            var pod = shown
            pod.metadata.resourceVersion = String(version)
            return pod
        }
    }

    private func finished(_ key: PodKey) {
        workers[key] = nil
        podCache.remove(key.description)
        if let (pod, source) = successors.removeValue(forKey: key) {
            run(pod, from: source)
        } else if let wanted = intake?.wanted[key] {
            // Deleted by hand, and its file still asks for it.
            run(wanted.pod.pod, from: .file(wanted.path))
        }
    }

    var allWorkers: [PodWorker] { Array(workers.values) }

    func worker(namespace: String, name: String) -> PodWorker? {
        workers[PodKey(namespace: namespace, name: name)]
            ?? workers[PodKey(namespace: namespace, name: "\(name)-\(context.nodeName)")]
    }

    /// Images have come: who waits for one looks again.
    func imagesChanged() {
        for worker in workers.values { worker.deliver(.imagesChanged) }
    }

    var manifests: Document { intake?.document ?? .map(["items": Document(.list([]))]) }

    /// The IDs of images that containers run from or that Pods will need again.
    var imagesInUse: [String] {
        workers.values.flatMap { worker in
            (worker.pod.spec.initContainers + worker.pod.spec.containers).map(\.image)
        }
    }
}

/// A Pod as it was admitted, in its state directory: `pod.json`.
enum PodFile {
    private static let name = "pod.json"
    private static let sizeMax = 16 << 20

    static func write(_ pod: Pod, to directory: RootedDirectory) throws {
        try directory.replaceFile(name, with: Array(pod.document.json().utf8), mode: 0o600, durable: true)
    }

    static func read(from directory: RootedDirectory) throws -> Pod {
        let bytes = try directory.read(name, limit: sizeMax)
        let parsed = ManifestParser.parse(bytes, format: .json5)
        var report = DecodeReport(checksSupport: false)
        guard let document = parsed.documents.first, parsed.problems.isEmpty,
            let pod = Pod.decode(document, at: .root, report: &report), report.problems.isEmpty
        else {
            let problem = (parsed.problems + report.problems).first?.description ?? "empty"
            throw CommandFailure("\(directory.name)/\(name): \(problem)")
        }
        return pod
    }
}
