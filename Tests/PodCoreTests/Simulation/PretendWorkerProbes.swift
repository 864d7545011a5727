@testable import PodCore

/// What the containers are asked, as PodWorkerProbes has it.
extension PretendWorker {
    func followProbes() {
        for question in probes.follow(machine, at: node.now) { attempts[question] = nil }
        forgetHooks()
    }

    func alarmRang() {
        for question in probes.begin(at: node.tick).sorted() {
            node.checkPace(self, question)
            ask(question)
        }
        if let due = machine.nextAlarm, node.tick >= due { deliver(.alarm) }
    }

    /// An answer takes its time, or never comes.
    private func ask(_ question: PodProbes.Question) {
        node.checkQuestion(self, question)
        let number = nextNumber()
        attempts[question] = number
        if !node.isCalm, node.random.chance(0.01) { return }
        let time = node.random.chance(0.8) ? node.random.seconds(0...0.1) : node.random.seconds(0...8)
        answer(question, number, node.outcome(of: question), after: time)
    }

    func answer(
        _ question: PodProbes.Question,
        _ number: Int,
        _ outcome: ProbeOutcome,
        after time: Duration
    ) {
        node.at(
            time,
            .agent(life: agent.life),
            isProbe: true,
            "\(uid) \(question.container) \(question.kind.rawValue): \(outcome)"
        ) { [self] in
            guard isAlive, attempts[question] == number, !node.agentMayDie() else { return }
            attempts[question] = nil
            take(outcome, of: question)
        }
    }

    private func take(_ outcome: ProbeOutcome, of question: PodProbes.Question) {
        switch probes.take(outcome, of: question) {
        case nil: node.fail("\(uid) \(question.container) answers what nobody asks")
        case .again: ask(question)
        case .wait(_, let conclusion):
            if node.isCalm { calmAnswers[question, default: 0] += 1 }
            let isFatal = node.noteAnswer(self, question, outcome)
            if let conclusion { deliver(.probed(question.run, question.kind, conclusion)) }
            if isFatal { node.checkFatalAnswer(self, question) }
        }
    }

    /// Whether more answers like the last ones would change nothing.
    var hasSettledAnswers: Bool {
        attempts.keys.allSatisfy { calmAnswers[$0, default: 0] > 3 }
            && probes.machines.keys.allSatisfy { calmAnswers[$0, default: 0] > 3 }
    }
}

extension PodProbes.Question: Comparable {
    /// In any order that is always the same.
    public static func < (a: Self, b: Self) -> Bool {
        (a.run.number, a.kind.rawValue) < (b.run.number, b.kind.rawValue)
    }
}

extension NodeSimulation {
    /// Some instances are healthier than others, in this or that.
    fileprivate func outcome(of question: PodProbes.Question) -> ProbeOutcome {
        if isCalm { return .success }
        if random.chance(0.08) { return .error("no") }
        var health = SplitMix(
            state: seed &+ question.run.number &* 31 &+ UInt64(question.kind.title.utf8.count)
        )
        let isSick = health.chance(0.2)
        if random.chance(isSick ? 0.8 : 0.08) { return .failure("no") }
        return random.chance(0.1) ? .warning("yes, but") : .success
    }
}
