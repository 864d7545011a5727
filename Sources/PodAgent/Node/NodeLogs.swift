import PodCore

extension Node {
    /// Where the log of one instance of a container is, and when it ends.
    func logSource(_ worker: PodWorker, _ target: LogTarget) throws(StatusFailure) -> LogSource {
        let subject = "container \"\(target.container)\" in pod \"\(worker.pod.metadata.name)\""
        guard let instance = worker.instance(target) else { throw .badRequest("\(subject) is not available") }
        let directory: RootedDirectory
        do {
            let path = "\(NodeDirectories.logName(worker.pod))/\(target.container)"
            directory = try context.directories.logs().directory(path, resolution: .beneathWithoutLinks)
        } catch {
            throw .badRequest("the log of \(subject) is not there: \(errnoText(error.errno))")
        }
        let (stream, end) = AsyncStream.makeStream(of: Never.self)
        if instance.isLive { worker.whenEnded(instance.run) { end.finish() } } else { end.finish() }
        return LogSource(directory: directory, restartCount: instance.restartCount, end: stream)
    }
}

extension PodWorker {
    /// An instance of a container, by the ID that the status shows for it.
    fileprivate func instance(_ target: LogTarget) -> (run: RunID, restartCount: Int, isLive: Bool)? {
        guard let record = machine.containers.first(where: { $0.name == target.container }) else {
            return nil
        }
        func isMeant(_ run: RunID) -> Bool { ContainerID.text(pod, run) == target.containerID }
        if let run = record.liveRun, isMeant(run) { return (run, record.restartCount, true) }
        var ends = [record.lastTermination].compactMap { $0 }
        if case .ended(let end) = record.state { ends.append(end) }
        return ends.first { isMeant($0.run) }.map { ($0.run, $0.restartCount, false) }
    }
}
