@testable import PodCore

/// A Pod's machine with a script: events are fed at times, effects and states are read.
struct MachineDriver {
    var machine: PodMachine
    var now = Moment(tick: Tick(nanoseconds: 0), wall: Timestamp(seconds: 1_800_000_000))
    var records: [PodRecord] = []
    /// Whether images are on the node as soon as they are asked for, and nothing is said of it.
    var hasImages = true

    init(
        init initContainers: [String] = [],
        _ containers: [String] = ["web"],
        policy: RestartRule = .always,
        grace: Int = 30,
        _ change: (inout PodLifecycle) -> Void = { _ in }
    ) {
        var lifecycle = PodLifecycle(
            reference: "web-node1_default(1234)",
            initContainers: initContainers.map { .init(name: $0) },
            containers: containers.map { .init(name: $0) },
            restartPolicy: policy,
            terminationGracePeriod: .seconds(grace),
            backoff: .kubelet
        )
        change(&lifecycle)
        machine = PodMachine(lifecycle)
    }

    /// Feeds an event and returns the effects, the events for people put aside.
    mutating func tell(_ event: PodEvent, after seconds: Double = 0) -> [PodEffect] {
        let step = Duration.milliseconds(Int(seconds * 1000))
        now = Moment(tick: now.tick + step, wall: now.wall + step)
        return sift(handle(event))
    }

    /// All effects of an event, and of the images that it asks for.
    mutating func handle(_ event: PodEvent) -> [PodEffect] {
        machine.handle(event, at: now).flatMap { effect in
            guard hasImages, case .pullImage(_, let number) = effect else { return [effect] }
            return handle(.imageAnswered(number: number, .here(id: "image")))
        }
    }

    mutating func sift(_ effects: [PodEffect]) -> [PodEffect] {
        effects.filter { effect in
            guard case .record(let record) = effect else { return true }
            records.append(record)
            return false
        }
    }

    /// Brings the sandbox up; the effects of its arrival.
    mutating func bringUp() -> [PodEffect] {
        _ = tell(.alarm)
        _ = tell(.prepared)
        return tell(.sandboxStarted(attempt: machine.attempt))
    }

    mutating func start(_ run: UInt64) -> [PodEffect] { tell(.containerStarted(RunID(run), at: now.wall)) }

    mutating func exit(_ run: UInt64, _ code: Int32, after seconds: Double = 1) -> [PodEffect] {
        let step = Duration.milliseconds(Int(seconds * 1000))
        now = Moment(tick: now.tick + step, wall: now.wall + step)
        return tell(
            .containerExited(RunID(run), ExitStatus(code: code), startedAt: nil, finishedAt: now.wall)
        )
    }

    func record(_ name: String) -> ContainerRecord? { machine.containers.first { $0.name == name } }
}
