import FoundationEssentials

@testable import PodCore

/// What a Pod of a ``Story`` says, in words.
extension StatusDriver {
    mutating func wait(_ seconds: Double) {
        let step = Duration.milliseconds(Int(seconds * 1000))
        driver.now = Moment(tick: driver.now.tick + step, wall: driver.now.wall + step)
    }

    mutating func hear(_ event: PodEvent, after seconds: Double = 0) -> [String] {
        wait(seconds)
        return driver.handle(event).map(\.words)
    }

    mutating func restartAgent(after seconds: Double, ended: [UInt64: Int32]) -> [String] {
        let died = driver.now.wall
        wait(seconds)
        do {
            let record = try JSONEncoder().encode(driver.machine.recorded)
            driver.machine = try JSONDecoder().decode(PodMachine.self, from: record)
        } catch {
            return ["the record is not readable: \(error)"]
        }
        let asked = driver.machine.resume(at: driver.now).map(\.words)
        let attempt = driver.machine.attempt
        if asked != ["inquire \(attempt)"] { return asked }
        let runs = driver.machine.containers.compactMap { record -> SandboxObservation.Run? in
            guard case .running(let run, let startedAt) = record.state else { return nil }
            var state = SandboxObservation.Run.State.running(startedAt: startedAt)
            if let code = ended[run.number] {
                state = .exited(ExitStatus(code: code), startedAt: startedAt, finishedAt: died)
            }
            return .init(run: run, container: record.name, restartCount: record.restartCount, state: state)
        }
        let seen = SandboxObservation(attempt: attempt, pauseIsAlive: true, runs: runs)
        return hear(.sandboxAnswered(attempt: attempt, seen))
    }
}

extension PodEffect {
    var words: String {
        switch self {
        case .prepare: "prepare"
        case .createSandbox(let attempt): "create sandbox \(attempt)"
        case .startContainer(let name, let run, let count): "start \(name) \(run.number) ×\(count)"
        case .pullImage(let name, let number): "pull \(name) \(number)"
        case .cancelPull(let number): "cancel pull \(number)"
        case .terminate(let run): "terminate \(run.number)"
        case .kill(let run): "kill \(run.number)"
        case .runHook(let run, let kind, let limit):
            "run \(kind) \(run.number)" + (limit.map { " within \($0.goText)" } ?? "")
        case .removeSandbox(let attempt): "remove sandbox \(attempt)"
        case .inquire(let attempt): "inquire \(attempt)"
        case .killSandbox(let attempt): "kill sandbox \(attempt)"
        case .cleanUp(let what): "clean up \(what)"
        case .finished: "finished"
        case .record(let record):
            "\(record.kind.rawValue) \(record.reason)\(record.container.map { " \($0)" } ?? ""): \(record.message)"
        }
    }
}

extension ContainerStatus {
    var words: String {
        var words = [state.words]
        if lastState != .empty { words.append("last " + lastState.words) }
        if started == true { words.append("started") }
        if ready { words.append("ready") }
        return words.joined(separator: ", ") + " ×\(restartCount)"
    }
}

extension ContainerState {
    var words: String {
        if running != nil { return "running" }
        if let waiting { return "waiting \(waiting.reason)" + Self.tail(waiting.message) }
        guard let terminated else { return "nothing" }
        return "ended \(terminated.exitCode) \(terminated.reason)" + Self.tail(terminated.message)
    }

    private static func tail(_ message: String) -> String { message.isEmpty ? "" : ": \(message)" }
}
