@testable import PodCore

/// What a simulated sandbox consists of: a shim that keeps the ends of its processes, and pause.
struct PretendSandbox {
    /// One process that was asked for.
    struct Process {
        var container: String
        var restartCount: Int
        var state: SandboxObservation.Run.State

        var isLive: Bool {
            switch state {
            case .launching, .running: true
            case .exited, .failed: false
            }
        }
    }

    /// Tells this sandbox from the next one.
    let number: Int
    let attempt: Int
    var pauseIsAlive = false
    /// The shim is stopped, or hangs in the kernel.
    var isStuck = false
    var processes: [RunID: Process] = [:]
    /// Init containers that have exited with 0 in this sandbox.
    var succeeded: Set<String> = []
    /// Containers of which an instance has been in this sandbox.
    var hasRun: Set<String> = []

    /// The processes that are starting or running, in a fixed order.
    var live: [RunID] { processes.filter(\.value.isLive).map(\.key).sorted() }

    /// The answer to a restarted agent, the newest first: it need not be in order.
    var observation: SandboxObservation {
        SandboxObservation(
            pauseIsAlive: pauseIsAlive,
            runs: processes.sorted { $0.key > $1.key }.map { run, process in
                .init(
                    run: run,
                    container: process.container,
                    restartCount: process.restartCount,
                    state: process.state
                )
            }
        )
    }
}

/// What has really happened to one container, whatever the agent believes.
struct ContainerTruth {
    struct End {
        var run: RunID
        var code: Int32
        var at: Tick
    }

    /// Processes that were born, or failed to become the program.
    var instances = 0
    var newestEnd: End?
    /// The agent cannot know how an instance ended: its shim was killed.
    var isLost = false
    /// The back-off as the reference has it, reckoned from the true times.
    var delay: Duration?
    var lastStep: Tick?

    /// Reckons with a new instance. `isForgotten`: an init container's first one in a new sandbox.
    mutating func born(at now: Tick, isForgotten: Bool) {
        if newestEnd != nil, !isForgotten {
            delay = delay.map { min($0 * 2, .seconds(300)) } ?? .seconds(10)
            lastStep = now
        }
        instances += 1
    }

    /// Reckons with the end of an instance.
    mutating func ended(_ run: RunID, _ code: Int32, at now: Tick) {
        newestEnd = End(run: run, code: code, at: now)
        if let lastStep, now - lastStep > .seconds(600) {
            delay = nil
            self.lastStep = nil
        }
    }
}

/// Something that is going to happen on the simulated node.
enum Happening {
    // Work of one life of the agent, lost with it.
    case told(PodEvent)
    case sandboxIsSpawned(attempt: Int, fails: Bool)
    case startReachesShim(name: String, run: RunID, restartCount: Int)
    case sandboxIsTornDown(attempt: Int)
    case shimIsAsked(attempt: Int)
    case recordIsWritten(version: Int)
    case cleanUpIsDone(PodEffect.CleanUp)

    // What the kernel and the shim do by themselves, in the sandbox of that number.
    case pauseStarts(Int)
    case launchEnds(Int, RunID, fails: Bool)
    case exits(Int, RunID, Int32)
    case pauseDies(Int)
    case pauseIsReaped(Int)
    case shimDies(Int)

    // What befalls the node.
    case agentDies
    case agentReturns
    case isDeleted(grace: Duration?)
    case wallClockJumps(Duration)

    /// Whether it dies with the agent that began it.
    var isOfAgent: Bool {
        switch self {
        case .told, .sandboxIsSpawned, .startReachesShim, .sandboxIsTornDown, .recordIsWritten,
            .cleanUpIsDone, .shimIsAsked:
            true
        default: false
        }
    }

    /// Whether it is trouble that ends when the simulated node is to come to rest.
    var isTrouble: Bool {
        switch self {
        case .pauseDies, .shimDies, .agentDies, .wallClockJumps: true
        default: false
        }
    }
}

extension PodEvent {
    /// Whether it is something that the shim tells unasked.
    var isNews: Bool {
        switch self {
        case .sandboxStarted, .sandboxFailed, .sandboxEnded, .containerStarted, .containerNotStarted,
            .containerExited:
            true
        default: false
        }
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
