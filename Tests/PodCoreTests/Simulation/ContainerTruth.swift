@testable import PodCore

/// What has really happened to one Pod, whatever the agent believes.
final class PodTruth {
    private(set) var containers: [String: ContainerTruth] = [:]
    /// Containers of which an instance has been in the present sandbox.
    private var hasRun: Set<String> = []
    /// Every instance, by its number; of two sandboxes that used the same one, the later.
    var instances: [RunID: InstanceTruth] = [:]
    /// Containers of which a new image was asked for, since the agent that was told is known to have done it.
    var superseded: Set<String> = []
    /// Instances that were being started when that was asked for: they may be of either image, and are ended.
    private var supersededStarts: Set<RunID> = []
    /// Instances that have ended in a way that restarts everything, in the present sandbox.
    var restartsAll: Set<RunID> = []
    /// Everything is restarted: those of which there has been no new instance yet.
    var toBeRestarted: Set<String> = []
    /// It was held, and has been let go.
    var hasBegun = false
    /// The shortest time that a node that went down has left it.
    var shutdownGrace: Duration?
    /// What clients have been shown so far.
    var monitor = StatusMonitor()

    func newSandbox() {
        hasRun = []
        // What was to be restarted is, as far as the agent had heard of it.
        if !restartsAll.isEmpty { for name in containers.keys { containers[name]?.isPardoned = true } }
        restartsAll = []
    }

    /// Init containers begin as if for the first time.
    func restartAll(_ names: [String]) {
        hasRun = hasRun.filter { $0.hasPrefix("c") }
        restartsAll = []
        toBeRestarted = Set(names)
        for name in names { containers[name]?.isPardoned = true }
    }

    func hasRunHere(_ name: String) -> Bool { hasRun.contains(name) }

    func born(_ name: String, _ run: RunID, _ restartCount: Int, at time: Int64) {
        let isForgotten = !name.hasPrefix("c") && !hasRun.contains(name)
        containers[name, default: .init()].born(restartCount, at: time, isForgotten: isForgotten)
        if supersededStarts.remove(run) != nil { containers[name]?.supersede() }
        hasRun.insert(name)
        toBeRestarted.remove(name)
    }

    func ended(_ name: String, _ run: RunID, _ code: Int32, at time: Int64) {
        containers[name]?.ended(run, code, at: time)
    }

    /// Ends that only the shim knew, and instances that it was the parent of, cannot be known any more.
    func shimDied(_ record: PretendRecord?) {
        toBeRestarted = []
        let recorded = Set((record?.ends ?? []).map(\.run))
        for (name, truth) in containers where truth.isLive || !truth.isKnown(recorded) {
            containers[name]?.isLost = true
        }
    }

    func supersede(_ names: Set<String>, starting: Set<RunID>) {
        superseded.formUnion(names)
        supersededStarts.formUnion(starting)
        for name in names { containers[name]?.supersede() }
    }

    func rebooted(_ disk: PretendDisk, uid: String) {
        shimDied(disk.records[uid])
        for name in containers.keys { containers[name]?.forgetBackoff() }
    }
}

/// What has really happened to one container.
struct ContainerTruth {
    struct End {
        var run: RunID
        var code: Int32
        var at: Int64
    }

    /// Processes that were born, or failed to become the program.
    var instances = 0
    var isLive = false
    var newestEnd: End?
    /// Nobody can know what became of an instance: its shim was killed, or the power was cut.
    var isLost = false
    /// That has been so: how long the agent holds it back is not known any more.
    private(set) var wasLost = false
    /// Its newest end counts for nothing, as everything is restarted or its image is another one.
    var isPardoned = false
    /// The back-off as the reference has it, reckoned from the true times.
    private(set) var delay: Duration?
    private var lastStep: Int64?

    /// Reckons with a new instance. `isForgotten`: an init container's first one in a new sandbox. After a loss the
    /// agent's count is the one to go on from.
    mutating func born(_ restartCount: Int, at now: Int64, isForgotten: Bool) {
        if isLost {
            isLost = false
            wasLost = true
            instances = restartCount
            newestEnd = nil
            forgetBackoff()
        }
        if isPardoned {
            // Of all that are restarted only the one that they are restarted for takes a step. Which of them that was for
            // the agent is not known here, so at least what it had before is asked of it.
            wasLost = true
        } else if newestEnd != nil, !isForgotten {
            delay = delay.map { min($0 * 2, .seconds(300)) } ?? .seconds(10)
            lastStep = now
        }
        instances += 1
        isLive = true
        isPardoned = false
    }

    /// Reckons with the end of an instance.
    mutating func ended(_ run: RunID, _ code: Int32, at now: Int64) {
        newestEnd = End(run: run, code: code, at: now)
        isLive = false
        if let lastStep, now - lastStep > 600_000_000_000 { forgetBackoff() }
    }

    /// Another image begins afresh, but it is not known whether the agent remembers that it has been told.
    mutating func supersede() {
        forgetBackoff()
        wasLost = true
        isPardoned = true
    }

    mutating func forgetBackoff() {
        delay = nil
        lastStep = nil
    }

    func isKnown(_ recorded: Set<RunID>) -> Bool { newestEnd.map { recorded.contains($0.run) } ?? true }
}
