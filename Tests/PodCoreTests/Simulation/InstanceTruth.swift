@testable import PodCore

/// What has really happened to one instance of a container.
struct InstanceTruth {
    let container: String
    /// What it runs.
    let image: String
    let bornAt: Int64
    /// What is done after its start is over, or there is nothing to do.
    var postStartIsOver: Bool
    /// The life of the agent that has seen the end of that.
    var postStartIsOverSince = 0
    /// Its startup probe has said yes, or it has none.
    var hasSaidStarted: Bool
    /// What is done before it is asked to end is over.
    var preStopIsOver = false
    /// Its end is wished for.
    var stop: StopTruth?
    /// What it has answered, by question.
    var answers: [ProbeKind: AnswersTruth] = [:]

    init(_ container: Container, at time: Int64) {
        self.container = container.name
        image = container.image
        bornAt = time
        postStartIsOver = container.lifecycle?.postStart == nil
        hasSaidStarted = container.startupProbe == nil
    }

    /// Whether those that wait for it need not do so any more.
    var hasStarted: Bool { postStartIsOver && hasSaidStarted }

    /// Another life of the agent counts anew. What it shows of readiness until it knows better may be older.
    mutating func agentDied() {
        for kind in answers.keys {
            answers[kind]?.alike = 0
            answers[kind]?.last = nil
            answers[kind]?.isSettled = false
        }
    }
}

/// What an instance has answered to one question.
struct AnswersTruth {
    var last: Bool?
    /// How many of them came one after the other.
    var alike = 0
    /// What that amounts to.
    var conclusion: Bool?
    /// That has been found out in the present life of the agent.
    var isSettled = false
    /// It has once been a yes.
    var wasYes = false

    /// Takes an answer; whether that is the one that makes a conclusion.
    mutating func take(_ isYes: Bool, of probe: Probe) -> Bool {
        alike = last == isYes ? alike + 1 : 1
        last = isYes
        guard alike >= Int(isYes ? probe.successThreshold : probe.failureThreshold) else { return false }
        conclusion = isYes
        isSettled = true
        if isYes { wasYes = true }
        return true
    }

    /// Whether a Pod may be shown as ready by this.
    var allowsReady: Bool { isSettled ? conclusion == true : wasYes }
}

/// The stop of an instance, from the wish to the kill.
struct StopTruth {
    /// It has survived an agent, so that it is not known what was done about it.
    let isInherited: Bool
    /// What is done before the end is left out, because everything is restarted.
    let skipsHook: Bool
    /// When its time is up: it is killed no earlier. Somebody may have less patience than whoever wished first.
    var timeIsUpAt: Int64
    var askedAt: Int64?
    /// There is no time to ask it.
    var isAtOnce: Bool
    /// It has been told in some way: its hook runs, or it was asked or killed.
    var hasBegun = false

    init(timeIsUpAt: Int64, isAtOnce: Bool, isInherited: Bool = false, skipsHook: Bool = false) {
        self.isAtOnce = isAtOnce
        self.timeIsUpAt = timeIsUpAt
        self.isInherited = isInherited
        self.skipsHook = skipsHook
    }

    /// When it is killed at the latest: whoever is asked has two seconds.
    var latest: Int64 { max(timeIsUpAt, (askedAt ?? timeIsUpAt) + 2_000_000_000) }
}
