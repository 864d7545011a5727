/// Several sources in one directory.
public struct ProjectedVolumeSource: APIObject {
    /// The files' mode.
    public var defaultMode: Int32 = 0o644
    /// The sources.
    public var sources: [VolumeProjection] = []

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ProjectedVolumeSource>([
        .field("defaultMode", \.defaultMode, always: true),
        .field("sources", \.sources),
    ])
}

/// One source of a projected volume.
public struct VolumeProjection: APIObject {
    /// Certificates of authorities.
    public var clusterTrustBundle: ClusterTrustBundleProjection?
    /// The keys of a ConfigMap.
    public var configMap: ConfigMapProjection?
    /// Fields of the Pod.
    public var downwardAPI: DownwardAPIProjection?
    /// A certificate for the Pod.
    public var podCertificate: PodCertificateProjection?
    /// The keys of a Secret.
    public var secret: SecretProjection?
    /// A token of the service account.
    public var serviceAccountToken: ServiceAccountTokenProjection?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<VolumeProjection>([
        .field(
            "clusterTrustBundle",
            \.clusterTrustBundle,
            .refused("static pods may not reference clustertrustbundles")
        ),
        .field("configMap", \.configMap),
        .field("downwardAPI", \.downwardAPI),
        .field("podCertificate", \.podCertificate, .refused("static pods may not reference podcertificates")),
        .field("secret", \.secret),
        .field(
            "serviceAccountToken",
            \.serviceAccountToken,
            .refused("static pods may not reference serviceaccounts (via projected volumes)")
        ),
    ])
}

/// The keys of a ConfigMap in a projected volume.
public struct ConfigMapProjection: APIObject {
    /// Which keys; all when empty.
    public var items: [KeyToPath] = []
    /// The ConfigMap.
    public var name = ""
    /// Whether it may be missing.
    public var optional: Bool?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ConfigMapProjection>([
        .field("items", \.items),
        .field("name", \.name),
        .field("optional", \.optional),
    ])
}

/// The keys of a Secret in a projected volume.
public struct SecretProjection: APIObject {
    /// Which keys; all when empty.
    public var items: [KeyToPath] = []
    /// The Secret.
    public var name = ""
    /// Whether it may be missing.
    public var optional: Bool?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<SecretProjection>([
        .field("items", \.items),
        .field("name", \.name),
        .field("optional", \.optional),
    ])
}

/// Fields of the Pod in a projected volume.
public struct DownwardAPIProjection: APIObject {
    /// The files.
    public var items: [DownwardAPIVolumeFile] = []

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<DownwardAPIProjection>([
        .field("items", \.items)
    ])
}

/// A token of the service account in a projected volume.
public struct ServiceAccountTokenProjection: APIObject {
    /// Whom the token is for.
    public var audience = ""
    /// How long the token is valid.
    public var expirationSeconds: Int64 = 3600
    /// The path, relative to the volume's root.
    public var path = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ServiceAccountTokenProjection>([
        .field("audience", \.audience),
        .field("expirationSeconds", \.expirationSeconds, always: true),
        .field("path", \.path, always: true),
    ])
}

/// Certificates of authorities in a projected volume.
public struct ClusterTrustBundleProjection: APIObject {
    /// The bundles by label.
    public var labelSelector: LabelSelector?
    /// The bundle by name.
    public var name: String?
    /// Whether they may be missing.
    public var optional: Bool?
    /// The path, relative to the volume's root.
    public var path = ""
    /// The bundles by signer.
    public var signerName: String?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ClusterTrustBundleProjection>([
        .field("labelSelector", \.labelSelector),
        .field("name", \.name),
        .field("optional", \.optional),
        .field("path", \.path, always: true),
        .field("signerName", \.signerName),
    ])
}

/// A certificate for the Pod in a projected volume.
public struct PodCertificateProjection: APIObject {
    /// The path of the chain.
    public var certificateChainPath = ""
    /// The path of key and chain in one.
    public var credentialBundlePath = ""
    /// The path of the key.
    public var keyPath = ""
    /// The type of the key.
    public var keyType = ""
    /// How long it may be valid.
    public var maxExpirationSeconds: Int32?
    /// Who signs.
    public var signerName = ""
    /// Notes for the signer.
    public var userAnnotations: [String: String] = [:]

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PodCertificateProjection>([
        .field("certificateChainPath", \.certificateChainPath),
        .field("credentialBundlePath", \.credentialBundlePath),
        .field("keyPath", \.keyPath),
        .field("keyType", \.keyType, always: true),
        .field("maxExpirationSeconds", \.maxExpirationSeconds),
        .field("signerName", \.signerName, always: true),
        .field("userAnnotations", \.userAnnotations),
    ])
}
