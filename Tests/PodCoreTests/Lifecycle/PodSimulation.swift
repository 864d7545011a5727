@testable import PodCore

/// One Pod on a pretend node under one seed: its machine is driven by a kernel, a shim and a shell that are as slow,
/// as faulty and as short-lived as they can be, and after every step it is checked what must always hold.
///
/// Three things that the shell owes the machine are kept here: the shim forgets an end only when a record that has it
/// is on disk, a sandbox is torn down only when the record of that intention is, and a prepared start is dropped when
/// the machine has given it up meanwhile.
struct PodSimulation {
    typealias Record = (machine: PodMachine, builder: PodStatusBuilder)

    let seed: UInt64
    var random: SplitMix
    var tick = Tick(nanoseconds: 1_000_000_000)
    var wallOffset: Int64 = 1_800_000_000_000_000_000
    var pending: [(due: Tick, order: Int, what: Happening)] = []
    var order = 0

    let pod: Pod
    var machine: PodMachine
    var builder = PodStatusBuilder()
    var disk: Record
    /// Records on their way to the disk, by their numbers.
    var unwritten: [Int: Record] = [:]
    var recordVersion = 0
    let diskIsSlow: Bool
    var agentIsUp = true
    var newsDue = Tick(nanoseconds: 0)

    var sandbox: PretendSandbox?
    var sandboxes = 0
    var truths: [String: ContainerTruth] = [:]
    let containersOutlivePause: Bool
    let clockJumps: Bool
    /// The time of trouble is over: everything succeeds and containers run on.
    var isCalm = false
    var isDeleted = false
    var isFinished = false

    var monitor = StatusMonitor()
    var violations: [String] = []
    var trace: [String]?
    var eventsInSecond = 0
    var second: Int64 = 0

    init(seed: UInt64, tracing: Bool = false) {
        self.seed = seed
        random = SplitMix(state: seed)
        let inits = (0..<Int.random(in: 0...2, using: &random)).map { "i\($0)" }
        let names = (0..<Int.random(in: 1...3, using: &random)).map { "c\($0)" }
        let policy: RestartRule = [.always, .onFailure, .never][Int.random(in: 0..<3, using: &random)]
        machine =
            MachineDriver(init: inits, names, policy: policy, grace: [0, 1, 5, 30][Int(seed % 4)]).machine
        pod = Self.pod(inits, names, isStatic: random.chance(0.5))
        disk = (machine, builder)
        diskIsSlow = random.chance(0.3)
        containersOutlivePause = random.chance(0.2)
        clockJumps = random.chance(0.3)
        if tracing { trace = [] }
        scheduleTrouble()
    }

    static func pod(_ inits: [String], _ names: [String], isStatic: Bool) -> Pod {
        func container(_ name: String) -> Container {
            var container = Container()
            container.name = name
            return container
        }
        var pod = Pod()
        pod.metadata.uid = "u"
        pod.metadata.annotations[PodAnnotation.configSource] = isStatic ? "file" : "api"
        pod.spec.initContainers = inits.map(container)
        pod.spec.containers = names.map(container)
        return pod
    }

    mutating func scheduleTrouble() {
        for _ in 0..<Int.random(in: 0...3, using: &random) { at(random.seconds(0...900), .agentDies) }
        if random.chance(0.4) {
            at(random.seconds(0...900), .isDeleted(grace: nil))
            if random.chance(0.5) {
                at(random.seconds(0...930), .isDeleted(grace: random.seconds(0...20)))
            }
        }
        guard clockJumps else { return }
        for _ in 0..<3 { at(random.seconds(0...900), .wallClockJumps(random.seconds(-86_400...86_400))) }
    }

    // MARK: Time

    var now: Moment {
        Moment(tick: tick, wall: Timestamp(nanoseconds: tick.nanoseconds + wallOffset))
    }

    mutating func at(_ delay: Duration, _ what: Happening) {
        order += 1
        pending.append((tick + delay, order, what))
    }

    /// The shim's news arrive in the order in which they were sent, and are lost on an agent that is away.
    mutating func news(_ event: PodEvent) {
        guard agentIsUp else { return }
        newsDue = max(newsDue, tick + random.seconds(0...0.02))
        at(newsDue - tick, .told(event))
    }

    mutating func fail(_ text: String) {
        violations.append("\(text), at \(tick.nanoseconds / 1_000_000) ms")
    }

    /// Runs through the trouble, then in calm until nothing is left to happen, then deletes the Pod.
    mutating func run() {
        perform(handling(.alarm))
        var steps = 0
        while steps < 120, tick.nanoseconds < 1_500_000_000_000, step() { steps += 1 }
        calmDown()
        guard comesToRest("in calm") else { return }
        checkRest()
        if !isDeleted { at(.seconds(1), .isDeleted(grace: nil)) }
        guard comesToRest("after its deletion") else { return }
        if !isFinished { fail("deleted, and at rest without having finished: \(machine)") }
    }

    mutating func calmDown() {
        isCalm = true
        pending.removeAll { $0.what.isTrouble }
        if !agentIsUp { at(.zero, .agentReturns) }
        guard let sandbox else { return }
        for run in sandbox.live where sandbox.processes[run]?.container.hasPrefix("i") == true {
            at(.seconds(1), .exits(sandbox.number, run, 0))
        }
    }

    mutating func comesToRest(_ when: String) -> Bool {
        for _ in 0..<2000 where violations.isEmpty {
            if !step() { return true }
        }
        if violations.isEmpty { fail("never comes to rest \(when)") }
        return false
    }

    /// Lets the next thing happen; false when there is none, or something has gone wrong.
    mutating func step() -> Bool {
        guard violations.isEmpty else { return false }
        let next = pending.indices.min {
            (pending[$0].due, pending[$0].order) < (pending[$1].due, pending[$1].order)
        }
        let alarm = agentIsUp && !isFinished ? machine.nextAlarm : nil
        if let alarm, next.map({ alarm <= pending[$0].due }) ?? true {
            if alarm < tick { fail("an alarm in the past") }
            tick = max(tick, alarm)
            perform(handling(.alarm))
            return true
        }
        guard let next else { return false }
        let (due, _, what) = pending.remove(at: next)
        tick = max(tick, due)
        trace?.append("\(tick.nanoseconds / 1_000_000) \(what)")
        happen(what)
        return true
    }
}
