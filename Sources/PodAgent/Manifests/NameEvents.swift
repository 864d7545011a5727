import Glibc
import PodCore

/// What a batch of inotify events comes to for one name in a directory: only the last thing counts.
enum NameEvent: Equatable {
    /// The name has a file; how sure it is that the file is complete.
    case touched(ManifestReader.Trigger)
    /// The name is gone; `newName` if the file got another one in the same directory.
    case departed(newName: String?)

    /// How sure it is that a file found under the name is complete.
    var trigger: ManifestReader.Trigger {
        if case .touched(let trigger) = self { trigger } else { .uncertain }
    }

    /// Whether the file now has another name that makes it a manifest.
    var isRenaming: Bool {
        if case .departed(let newName?) = self, case .manifest = ManifestName(newName) { true } else { false }
    }

    /// Folds events into one per name.
    static func fold(_ events: [Inotify.Event]) -> [String: NameEvent] {
        var arrivals: [UInt32: String] = [:]
        for event in events where event.has(IN_MOVED_TO) { arrivals[event.cookie] = event.name }
        var result: [String: NameEvent] = [:]
        for event in events {
            if event.has(IN_DELETE | IN_MOVED_FROM) {
                let newName = event.has(IN_MOVED_FROM) ? arrivals[event.cookie] : nil
                result[event.name] = .departed(newName: newName)
            } else if event.has(IN_CLOSE_WRITE | IN_MOVED_TO) {
                result[event.name] = .touched(.complete)
            } else if result[event.name] != .touched(.complete) {
                result[event.name] = .touched(.uncertain)
            }
        }
        return result
    }
}
