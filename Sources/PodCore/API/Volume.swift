/// A volume of a Pod: a name and one source.
public struct Volume: APIObject {
    /// A disk of a cloud.
    public var awsElasticBlockStore: RawObject?
    /// A disk of a cloud.
    public var azureDisk: RawObject?
    /// A share of a cloud.
    public var azureFile: RawObject?
    /// A Ceph file system.
    public var cephfs: RawObject?
    /// A disk of OpenStack.
    public var cinder: RawObject?
    /// The keys of a ConfigMap as files.
    public var configMap: ConfigMapVolumeSource?
    /// A volume of a CSI driver.
    public var csi: RawObject?
    /// Fields of the Pod as files.
    public var downwardAPI: DownwardAPIVolumeSource?
    /// An empty directory that lives as long as the Pod.
    public var emptyDir: EmptyDirVolumeSource?
    /// A claim that lives as long as the Pod.
    public var ephemeral: RawObject?
    /// A Fibre Channel disk.
    public var fc: RawObject?
    /// A volume of a FlexVolume plugin.
    public var flexVolume: RawObject?
    /// A Flocker data set.
    public var flocker: RawObject?
    /// A disk of a cloud.
    public var gcePersistentDisk: RawObject?
    /// A checkout of a repository.
    public var gitRepo: RawObject?
    /// A Gluster volume.
    public var glusterfs: RawObject?
    /// A file or directory of the node.
    public var hostPath: HostPathVolumeSource?
    /// The files of an image.
    public var image: ImageVolumeSource?
    /// An iSCSI disk.
    public var iscsi: RawObject?
    /// The name, unique in the Pod.
    public var name = ""
    /// An NFS export.
    public var nfs: NFSVolumeSource?
    /// A claim.
    public var persistentVolumeClaim: PersistentVolumeClaimVolumeSource?
    /// A disk of a cloud.
    public var photonPersistentDisk: RawObject?
    /// A Portworx volume.
    public var portworxVolume: RawObject?
    /// Several sources in one directory.
    public var projected: ProjectedVolumeSource?
    /// A Quobyte volume.
    public var quobyte: RawObject?
    /// A Ceph block device.
    public var rbd: RawObject?
    /// A ScaleIO volume.
    public var scaleIO: RawObject?
    /// The keys of a Secret as files.
    public var secret: SecretVolumeSource?
    /// A StorageOS volume.
    public var storageos: RawObject?
    /// A vSphere disk.
    public var vsphereVolume: RawObject?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<Volume>([
        .field("awsElasticBlockStore", \.awsElasticBlockStore, .refused(needsDriver)),
        .field("azureDisk", \.azureDisk, .refused(needsDriver)),
        .field(
            "azureFile",
            \.azureFile,
            .refused("static pods may not reference secrets (via azureFile volumes)")
        ),
        .field("cephfs", \.cephfs, .refused(needsDriver)),
        .field("cinder", \.cinder, .refused(needsDriver)),
        .field("configMap", \.configMap, .notYet("configuration")),
        .field("csi", \.csi, .refused("static pods may not reference csidrivers (via CSI volumes)")),
        .field("downwardAPI", \.downwardAPI, .notYet("configuration")),
        .field("emptyDir", \.emptyDir),
        .field(
            "ephemeral",
            \.ephemeral,
            .refused("static pods may not reference persistentvolumeclaims (via ephemeral volumes)")
        ),
        .field("fc", \.fc, .refused(needsDriver)),
        .field("flexVolume", \.flexVolume, .refused(needsDriver)),
        .field("flocker", \.flocker, .refused(needsDriver)),
        .field("gcePersistentDisk", \.gcePersistentDisk, .refused(needsDriver)),
        .field(
            "gitRepo",
            \.gitRepo,
            .refused("removed from Kubernetes; clone the repository in an init container instead")
        ),
        .field(
            "glusterfs",
            \.glusterfs,
            .refused("static pods may not reference endpoints (via glusterFS volumes)")
        ),
        .field("hostPath", \.hostPath),
        .field("image", \.image, .notYet("configuration")),
        .field("iscsi", \.iscsi, .refused(needsDriver)),
        .field("name", \.name, always: true),
        .field("nfs", \.nfs, .refused(needsDriver)),
        .field(
            "persistentVolumeClaim",
            \.persistentVolumeClaim,
            .refused("static pods may not reference persistentvolumeclaims")
        ),
        .field("photonPersistentDisk", \.photonPersistentDisk, .refused(needsDriver)),
        .field("portworxVolume", \.portworxVolume, .refused(needsDriver)),
        .field("projected", \.projected, .notYet("configuration")),
        .field("quobyte", \.quobyte, .refused(needsDriver)),
        .field("rbd", \.rbd, .refused(needsDriver)),
        .field("scaleIO", \.scaleIO, .refused(needsDriver)),
        .field("secret", \.secret, .notYet("configuration")),
        .field("storageos", \.storageos, .refused(needsDriver)),
        .field("vsphereVolume", \.vsphereVolume, .refused(needsDriver)),
    ])
}

/// Why a volume that lives elsewhere is refused, and what to do instead.
private let needsDriver = "podagent has no driver for it; mount it on the node and use hostPath"
