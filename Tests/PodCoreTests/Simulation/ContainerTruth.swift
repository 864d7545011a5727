@testable import PodCore

/// What has really happened to one Pod, whatever the agent believes.
final class PodTruth {
    private(set) var containers: [String: ContainerTruth] = [:]
    /// Containers of which an instance has been in the present sandbox.
    private var hasRun: Set<String> = []
    /// When each instance was first asked to end, and by when it ought to be killed.
    var stops: [RunID: (askedAt: Int64, killBy: Int64)] = [:]
    /// The shortest time that a node that went down has left it.
    var shutdownGrace: Duration?
    /// What clients have been shown so far.
    var monitor = StatusMonitor()

    func newSandbox() { hasRun = [] }

    func hasRunHere(_ name: String) -> Bool { hasRun.contains(name) }

    func born(_ name: String, _ restartCount: Int, at time: Int64) {
        let isForgotten = name.hasPrefix("i") && !hasRun.contains(name)
        containers[name, default: .init()].born(restartCount, at: time, isForgotten: isForgotten)
        hasRun.insert(name)
    }

    func ended(_ name: String, _ run: RunID, _ code: Int32, at time: Int64) {
        containers[name]?.ended(run, code, at: time)
    }

    /// Ends that only the shim knew, and instances that it was the parent of, cannot be known any more.
    func shimDied(_ record: PretendRecord?) {
        let recorded = Set((record?.ends ?? []).map(\.run))
        for (name, truth) in containers where truth.isLive || !truth.isKnown(recorded) {
            containers[name]?.isLost = true
        }
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
        if newestEnd != nil, !isForgotten {
            delay = delay.map { min($0 * 2, .seconds(300)) } ?? .seconds(10)
            lastStep = now
        }
        instances += 1
        isLive = true
    }

    /// Reckons with the end of an instance.
    mutating func ended(_ run: RunID, _ code: Int32, at now: Int64) {
        newestEnd = End(run: run, code: code, at: now)
        isLive = false
        if let lastStep, now - lastStep > 600_000_000_000 { forgetBackoff() }
    }

    mutating func forgetBackoff() {
        delay = nil
        lastStep = nil
    }

    func isKnown(_ recorded: Set<RunID>) -> Bool { newestEnd.map { recorded.contains($0.run) } ?? true }
}
