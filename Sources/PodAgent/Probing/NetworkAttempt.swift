import PodCore

/// A ``NetworkCall`` that is being made. Lives on the prober's queue.
protocol NetworkAttempt: AnyObject {
    /// Begins. The attempt calls its `finish` once, perhaps before this returns, unless ``expire()`` or ``abandon()``
    /// comes first.
    func start()
    /// The time is up: what has it come to?
    func expire() -> ProbeOutcome
    /// Lets go of everything, in any state; nothing is told any more.
    func abandon()
}

/// What attempts need of their prober.
struct AttemptContext {
    let call: NetworkCall
    let place: NetworkPlace
    let loop: TransferLoop
    let events: EventPoll
    let finish: (ProbeOutcome) -> Void
}

extension AttemptContext {
    /// The attempt for what is asked.
    func makeAttempt() -> any NetworkAttempt {
        switch call.question {
        case .http(let http): HTTPAttempt(http, self)
        case .grpc(let service): GRPCAttempt(service: service, self)
        case .tcp:
            if let address = IPAddress(call.host) {
                ConnectAttempt(address, self)
            } else {
                NamedConnectAttempt(self)
            }
        }
    }
}
