/// Where a Pod came from.
public enum ManifestSource: Sendable, Hashable {
    /// A file of the manifest directory, by its path.
    case file(String)
    /// A request on the socket.
    case api

    /// The value of the annotation `kubernetes.io/config.source`.
    var annotation: String {
        switch self {
        case .file: "file"
        case .api: "api"
        }
    }
}

/// The annotations with which the kubelet marks where a Pod came from.
public enum PodAnnotation {
    /// The UID, which stands for the content of the manifest.
    public static let configHash = "kubernetes.io/config.hash"
    /// `file` or `api`.
    public static let configSource = "kubernetes.io/config.source"
    /// When the Pod was first seen, RFC 3339 with nanoseconds.
    public static let configSeen = "kubernetes.io/config.seen"
}

/// Gives Pods their names, UIDs and annotations, as the kubelet does for the Pods of its sources.
///
/// A Pod from a file gets the node's name behind its own, because every node of a cluster may have the same file.
/// A Pod made over the socket keeps its name, as one made over Kubernetes' API does.
struct PodIdentity {
    let nodeName: String
    let source: ManifestSource
    let seenAt: Timestamp

    /// Marks a Pod whose defaults have been filled in.
    func apply(to pod: inout Pod, from document: Document) {
        var meta = pod.metadata
        // Never the manifest's own: it names directories and cgroups, and must be no other Pod's.
        meta.uid = uid(of: document)
        if meta.namespace.isEmpty { meta.namespace = "default" }
        meta.creationTimestamp = seenAt.truncatedToSeconds
        meta.annotations[PodAnnotation.configSource] = source.annotation
        meta.annotations[PodAnnotation.configSeen] = seenAt.rfc3339Nano
        if case .file = source {
            if !meta.name.isEmpty { meta.name = Self.staticName(meta.name, on: nodeName) }
            meta.annotations[PodAnnotation.configHash] = meta.uid
            var toleration = Toleration()
            toleration.operator = .exists
            toleration.effect = .noExecute
            pod.spec.tolerations.append(toleration)
        }
        // Kept by podagent itself from here on, whatever a dump of another Pod brought along.
        meta.deletionTimestamp = nil
        meta.deletionGracePeriodSeconds = nil
        meta.resourceVersion = ""
        meta.generation = 0
        meta.selfLink = ""
        meta.managedFields = []
        pod.metadata = meta
        pod.spec.nodeName = nodeName
        pod.status = PodStatus()
        pod.status.qosClass = PodQOSClass(of: pod.spec)
    }

    /// The name under which a Pod from a file is known: `web` on `node1` is `web-node1`.
    static func staticName(_ name: String, on nodeName: String) -> String {
        "\(name)-\(nodeName.lowercased())"
    }

    /// 32 hexadecimal digits that stand for the content of the manifest and the node.
    ///
    /// What is hashed is the document as written, without its layout, and not the Pod with its defaults: a version
    /// of podagent that knows more fields or other defaults must not take every Pod for a new one. Other than in
    /// the kubelet the file's path does not count, so that renaming a file does not restart its Pod. A Pod made
    /// over the socket is a new one each time it is made, so there the time counts.
    private func uid(of document: Document) -> String {
        var hash = FNV1a128()
        hash.combine(document.canonical(without: "status").json())
        hash.combine("host:" + nodeName)
        if case .api = source { hash.combine("created:" + seenAt.rfc3339Nano) }
        return hash.hexadecimal
    }
}

extension Document {
    /// The same value without what does not matter: the order of keys, values that are null and, at the top, the
    /// field `omitted`. Of a repeated key the last value counts.
    fileprivate func canonical(without omitted: String? = nil) -> Document {
        switch value {
        case .list(let items): return Document(.list(items.map { $0.canonical() }))
        case .map(let entries):
            let last = Dictionary(entries.map { ($0.key, $0.value) }, uniquingKeysWith: { _, later in later })
            let kept = last.filter { !$0.value.isNull && $0.key != omitted }.sorted { $0.key < $1.key }
            return Document(.map(kept.map { Entry($0.key, $0.value.canonical()) }))
        default: return Document(value)
        }
    }
}
