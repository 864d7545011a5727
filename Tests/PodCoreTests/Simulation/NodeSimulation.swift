@testable import PodCore

/// A whole node under one seed. The machines of the real agent run on a pretend kernel and a pretend disk, driven by a
/// shell that is as slow, as faulty and as short-lived as it can be, while somebody edits manifests and pulls plugs; and
/// after every step it is checked what must always hold.
///
///     NodeSimulation          time, chance, and what is going to happen
///     NodeSimulationWorld     people and hardware: edits, kills, reboots
///     NodeSimulationAgent     one life of the agent: its start, the node's machine, its end
///     PretendWorker           the shell around one Pod's machine, as PodWorker is
///     PretendWorkerNews       what it hears from its shim
///     PretendWorkerHooks      what it does after starts and before ends
///     PretendWorkerProbes     what it asks the containers
///     PretendRecorder         its record on the disk, as PodRecorder is
///     PretendKernel           shims, processes, cgroups and directories
///     PretendPods             what Pods people ask for
///     ContainerTruth          what has really happened, whatever the agent believes
///     InstanceTruth           the same of one instance: its hooks, its answers, its stop
///     NodeSimulationChecks    what must hold
///     NodeSimulationRest      what must hold when nothing is left to happen
///     NodeSimulationStarts    which containers start, in which order and how often
///     NodeSimulationProgress  how far instances have come: hooks, probes, deadlines
///     NodeSimulationStops     how containers are stopped
///     NodeSimulationShutdown  how the node is shut down
///     NodeSimulationOrder     which Pods begin and end after which others
///     PretendPace             how soon things are tried again
final class NodeSimulation {
    /// Whose doing something is: it does not happen any more when that has ended.
    enum Doer: Equatable {
        case world
        case kernel(boot: Int)
        case agent(life: Int)
    }

    private struct Happening {
        var due: Int64
        var order: Int
        var doer: Doer
        /// A question to a container or its answer: that goes on for as long as Pods run.
        var isProbe: Bool
        var label: String
        var body: () -> Void
    }

    let seed: UInt64
    var random: SplitMix
    /// Nanoseconds since the simulation began. What machines are told is the time since the last boot.
    private(set) var time: Int64 = 0
    var bootedAt: Int64 = -1_000_000_000
    var wallOffset: Int64 = 1_800_000_000_000_000_000
    /// Sorted, what comes first last.
    private var queue: [Happening] = []
    private var order = 0

    let kernel = PretendKernel()
    var disk = PretendDisk()
    /// The manifest directory.
    var files: [String: PretendFile] = [:]
    /// Pods that came over the socket and have not been deleted; of those, the ones of which the client was told that
    /// they are kept.
    var applied: Set<PodKey> = []
    var promised: Set<PodKey> = []
    var truths: [String: PodTruth] = [:]

    var agent: PretendAgent?
    var lives = 0
    /// How many more things the agent does before it dies, when that is to be in the middle of its start.
    var fuse: Int?
    let traits: Traits
    /// The time of trouble is over: everything succeeds and containers run on.
    var isCalm = false

    var violations: [String] = []
    private(set) var trace: [String]?
    private var eventsInSecond: [String: Int] = [:]
    private var second: Int64 = 0
    /// How long Pods have been on the node, summed up.
    private(set) var podSeconds = 0.0

    /// What kind of node it is, for all of its time.
    struct Traits {
        var diskIsSlow: Bool
        var containersOutlivePause: Bool
        var clockJumps: Bool
        var reboots: Bool
        var portsAreScarce: Bool
        /// Pods name others that they start after.
        var hasOrder: Bool
        /// Pods have sidecars, hooks, probes, deadlines and rules of their own.
        var hasRichPods: Bool
        var crashChance: Double
    }

    init(seed: UInt64, tracing: Bool = false) {
        self.seed = seed
        random = SplitMix(state: seed)
        let diskIsSlow = random.chance(0.3)
        traits = Traits(
            diskIsSlow: diskIsSlow,
            containersOutlivePause: random.chance(0.2),
            clockJumps: random.chance(0.3),
            reboots: random.chance(0.3),
            portsAreScarce: random.chance(0.4),
            hasOrder: seed % 3 == 0,
            hasRichPods: seed % 4 != 0,
            crashChance: random.chance(0.2) ? 0 : diskIsSlow ? 0.02 : 0.004
        )
        if tracing { trace = [] }
    }

    // MARK: Time

    var tick: Tick { Tick(nanoseconds: time - bootedAt) }

    var now: Moment { Moment(tick: tick, wall: Timestamp(nanoseconds: time + wallOffset)) }

    func at(
        _ delay: Duration,
        _ doer: Doer,
        isProbe: Bool = false,
        _ label: @autoclosure () -> String,
        _ body: @escaping () -> Void
    ) {
        order += 1
        let happening = Happening(
            due: time + delay.wholeNanoseconds,
            order: order,
            doer: doer,
            isProbe: isProbe,
            label: trace == nil ? "" : label(),
            body: body
        )
        var (low, high) = (0, queue.count)
        while low < high {
            let middle = (low + high) / 2
            let other = queue[middle]
            if (other.due, other.order) > (happening.due, happening.order) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        queue.insert(happening, at: low)
    }

    private func isStale(_ doer: Doer) -> Bool {
        switch doer {
        case .world: false
        case .kernel(let boot): boot != kernel.boot
        case .agent(let life): life != agent?.life
        }
    }

    func tell(_ line: @autoclosure () -> String) {
        guard trace != nil else { return }
        trace?.append("\(time / 1_000_000) \(line())")
    }

    func fail(_ text: String) { violations.append("\(text), at \(time / 1_000_000) ms") }

    /// A machine that reacts to its own reactions would be seen by this.
    func countEvent(_ name: String) {
        if second != time / 1_000_000_000 { eventsInSecond = [:] }
        second = time / 1_000_000_000
        eventsInSecond[name, default: 0] += 1
        if eventsInSecond[name, default: 0] > 200 { fail("more than 200 events of \(name) in a second") }
    }

    // MARK: The run

    /// Through the trouble, then in calm until nothing is left to happen, then everything is removed.
    func run() {
        makeTrouble()
        var (steps, all) = (0, 0)
        while steps < 360, all < 4000, time < 1_500_000_000_000, let happened = step() {
            if happened != .probing { steps += 1 }
            all += 1
        }
        calmDown()
        guard comesToRest("in calm") else { return }
        checkRest()
        removeEverything()
        guard comesToRest("after everything was removed") else { return }
        checkEmptiness()
    }

    private enum Step { case probing, something }

    private func comesToRest(_ when: String) -> Bool {
        var steps = 0
        for _ in 0..<100_000 where violations.isEmpty && steps < 4000 {
            if isAtRest { return true }
            guard let happened = step() else { return violations.isEmpty }
            if happened != .probing { steps += 1 }
        }
        if violations.isEmpty { fail("never comes to rest \(when)") }
        return false
    }

    /// Nothing is left to happen but that containers are asked what they have answered before.
    private var isAtRest: Bool {
        if queue.contains(where: { !$0.isProbe && !isStale($0.doer) }) { return false }
        guard let agent else { return true }
        return agent.nextAlarm.map(\.isProbe) ?? true && !agent.hasMachineAlarm
            && agent.workers.values.allSatisfy(\.hasSettledAnswers)
    }

    /// Lets the next thing happen; nil when there is none, or something has gone wrong.
    private func step() -> Step? {
        guard violations.isEmpty else { return nil }
        while let last = queue.last, isStale(last.doer) { queue.removeLast() }
        let alarm = agent?.nextAlarm
        if let alarm, queue.last.map({ alarm.due.nanoseconds + bootedAt <= $0.due }) ?? true {
            let due = alarm.due.nanoseconds + bootedAt
            // A question that has taken longer than its period is followed by the next at once.
            if due < time, !alarm.isProbe { fail("an alarm in the past") }
            advance(to: due)
            alarm.ring()
            return alarm.isProbe ? .probing : .something
        }
        guard let next = queue.popLast() else { return nil }
        advance(to: next.due)
        tell(next.label)
        next.body()
        return next.isProbe ? .probing : .something
    }

    private func advance(to due: Int64) {
        guard due > time else { return }
        podSeconds += Double(due - time) / 1e9 * Double(agent?.workers.count ?? 0)
        time = due
    }
}

extension SplitMix {
    mutating func chance(_ probability: Double) -> Bool {
        Double.random(in: 0..<1, using: &self) < probability
    }

    mutating func seconds(_ range: ClosedRange<Double>) -> Duration {
        .milliseconds(Int(Double.random(in: range, using: &self) * 1000))
    }

    /// Mostly soon, at times late.
    mutating func workTime() -> Duration { chance(0.1) ? seconds(0...40) : seconds(0...0.5) }

    /// How long a container stays up; nil for ever.
    mutating func lifetime() -> Duration? {
        switch Int.random(in: 0..<10, using: &self) {
        case 0..<5: seconds(0...2)
        case 5..<7: seconds(0...60)
        case 7..<9: seconds(0...1500)
        default: nil
        }
    }

    mutating func exitCode() -> Int32 { chance(0.4) ? 0 : Int32.random(in: 1...255, using: &self) }
}
