import Glibc
import PodCore

/// The node: carries out what its machine decides, with one worker for each Pod.
@NodeActor
final class Node {
    let context: NodeContext
    nonisolated var imageStore: ImageStore { context.imageStore }
    let images: ImageKeeper
    let preload: ImagePreload
    let network: NodeNetwork?
    private let peers: PeerRoutes?
    let admission: Admission
    private(set) var machine: NodeMachine
    private var workers: [PodKey: PodWorker] = [:]
    /// The UIDs of Pods that wait for their turn.
    private var waiting: [PodKey: String] = [:]
    private var intake: ManifestIntake?
    private var leftovers: Leftovers { Leftovers(context: context) }
    private var directory: ManifestDirectory?
    private lazy var alarm = NodeActor.alarms.alarm { [weak self] in self?.handle(.alarm) }
    private var whenDown: [() -> Void] = []
    let podCache: WatchCache<Pod>
    let census = PodCensus()

    init(options: NodeOptions) throws {
        let context = try NodeContext(options: options)
        self.context = context
        images = ImageKeeper(
            store: context.imageStore,
            limits: { context.options.imageCollection },
            record: { context.events.recordNode($0) }
        )
        preload = ImagePreload(
            store: context.imageStore,
            path: try NodeDirectories.absolute(options.preloadPath),
            record: { context.events.recordNode($0) }
        )
        machine = NodeMachine(nodeName: context.nodeName)
        let map = try options.peerMap(nodeName: context.nodeName)
        let (subnets, bridge) = (map.subnets, options.bridge)
        network =
            subnets.isEmpty
            ? nil
            : try NodeNetwork(
                subnets: subnets,
                bridge: bridge,
                peers: map.peers.flatMap(\.subnets),
                tunnelPort: map.backend == .vxlan && !map.peers.isEmpty ? options.vxlan.port : nil
            )
        let events = context.events
        peers = try network.map {
            try PeerRoutes(map: map, vxlan: options.vxlan, network: $0, events: events)
        }
        admission = Admission(nodeName: context.nodeName, hasNetwork: network != nil || context.cni != nil)
        podCache = WatchCache(counter: context.events.versions)
        context.pullSecrets.onChange = { [unowned self] in imagesChanged() }
        context.puller.options = { [context] in context.options }
        context.puller.untilLoaded = { [preload] in await preload.finished() }
        context.puller.onPulled = { [unowned self] in imageCame($0) }
        context.puller.onEnded = { [unowned self] in Task { await images.collectIfNeeded() } }
        context.puller.onProblem = { [context] in
            context.warnOnce(PodRecord(.warning, "RegistryCredentials", $0))
        }
    }

    // MARK: Beginning and end

    /// Takes up what an earlier podagent left, then reads the manifests.
    func start() throws {
        let restored = try restore()
        context.events.begin(present: Set(restored.map(\.pod.metadata.uid)))
        try network?.begin(events: context.events, hasPods: restored.contains { !$0.addresses.isEmpty })
        let intake = ManifestIntake(
            admission: admission,
            events: context.events,
            secrets: context.pullSecrets,
            uses: imageStore.uses,
            restored: restored.compactMap { worker in
                guard case .file(let path) = worker.source, !worker.isLeaving else { return nil }
                return (path, worker.pod)
            },
            perform: { [unowned self] in perform($0) },
            settled: { [unowned self] in handle(.settled) }
        )
        self.intake = intake
        let directory = ManifestDirectory(path: context.options.manifests) { [weak intake] in intake?.take($0)
        }
        self.directory = directory
        try directory.start()
        images.start { [weak intake] in intake?.hasListed ?? false }
        preload.start { [weak self] in self?.imagesChanged() }
    }

    /// The peers as a new configuration has them. Fails when that does not hold together or asks for another network of
    /// this node, which it has from its start.
    func peerMap(of options: NodeOptions) throws -> PeerMap {
        let map = try options.peerMap(nodeName: context.nodeName)
        let subnets = network?.subnets ?? []
        // The entry that has told this node's network may be gone with those of the others.
        if map.peers.isEmpty { return PeerMap(alone: subnets) }
        guard map.subnets == subnets else {
            throw CommandFailure(
                "peers has another network for the Pods of this node; that takes a restart of the agent, without Pods"
            )
        }
        return map
    }

    /// Takes over what ``peerMap(of:)`` has found to be right.
    func setPeers(_ map: PeerMap) throws {
        try peers?.setMap(map)
        network?.setPeers(map.peers.flatMap(\.subnets))
    }

    /// Leaves everything running and lets go of it.
    func stop() {
        defer { context.events.stop() }
        directory?.stop()
        alarm.cancel()
        images.stop()
        for worker in workers.values { worker.leave() }
        peers?.stop(isUnused: workers.isEmpty)
        guard workers.isEmpty else { return }
        context.cgroups.removeBaseIfEmpty()
        network?.removeBridge()
    }

    /// Every Pod that has a record, in the order in which they were made. What else is found of Pods is ended.
    private func restore() throws -> [PodWorker] {
        var restored: [PodWorker] = []
        let records = try leftovers.records()
        census.expect(
            records.map { PodKey($0.pod) }
        )
        for record in records {
            let worker = PodWorker(
                pod: record.pod,
                source: record.file.source,
                node: context,
                network: network,
                isRestored: true
            )
            insert(worker)
            worker.recover(record.file)
            handle(.restored(worker.pod, worker.source, worker.restoredState))
            restored.append(worker)
        }
        return restored
    }

    // MARK: The machine

    private func perform(_ action: ManifestSet<ManifestPod>.Action) {
        switch action {
        case .start(_, let wanted, let path), .replace(_, _, let wanted, let path):
            handle(.wanted(wanted.pod, path: path))
        case .move(let key, _, _, let path): handle(.moved(key, path: path))
        case .remove(let key, _, _): handle(.unwanted(key))
        }
    }

    func handle(_ event: NodeEvent) {
        machine.sysctls = SysctlRules(allowedUnsafe: context.options.allowedUnsafeSysctls)
        for effect in machine.handle(event, at: Clock.tick()) { perform(effect) }
        if !waiting.isEmpty { noteEndedWaits() }
        alarm.set(machine.nextAlarm)
    }

    /// A Pod that waited has begun, or is no longer wanted and leaves nothing but its events.
    private func noteEndedWaits() {
        for (key, uid) in waiting where workers[key]?.pod.metadata.uid == uid || !machine.has(key) {
            waiting[key] = nil
            guard workers[key] == nil else { continue }
            context.events.podIsGone(uid)
            imageStore.uses.forget(.pod(key))
        }
    }

    private func perform(_ effect: NodeEffect) {
        switch effect {
        case .run(let pod, let source):
            let worker = PodWorker(pod: pod, source: source, node: context, network: network)
            insert(worker)
            worker.begin()
        case .reject(let pod, let source, let rejection):
            let worker = PodWorker(pod: pod, source: source, node: context, network: network)
            insert(worker)
            worker.deliver(.rejected(rejection))
        case .wait(let pod, let obstacle):
            let message = "Pod \(obstacle) has a port of the node that this one wants, and is ending"
            context.events.record(PodRecord(.normal, "WaitingForPorts", message), about: pod)
            waiting[PodKey(pod)] = pod.metadata.uid
            imageStore.uses.name(pod.spec.imageReferences, by: .pod(PodKey(pod)))
        case .hold(let pod, let source, let reason):
            let worker = PodWorker(pod: pod, source: source, node: context, network: network)
            insert(worker)
            worker.begin(with: .held(reason))
        case .holdOn(let key, let reason): workers[key]?.deliver(.held(reason))
        case .release(let key): workers[key]?.deliver(.released)
        case .record(let key, let record):
            if let worker = workers[key] { context.events.record(record, about: worker.pod) }
        case .change(let key, let pod, let superseded):
            imageStore.uses.name(pod.spec.imageReferences, by: .pod(key))
            workers[key]?.change(to: pod, superseding: superseded)
        case .delete(let key, let grace): workers[key]?.delete(grace: grace)
        case .shutDown(let key, let grace): workers[key]?.deliver(.nodeShutdown(grace: grace))
        case .isDown:
            let bodies = whenDown
            whenDown = []
            for body in bodies { body() }
        }
    }

    /// Ends all Pods in order, because the machine goes down, and returns when that is done and recorded. Nothing is
    /// started from here on. Returns the Pods that have had their time and run all the same.
    func shutDown() async -> [PodKey] {
        Log.notice("the machine goes down: ending \(workers.count) Pods")
        await withCheckedContinuation { continuation in
            whenDown.append { continuation.resume() }
            handle(.shutDown(context.options.shutdown))
        }
        for worker in workers.values { try? await worker.saved() }
        let remaining = workers.filter { !$0.value.machine.isShutDown }.keys.sorted()
        Log.notice(remaining.isEmpty ? "all Pods have ended" : "not ended in time: \(remaining)")
        return remaining
    }

    private func insert(_ worker: PodWorker) {
        let key = PodKey(worker.pod)
        workers[key] = worker
        imageStore.uses.name(worker.pod.spec.imageReferences, by: .pod(key))
        worker.onChange = { [unowned self, unowned worker] in changed(worker, key) }
        worker.onEnded = { [unowned self] in handle(.ended(key)) }
        worker.onFinished = { [unowned self, unowned worker] in
            guard workers[key] === worker else { return }
            network?.release(worker.pod)
            workers[key] = nil
            imageStore.uses.forget(.pod(key))
            context.events.podIsGone(worker.pod.metadata.uid)
            podCache.remove(key.description)
            census.remove(key)
            handle(.gone(key))
        }
    }

    private func changed(_ worker: PodWorker, _ key: PodKey) {
        guard workers[key] === worker else { return }
        publish(worker, key)
        census.show(worker.shownStatus.phase, of: key, isWhole: !worker.machine.isResuming)
        if worker.machine.isShutDown { handle(.podIsShutDown(key)) }
        if worker.hasEnded { handle(.ending(key)) }
        tellStanding(of: worker, key)
    }

    /// For the Pods that wait for this one. The machine hears of it only when it changes, which is a few times in a life.
    private func tellStanding(of worker: PodWorker, _ key: PodKey) {
        // Until its shim has answered, what is shown is a memory.
        guard workers[key] === worker, !worker.machine.isResuming else { return }
        if worker.machine.hold == nil, machine.isHeld(key) { handle(.begun(key)) }
        let standing = PodStanding(worker.shownStatus)
        guard standing != worker.standing else { return }
        worker.standing = standing
        handle(.stands(key, standing))
    }

    private func publish(_ worker: PodWorker, _ key: PodKey) {
        let shown = worker.shown
        if worker.published == shown { return }
        worker.published = shown
        podCache.set(key.description) { version in
            var pod = shown
            pod.metadata.resourceVersion = String(version)
            return pod
        }
    }

    var allWorkers: [PodWorker] { Array(workers.values) }

    func worker(namespace: String, name: String) -> PodWorker? {
        workers[PodKey(namespace: namespace, name: name)]
            ?? workers[PodKey(namespace: namespace, name: "\(name)-\(context.nodeName)")]
    }

    /// Images have come: who waits for one looks again.
    func imagesChanged() {
        images.refresh()
        for worker in workers.values { worker.deliver(.imagesChanged) }
    }

    /// An image was pulled: of the others that failed, nothing is known to have changed.
    private func imageCame(_ reference: ImageReference) {
        for worker in workers.values {
            let named = worker.pod.spec.imageReferences.compactMap { try? ImageReference(parsing: $0) }
            if named.contains(reference) { worker.deliver(.imagesChanged) }
        }
    }

    var manifests: Document { intake?.document ?? .map(["items": Document(.list([]))]) }
}

/// A Pod as it was admitted, in its state directory: `pod.json`.
enum PodFile {
    static let name = "pod.json"
    private static let sizeMax = 16 << 20

    static func write(_ pod: Pod, to directory: RootedDirectory) throws {
        let bytes = RecordSeal.sealed(Array(pod.document.json().utf8))
        try directory.replaceFile(name, with: bytes, mode: 0o600, durable: true)
    }

    static func read(from directory: RootedDirectory) throws -> Pod {
        let bytes = try RecordSeal.content(of: directory.read(name, limit: sizeMax))
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
