/// Whether a file in the manifest directory is a manifest, told by its name alone.
///
/// The kubelet reads every file whose name does not start with a dot, and so takes an editor's backup for a second
/// Pod (kubernetes/kubernetes#136962). Here a manifest has one of three endings; of the other names, those that
/// editors, package managers and careful people give to copies are told apart so that the reason can say so.
public enum ManifestName: Sendable, Equatable {
    case manifest(Format)
    case ignored(reason: String)

    /// The language of a manifest.
    public enum Format: Sendable, Equatable {
        /// JSON with what people write by hand: comments, unquoted keys, trailing commas.
        case json5
        case yaml
    }

    private static let backupEndings = [
        "~", ".bak", ".backup", ".back", ".old", ".orig", ".save", ".rej", ".swp", ".swo", ".swx", ".tmp",
        ".temp",
        ".part", ".new", ".disabled", ".dpkg-old", ".dpkg-new", ".dpkg-dist", ".dpkg-tmp", ".dpkg-bak",
        ".dpkg-remove", ".ucf-old", ".ucf-new", ".ucf-dist", ".rpmsave", ".rpmorig", ".rpmnew", ".pacnew",
        ".pacsave", ".cfsaved",
    ]

    /// Judges a file name (without any directory).
    public init(_ name: String) {
        let lowered = name.lowercased()
        if name.unicodeScalars.contains("\u{FFFD}") {
            // What was not UTF-8 has been repaired on the way here, and no longer names the file.
            self = .ignored(reason: "the name is not UTF-8")
        } else if name.hasPrefix(".") {
            self = .ignored(reason: "names that begin with a dot are not manifests")
        } else if name.hasPrefix("#") || name.hasSuffix("#") {
            self = .ignored(reason: "an editor's unsaved copy")
        } else if let ending = Self.backupEndings.first(where: { lowered.hasSuffix($0) }) {
            self = .ignored(reason: "a backup or temporary copy (\(ending))")
        } else if name.hasSuffix(".json") {
            self = .manifest(.json5)
        } else if name.hasSuffix(".yaml") || name.hasSuffix(".yml") {
            self = .manifest(.yaml)
        } else {
            self = .ignored(reason: "not named .json, .yaml or .yml")
        }
    }
}
