import PodCore

/// How what the Pod leaves is taken away, on workers.
extension PodWorker {
    func removeSandbox(_ attempt: Int) {
        let leaving = sandbox
        sandbox = nil
        networkNamespace = nil
        takeBackWork()
        endExecs("the container has ended")
        let (pod, uid, node, network) = (pod, pod.metadata.uid, node, network)
        Task {
            CrashPoint.beforeLastRecord.pass(uid)
            if leaving != nil { await savedOrUnwanted() }
            await detach(pause: leaving?.pausePID)
            if let leaving {
                CrashPoint.beforeShimEnd.pass(uid)
                leaving.end()
            }
            CrashPoint.afterShimEnd.pass(uid)
            // A start that was given up may still be making files and a cgroup.
            for preparation in preparations.values { await preparation.value }
            // What could not be removed stays listed, and is tried again: the machine waits for the answer.
            await node.removal.run("sandbox of \(pod.metadata.name)") {
                try node.removeSandbox(of: uid)
                try network?.removeSandbox(of: pod)
                // How the containers of a killed shim ended is heard from nobody, and who hears of an end removes the
                // instance. Absent when nothing of the Pod was ever written down.
                guard let state = try? node.directories.state.directory("pods/\(uid)") else { return }
                try state.removeTree("containers")
            }
            deliver(.sandboxRemoved(attempt: attempt))
        }
    }

    /// The shim is the only other one to know how its containers ended, so it is kept until that is on disk, also when
    /// the disk is full. Of a Pod that is deleted nobody asks any more, and a node that goes down does not wait.
    private func savedOrUnwanted() async {
        do { return try await saved() } catch {
            // The recorder has told why, and tries again.
            if isUnwanted { return }
        }
        await withCheckedContinuation { continuation in
            let waiter = FirstCall { continuation.resume() }
            recorder.whenOnDisk { waiter.call() }
            unwantedWaiters.append { waiter.call() }
        }
    }

    func cleanUp(_ what: PodEffect.CleanUp) {
        let (pod, node) = (pod, node)
        let (recorder, network) = (recorder, network)
        if what == .everything { recorder.stop() }
        Task {
            await detach(pause: nil)
            await node.removal.run("files of \(pod.metadata.name)") {
                // A record can be older than what was done when its agent was killed: of a sandbox that it says is
                // absent, a dead shim's directory and cgroup may be there all the same.
                try node.removeSandbox(of: pod.metadata.uid)
                try network?.removeSandbox(of: pod)
                switch what {
                case .volumes:
                    CrashPoint.beforeVolumesRemoved.pass(pod.metadata.uid)
                    try PodVolumes(pod: pod, directories: node.directories).remove()
                    CrashPoint.afterVolumesRemoved.pass(pod.metadata.uid)
                    try node.directories.podState(pod.metadata.uid).removeTree("containers")
                    CrashPoint.afterWritableLayersRemoved.pass(pod.metadata.uid)
                case .everything:
                    CrashPoint.beforeLogsRemoved.pass(pod.metadata.uid)
                    recorder.flush()
                    // The record goes last: without it the next podagent would not know of the rest.
                    try node.directories.logs().removeTree(NodeDirectories.logName(pod))
                    CrashPoint.afterLogsRemoved.pass(pod.metadata.uid)
                    try node.directories.state.directory("pods").removeTree(pod.metadata.uid)
                    CrashPoint.afterStateRemoved.pass(pod.metadata.uid)
                }
            }
            // Of a Pod that has run to its end only the record is left, and what it printed.
            network?.release(pod)
            deliver(.cleanedUp(what))
        }
    }
}

extension NodeContext {
    /// Kills what is left of a Pod's sandbox and removes its cgroup and its directory; blocks.
    fileprivate func removeSandbox(of uid: String) throws {
        CrashPoint.beforeCgroupRemoved.pass(uid)
        try cgroups.remove(pod: uid)
        CrashPoint.afterCgroupRemoved.pass(uid)
        try directories.run.directory("pods").removeTree(uid)
        CrashPoint.afterRunDirectoryRemoved.pass(uid)
    }
}

/// Two who tell the same: the second is not heard.
@NodeActor
private final class FirstCall {
    private var body: (() -> Void)?

    init(_ body: @escaping () -> Void) { self.body = body }

    func call() {
        let body = body.take()
        body?()
    }
}
