import PodCore

/// A manifest as it was last read.
struct ManifestFile: Sendable {
    /// The whole path.
    var path: String
    /// Its documents, and why it cannot be used if it cannot.
    var content: ParsedManifest
    /// When its content last changed.
    var modifiedAt: Timestamp
    /// Grows with each file that appears: of two files, the one with the lower number was there first. Files that
    /// were already present when the watch began are numbered by their time of modification, then by name.
    var firstSeen: Int
    /// Whether nobody but its owner may read it.
    var isPrivate = true
}

/// What the manifest directory has to say.
enum ManifestChange: Sendable {
    /// A manifest is new, or its content is. `content.problems` says why it cannot be used: what runs from an
    /// earlier version of it goes on.
    case present(ManifestFile)
    /// A file, manifest or not, has left the directory.
    case removed(path: String)
    /// Something in the directory is not a manifest. What ran from a manifest of that name is no longer wanted.
    case ignored(path: String, reason: String)
    /// Everything that was in the directory when it was listed has been delivered: what is not known by now is
    /// not there.
    case listed
    /// The directory is being watched; `warnings` is what its owner ought to change about it.
    case watching(path: String, warnings: [String])
    /// The directory cannot be watched: it does not exist, or no longer. Nothing is removed because of that.
    case unavailable(path: String, reason: String)
}
