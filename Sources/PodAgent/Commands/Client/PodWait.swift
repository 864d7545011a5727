import PodCore

/// Waits until something is true of a Pod, by watching it.
struct PodWait {
    let client: APIClient
    /// When to give up; nil never does.
    let deadline: Tick?

    /// What a look at the Pod says.
    enum Verdict {
        case met
        case notYet
        /// It will never be met; the sentence says why.
        case hopeless(String)
    }

    /// Waits until `judge` is content. It is asked about the Pod as it is and after each change, with nil when there
    /// is no such Pod.
    func until(
        namespace: String,
        name: String,
        goal: String,
        _ judge: (Pod?) -> Verdict
    ) throws(CommandError) {
        let request = APIClient.Request(ResourceKind.pods.path(namespace: namespace))
        let stream = WatchStream(client: client, request: request, deadline: deadline)
        do throws(CommandError) {
            try stream.run { event throws(CommandError) -> Void? in
                guard let seen = try Self.pod(in: event, name) else { return nil }
                switch judge(seen.pod) {
                case .met: return ()
                case .notYet: return nil
                case .hopeless(let why): throw .failed(why)
                }
            }
        } catch .failed(ClientSocket.timedOut) {
            throw .failed("timed out waiting for \(goal) on pod \(name)")
        }
    }

    /// Waits until this very Pod, whose deletion has been asked for, is gone; another one of the same name does not
    /// count. Nor does its next life: a Pod that a file still asks for comes again with the same UID, perhaps before
    /// anybody has looked, and then nothing is deleted about it.
    func untilGone(_ pod: Pod) throws(CommandError) {
        let metadata = pod.metadata
        try until(namespace: metadata.namespace, name: metadata.name, goal: "its deletion") { now in
            guard let now, now.metadata.uid == metadata.uid else { return .met }
            return now.metadata.deletionTimestamp == nil ? .met : .notYet
        }
    }

    /// What an event says about the Pod; nil when it is about others.
    private static func pod(in event: WatchStream.Event, _ name: String) throws(CommandError) -> (
        pod: Pod?, Void
    )? {
        switch event {
        case .list(let document):
            let list: PodList = try APIClient.object(document)
            // A Pod of exactly this name comes before one whose name has the node's suffix.
            let exact = list.items.first { $0.metadata.name == name }
            return (exact ?? list.items.first { $0.isCalled(name) }, ())
        case .added(let document), .modified(let document):
            let pod: Pod = try APIClient.object(document)
            return pod.isCalled(name) ? (pod, ()) : nil
        case .deleted(let document):
            let pod: Pod = try APIClient.object(document)
            return pod.isCalled(name) ? (nil, ()) : nil
        }
    }
}
