import Glibc
import PodCore

/// Which images the Pods need that an agent has left records of, for whoever works on its state directory while no agent
/// runs: the Pods may.
extension ImageUses {
    /// Adds what the records in the state directory say.
    ///
    /// - Throws: when there is a record that cannot be read: nobody could say what it needs.
    func name(recordedIn state: RootedDirectory) throws(SystemFailure) {
        let pods: RootedDirectory
        do throws(SystemFailure) {
            pods = try state.directory("pods", resolution: .beneathWithoutLinks)
        } catch  where error.errno == ENOENT {
            return
        }
        for uid in try pods.entries() where !uid.hasPrefix(Leftovers.unreadable) {
            let directory = try pods.directory(uid, resolution: .beneathWithoutLinks)
            // One that has not been recorded yet runs nothing yet.
            guard try directory.kind(of: FileName(PodFile.name)) != .absent else { continue }
            guard let pod = try? PodFile.read(from: directory) else {
                let file = "\(directory.name)/\(PodFile.name)"
                throw SystemFailure(call: "read", subject: file, errno: EBADMSG)
            }
            let facts = try? PodRecordFile.read(from: directory).facts
            var needed = pod.spec.imageReferences
            // Without this record it is known what the Pod names, though not whether the names have moved on since.
            for fact in facts?.values.compactMap(\.storedImage) ?? [] { needed.insert(fact) }
            name(needed, by: .pod(PodKey(pod)))
        }
    }
}
