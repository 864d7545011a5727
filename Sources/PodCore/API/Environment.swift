/// An environment variable.
public struct EnvVar: APIObject {
    /// The name.
    public var name = ""
    /// The value, in which `$(VAR)` is expanded.
    public var value = ""
    /// Where the value comes from, if it is not written here.
    public var valueFrom: EnvVarSource?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<EnvVar>([
        .field("name", \.name, always: true),
        .field("value", \.value),
        .field("valueFrom", \.valueFrom),
    ])
}

/// Where the value of an environment variable comes from; one of these.
public struct EnvVarSource: APIObject {
    /// A key of a ConfigMap.
    public var configMapKeyRef: KeySelector?
    /// A field of the Pod.
    public var fieldRef: ObjectFieldSelector?
    /// A key of a file in an emptyDir.
    public var fileKeyRef: FileKeySelector?
    /// A resource of a container.
    public var resourceFieldRef: ResourceFieldSelector?
    /// A key of a Secret.
    public var secretKeyRef: KeySelector?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<EnvVarSource>([
        .field("configMapKeyRef", \.configMapKeyRef, .notYet("configuration")),
        .field("fieldRef", \.fieldRef),
        .field("fileKeyRef", \.fileKeyRef, .notYet("configuration")),
        .field("resourceFieldRef", \.resourceFieldRef, .notYet("configuration")),
        .field("secretKeyRef", \.secretKeyRef, .notYet("configuration")),
    ])
}

/// A key of a ConfigMap or Secret.
public struct KeySelector: APIObject {
    /// The key.
    public var key = ""
    /// The object.
    public var name = ""
    /// Whether it may be missing.
    public var optional: Bool?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<KeySelector>([
        .field("key", \.key, always: true),
        .field("name", \.name),
        .field("optional", \.optional),
    ])
}

/// A field of the Pod.
public struct ObjectFieldSelector: APIObject {
    /// The version in which the path is written.
    public var apiVersion = "v1"
    /// The path of the field.
    public var fieldPath = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ObjectFieldSelector>([
        .field("apiVersion", \.apiVersion),
        .field(
            "fieldPath",
            \.fieldPath,
            .partly(
                "in the environment: metadata.name, metadata.namespace, metadata.uid, metadata.labels['key'], metadata.annotations['key'], spec.nodeName, status.podIP, status.podIPs, status.hostIP and status.hostIPs"
            ),
            always: true
        ),
    ])
}

/// A key of a file of environment variables.
public struct FileKeySelector: APIObject {
    /// The key.
    public var key = ""
    /// Whether file or key may be missing.
    public var optional: Bool?
    /// The file, relative to the volume's root.
    public var path = ""
    /// The volume, an emptyDir.
    public var volumeName = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<FileKeySelector>([
        .field("key", \.key, always: true),
        .field("optional", \.optional),
        .field("path", \.path, always: true),
        .field("volumeName", \.volumeName, always: true),
    ])
}

/// A resource of a container.
public struct ResourceFieldSelector: APIObject {
    /// The container; the one that asks when empty.
    public var containerName = ""
    /// What the amount is divided by; 0 counts as 1.
    public var divisor = Quantity()
    /// `limits.cpu` and so on.
    public var resource = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ResourceFieldSelector>([
        .field("containerName", \.containerName),
        .field("divisor", \.divisor),
        .field("resource", \.resource, always: true),
    ])
}

/// A ConfigMap or Secret all of whose keys become environment variables.
public struct EnvFromSource: APIObject {
    /// The ConfigMap.
    public var configMapRef: EnvFromReference?
    /// Put before every name.
    public var prefix = ""
    /// The Secret.
    public var secretRef: EnvFromReference?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<EnvFromSource>([
        .field("configMapRef", \.configMapRef),
        .field("prefix", \.prefix),
        .field("secretRef", \.secretRef),
    ])
}

/// A ConfigMap or Secret by name.
public struct EnvFromReference: APIObject {
    /// The object.
    public var name = ""
    /// Whether it may be missing.
    public var optional: Bool?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<EnvFromReference>([
        .field("name", \.name),
        .field("optional", \.optional),
    ])
}
