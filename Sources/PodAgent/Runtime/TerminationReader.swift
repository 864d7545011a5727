import Glibc
import PodCore

/// Reads what ended containers of a Pod have left as their last words. Blocks on the disk, so it belongs on a worker, but
/// waits for nobody: the file is the container's, and may be as long, as sparse or as short-lived as that likes.
struct TerminationReader: Sendable {
    /// In the directory of the instance.
    static let fileName = "termination-log"
    /// So much of a log is looked at. 80 lines of 2,048 bytes between them are a fourth of that, times and streams
    /// included, and the longest line that podshim writes is half of it.
    private static let logBytes = 32_768

    let pod: Pod
    let directories: NodeDirectories

    /// An instance that has ended.
    struct End: Sendable {
        var run: RunID
        var instance: ContainerInstance
        var exitCode: Int32
        /// Whether its program was ever executed.
        var hasRun: Bool
    }

    /// By the number of the process; none for those that have left nothing.
    func messages(of ends: [End]) -> [RunID: String] {
        Dictionary(ends.map { ($0.run, message(of: $0)) }) { first, _ in first }
    }

    private func message(of end: End) -> String {
        guard let container = pod.spec.container(end.instance.container) else { return "" }
        do throws(SystemFailure) {
            let file = try fileEnd(end.instance)
            let policy = container.terminationMessagePolicy
            guard end.hasRun, TerminationMessage.fallsBack(policy, file: file, exitCode: end.exitCode) else {
                return TerminationMessage.text(file: file)
            }
            let (log, isWhole) = try logEnd(end.instance)
            return TerminationMessage.text(log: log, isWhole: isWhole)
        } catch {
            // The end itself is told all the same.
            Log.warning(
                "the last words of \(end.instance) of Pod \(pod.metadata.name) cannot be read: \(error)"
            )
            return ""
        }
    }

    private func fileEnd(_ instance: ContainerInstance) throws(SystemFailure) -> [UInt8] {
        do {
            let path = "pods/\(pod.metadata.uid)/containers/\(instance)"
            let directory = try directories.state.directory(path, resolution: .beneathWithoutLinks)
            return try LogFile(Self.fileName, in: directory)?.end(TerminationMessage.fileLimit).bytes ?? []
        } catch  where error.errno == ENOENT {
            // Recorded and removed before, and told again; or made by a version that knew of no such file.
            return []
        }
    }

    /// The end of the newest file and, just after a rotation, of the one before.
    private func logEnd(_ instance: ContainerInstance) throws(SystemFailure) -> (
        bytes: [UInt8], isWhole: Bool
    ) {
        let path = "\(NodeDirectories.logName(pod))/\(instance.container)"
        let directory: RootedDirectory
        do {
            directory = try directories.logs().directory(path, resolution: .beneathWithoutLinks)
        } catch  where error.errno == ENOENT {
            // Somebody has removed it.
            return ([], true)
        }
        var bytes: [UInt8] = []
        var isWhole = true
        for file in try LogFileSet(of: instance.restartCount, in: directory).files.reversed() where isWhole {
            let end = try file.end(Self.logBytes - bytes.count)
            bytes = end.bytes + bytes
            isWhole = end.isWhole
            if bytes.count >= Self.logBytes { return (bytes, isWhole) }
        }
        return (bytes, isWhole)
    }
}

extension LogFile {
    /// The last bytes of the file as it is now, at most `limit`, and whether that is all of it.
    fileprivate func end(_ limit: Int) throws(SystemFailure) -> (bytes: [UInt8], isWhole: Bool) {
        let size = try size()
        let start = max(0, size - Int64(limit))
        // It may have become shorter since, or longer: then this is what was its end.
        return (try read(at: start, count: min(limit, Int(size - start))), start == 0)
    }
}
