/// What an image says of how to run it. Everything here is data from a stranger: the Pod's own fields come first,
/// and nothing in it steers the agent.
public struct ImageConfig: Hashable, Sendable {
    /// `ENTRYPOINT`: the program and its first arguments.
    public var entrypoint: [String]
    /// `CMD`: further arguments, or the program when there is no entrypoint.
    public var cmd: [String]
    /// `ENV`, each `NAME=value`, in the image's order.
    public var env: [String]
    /// `WORKDIR`; empty means `/`.
    public var workingDir: String
    /// `USER`: `name`, `uid`, `name:group` or `uid:gid`; empty means root. ``AccountFiles`` reads it.
    public var user: String
    /// `STOPSIGNAL`, by name or number; empty means SIGTERM.
    public var stopSignal: String
    /// `LABEL`s. Shown, never obeyed.
    public var labels: [String: String]

    /// A config; without arguments, that of a `rootfs:` directory, which has none.
    public init(
        entrypoint: [String] = [],
        cmd: [String] = [],
        env: [String] = [],
        workingDir: String = "",
        user: String = "",
        stopSignal: String = "",
        labels: [String: String] = [:]
    ) {
        self.entrypoint = entrypoint
        self.cmd = cmd
        self.env = env
        self.workingDir = workingDir
        self.user = user
        self.stopSignal = stopSignal
        self.labels = labels
    }

    /// Refuses strings that execve(2) would cut short at a NUL and so read otherwise than whoever checked them.
    func validate() throws(ImageDocumentFailure) {
        let members = [
            ("Entrypoint", entrypoint), ("Cmd", cmd), ("Env", env), ("WorkingDir", [workingDir]),
            ("User", [user]), ("StopSignal", [stopSignal]),
        ]
        for (member, values) in members where values.contains(where: { $0.utf8.contains(0) }) {
            throw .nul(member: member)
        }
    }
}

/// The whole of an image's config blob that matters: the config proper, the layers it stands on, and for whom.
public struct ImageConfiguration: Hashable, Sendable {
    /// How to run it.
    public let config: ImageConfig
    /// For which machines; nil when the image does not say.
    public let platform: Platform?
    /// When it was made, if it says so.
    public let created: Timestamp?
    /// The digests of the unpacked layers, lowest first.
    public let diffIDs: [Digest]

    /// Validates what was read from a config blob.
    ///
    /// - Parameters:
    ///   - rootType: `rootfs.type`, which must be `layers`.
    ///   - diffIDs: `rootfs.diff_ids`, as many as the manifest has layers.
    public init(
        config: ImageConfig,
        platform: Platform?,
        created: Timestamp?,
        rootType: String?,
        diffIDs: [String]?
    ) throws(ImageDocumentFailure) {
        guard rootType == "layers", let diffIDs else { throw .missing("rootfs with layers") }
        try config.validate()
        self.config = config
        self.platform = platform
        self.created = created
        var digests: [Digest] = []
        for text in diffIDs {
            do {
                digests.append(try Digest(parsing: text))
            } catch {
                throw .digest(text, error)
            }
        }
        self.diffIDs = digests
    }

    /// Checks that the image has this many layers and that `host` can run it.
    public func check(layers: Int, host: Platform) throws(ImageDocumentFailure) {
        guard layers == diffIDs.count else { throw .layerCount(layers: layers, diffIDs: diffIDs.count) }
        guard let platform else { return }
        guard host.distance(to: platform) != nil else { throw .platform(platform, host: host) }
    }

    /// The directories to stack, highest first, each once.
    ///
    /// An image may list a layer twice; overlayfs refuses that. Only the higher of the two counts, because whatever
    /// the lower one shows or hides, the higher one shows and hides again.
    public var stackedDiffIDs: [Digest] {
        var seen: Set<Digest> = []
        return diffIDs.reversed().filter { seen.insert($0).inserted }
    }
}
