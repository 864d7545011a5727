@testable import PodCore

/// What is on the node's disk of its Pods.
struct PretendDisk {
    /// The newest record of each Pod, by UID.
    var records: [String: PretendRecord] = [:]
    /// The Pod of each as it was admitted or changed since: a file of its own.
    var pods: [String: Pod] = [:]
    var isFull = false
}

/// What is recorded of a Pod.
struct PretendRecord: Equatable {
    var source: PodSource
    var boot: Int
    var machine: PodMachine
    var builder: PodStatusBuilder

    /// Everything that can change.
    static func == (a: PretendRecord, b: PretendRecord) -> Bool {
        a.boot == b.boot && a.machine == b.machine && a.builder == b.builder
    }

    /// The ends that it tells.
    var ends: [Termination] {
        machine.containers.flatMap { [$0.newestTermination, $0.lastTermination].compactMap(\.self) }
    }
}

/// The record of one Pod on its way to the disk: the newest one is written when the one before it is there, and again
/// until it can be.
final class PretendRecorder {
    private unowned let node: NodeSimulation
    private let life: Int
    private let pod: Pod
    private var uid: String { pod.metadata.uid }
    /// What the Pod has been changed to, and waits for the record that says so.
    private var announced: Pod?
    private var changed: Pod?
    private var next: PretendRecord?
    private var written: [() -> Void] = []
    private var waiting: [(Bool) -> Void] = []
    private var current: [(Bool) -> Void]?
    private var lastIsWritten = true
    private var isStopped = false
    private(set) var exists: Bool

    init(_ node: NodeSimulation, life: Int, pod: Pod, exists: Bool) {
        self.node = node
        self.life = life
        self.pod = pod
        self.exists = exists
    }

    func write(_ record: PretendRecord, _ done: @escaping () -> Void) {
        guard !isStopped else { return }
        next = record
        changed = announced ?? changed
        announced = nil
        written.append(done)
        if current == nil { begin() }
    }

    /// With the next record the Pod is written as it is now: after that, so that whoever finds the old Pod makes the
    /// change once more.
    func change(_ pod: Pod) { announced = pod }

    /// Calls `done` when everything that was given to `write` is on the disk, or could not be written.
    func whenWritten(_ done: @escaping (Bool) -> Void) {
        if current == nil {
            node.at(.zero, .agent(life: life), "\(uid) is written already") { [lastIsWritten] in
                done(lastIsWritten)
            }
        } else if next != nil {
            waiting.append(done)
        } else {
            current?.append(done)
        }
    }

    func whenExisting(_ done: @escaping (Bool) -> Void) {
        if !exists { return whenWritten(done) }
        node.at(.zero, .agent(life: life), "\(uid) exists") { done(true) }
    }

    /// Nothing is written from here on, because the Pod's files are about to go.
    func stop() {
        isStopped = true
        next = nil
        let told = waiting
        waiting = []
        for done in told { done(true) }
    }

    /// Calls `done` when nothing is on its way to the disk any more.
    func flush(_ done: @escaping () -> Void) {
        if current == nil { done() } else { current?.append { _ in done() } }
    }

    private func begin() {
        guard let record = next else { return current = nil }
        let (told, newPod) = (written, changed)
        (next, written, current, waiting) = (nil, [], waiting, [])
        let time = node.random.seconds(0...(node.traits.diskIsSlow ? 10 : 0.01))
        // It may be there before the next effect is carried out, and before anybody hears of it.
        if !node.disk.isFull, node.random.chance(0.1) { put(record) }
        changed = nil
        node.at(time, .agent(life: life), "the record of \(uid) is written") { [self] in
            lastIsWritten = !node.disk.isFull
            if lastIsWritten {
                put(record)
                exists = true
            } else {
                if !isStopped { next = next ?? record }
                written = told + written
                changed = changed ?? newPod
            }
            if node.agentMayDie() { return }
            guard lastIsWritten, let newPod else { return finish(told) }
            let time = node.random.seconds(0...(node.traits.diskIsSlow ? 10 : 0.01))
            node.at(time, .agent(life: life), "the changed Pod \(uid) is written") { [self] in
                lastIsWritten = !node.disk.isFull
                if lastIsWritten {
                    node.disk.pods[uid] = newPod
                } else {
                    if !isStopped { next = next ?? record }
                    written = told + written
                    changed = changed ?? newPod
                }
                if !node.agentMayDie() { finish(told) }
            }
        }
    }

    private func put(_ record: PretendRecord) {
        // The Pod itself comes first, and once.
        if node.disk.records[uid] == nil { node.disk.pods[uid] = pod }
        node.disk.records[uid] = record
    }

    private func finish(_ told: [() -> Void]) {
        let tried = current ?? []
        current = nil
        if lastIsWritten {
            if next != nil { begin() }
            for done in told { done() }
        } else {
            node.at(node.random.seconds(1...60), .agent(life: life), "\(uid) is to be written again") {
                [self] in
                if current == nil, next != nil { begin() }
            }
        }
        for done in tried { done(lastIsWritten) }
    }
}
