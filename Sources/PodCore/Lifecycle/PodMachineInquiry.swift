/// Whether the shim still answers. A shim that is stopped or stuck would otherwise hold its Pod for ever: its containers
/// cannot be reaped by anybody else.
///
/// Nothing is asked of a shim that owes nothing. One that owes something (a sandbox, a start, the end of what was killed)
/// may be waiting for the kernel, as long as that takes; it is asked whether it is there at all, which it answers at once.
/// If it does not, everything of the Pod is killed, and the sandbox is made again.
extension PodMachine {
    /// How long a shim may owe something before it is asked.
    static let patience = Duration.seconds(5)
    /// How long a shim that is asked has to answer. A node that swaps is slow, and killing its Pods is no help.
    public static let answerTime = Duration.seconds(30)

    /// Asks when it is time to, and gives up the shim when it is time for that. Both go on for as long as something is
    /// owed, for a kill may fail to reach a process that hangs in the kernel.
    mutating func inquire(at now: Moment, _ effects: inout [PodEffect]) {
        guard owesAnswer else {
            inquiry = .none
            return
        }
        switch inquiry {
        case .none:
            inquiry = .due(now.tick + Self.patience)
        case .due(let tick) where now.tick >= tick:
            inquiry = .asked(until: now.tick + Self.answerTime)
            effects.append(.inquire(attempt: attempt))
        case .asked(let until) where now.tick >= until:
            inquiry = .due(now.tick + Self.patience)
            let message =
                "podshim has not answered for \(Self.answerTime.goText): everything of the Pod is killed"
            effects.append(.record(PodRecord(.warning, "SandboxNotResponding", message)))
            effects.append(.killSandbox(attempt: attempt))
        case .due, .asked:
            break
        }
    }

    /// The shim has answered, and what it says is told later. If it goes on owing something it is asked again in time.
    public mutating func shimIsThere() { inquiry = .none }

    /// Whether the shim has been asked for something that it has not done yet.
    private var owesAnswer: Bool {
        if isResuming || sandbox == .creating { return true }
        return containers.contains { record in
            switch record.state {
            case .starting: true
            case .running: sandbox == .dying || record.stop?.isKilled == true
            case .idle, .ended: false
            }
        }
    }
}
