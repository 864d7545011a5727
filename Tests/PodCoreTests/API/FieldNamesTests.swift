import PodCore
import Testing

/// The field names of Kubernetes 1.36, as its OpenAPI document has them, against those of the field tables.
@Suite struct FieldNamesTests {
    /// Every type that a Pod, an Event, a Status or a list can contain, save those kept as they came.
    static let published: [String: String] = [
        "Affinity": "nodeAffinity podAffinity podAntiAffinity",
        "AppArmorProfile": "localhostProfile type",
        "Capabilities": "add drop",
        "ClusterTrustBundleProjection": "labelSelector name optional path signerName",
        "ConfigMapProjection": "items name optional",
        "ConfigMapVolumeSource": "defaultMode items name optional",
        "Container":
            "args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe resizePolicy resources restartPolicy restartPolicyRules securityContext startupProbe stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir",
        "ContainerPort": "containerPort hostIP hostPort name protocol",
        "ContainerResizePolicy": "resourceName restartPolicy",
        "ContainerRestartRule": "action exitCodes",
        "ContainerRestartRuleOnExitCodes": "operator values",
        "ContainerStateRunning": "startedAt",
        "ContainerStateTerminated": "containerID exitCode finishedAt message reason signal startedAt",
        "ContainerStateWaiting": "message reason",
        "ContainerStatus":
            "allocatedResources allocatedResourcesStatus containerID image imageID lastState name ready resources restartCount started state stopSignal user volumeMounts",
        "ContainerUser": "linux",
        "DownwardAPIProjection": "items",
        "DownwardAPIVolumeFile": "fieldRef mode path resourceFieldRef",
        "DownwardAPIVolumeSource": "defaultMode items",
        "EmptyDirVolumeSource": "medium sizeLimit",
        "EnvFromReference": "name optional",
        "EnvFromSource": "configMapRef prefix secretRef",
        "EnvVar": "name value valueFrom",
        "EnvVarSource": "configMapKeyRef fieldRef fileKeyRef resourceFieldRef secretKeyRef",
        "EphemeralContainer":
            "args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe resizePolicy resources restartPolicy restartPolicyRules securityContext startupProbe stdin stdinOnce targetContainerName terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir",
        "Event":
            "action apiVersion count eventTime firstTimestamp involvedObject kind lastTimestamp message metadata reason related reportingComponent reportingInstance series source type",
        "EventSeries": "count lastObservedTime",
        "EventSource": "component host",
        "ExecAction": "command",
        "Fields": "running terminated waiting",
        "FileKeySelector": "key optional path volumeName",
        "GRPCAction": "port service",
        "HTTPGetAction": "host httpHeaders path port scheme",
        "HTTPHeader": "name value",
        "HostAlias": "hostnames ip",
        "HostIP": "ip",
        "HostPathVolumeSource": "path type",
        "ImageVolumeSource": "pullPolicy reference",
        "KeySelector": "key name optional",
        "KeyToPath": "key mode path",
        "LabelSelector": "matchExpressions matchLabels",
        "LabelSelectorRequirement": "key operator values",
        "Lifecycle": "postStart preStop stopSignal",
        "LifecycleHandler": "exec httpGet sleep tcpSocket",
        "LinuxContainerUser": "gid supplementalGroups uid",
        "ListMeta": "continue remainingItemCount resourceVersion selfLink shardInfo",
        "LocalObjectReference": "name",
        "NFSVolumeSource": "path readOnly server",
        "NodeAffinity":
            "preferredDuringSchedulingIgnoredDuringExecution requiredDuringSchedulingIgnoredDuringExecution",
        "NodeSelector": "nodeSelectorTerms",
        "NodeSelectorRequirement": "key operator values",
        "NodeSelectorTerm": "matchExpressions matchFields",
        "ObjectFieldSelector": "apiVersion fieldPath",
        "ObjectMeta":
            "annotations creationTimestamp deletionGracePeriodSeconds deletionTimestamp finalizers generateName generation labels managedFields name namespace ownerReferences resourceVersion selfLink uid",
        "ObjectReference": "apiVersion fieldPath kind name namespace resourceVersion uid",
        "OwnerReference": "apiVersion blockOwnerDeletion controller kind name uid",
        "PersistentVolumeClaimVolumeSource": "claimName readOnly",
        "Pod": "apiVersion kind metadata spec status",
        "PodAffinity":
            "preferredDuringSchedulingIgnoredDuringExecution requiredDuringSchedulingIgnoredDuringExecution",
        "PodAffinityTerm":
            "labelSelector matchLabelKeys mismatchLabelKeys namespaceSelector namespaces topologyKey",
        "PodCertificateProjection":
            "certificateChainPath credentialBundlePath keyPath keyType maxExpirationSeconds signerName userAnnotations",
        "PodCondition": "lastProbeTime lastTransitionTime message observedGeneration reason status type",
        "PodDNSConfig": "nameservers options searches",
        "PodDNSConfigOption": "name value",
        "PodIP": "ip",
        "PodOS": "name",
        "PodReadinessGate": "conditionType",
        "PodResourceClaim": "name resourceClaimName resourceClaimTemplateName",
        "PodSchedulingGate": "name",
        "PodSchedulingGroup": "podGroupName",
        "PodSecurityContext":
            "appArmorProfile fsGroup fsGroupChangePolicy runAsGroup runAsNonRoot runAsUser seLinuxChangePolicy seLinuxOptions seccompProfile supplementalGroups supplementalGroupsPolicy sysctls windowsOptions",
        "PodSpec":
            "activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy enableServiceLinks ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname hostnameOverride imagePullSecrets initContainers nodeName nodeSelector os overhead preemptionPolicy priority priorityClassName readinessGates resourceClaims resources restartPolicy runtimeClassName schedulerName schedulingGates schedulingGroup securityContext serviceAccount serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain terminationGracePeriodSeconds tolerations topologySpreadConstraints volumes",
        "PodStatus":
            "allocatedResources conditions containerStatuses ephemeralContainerStatuses extendedResourceClaimStatus hostIP hostIPs initContainerStatuses message nodeAllocatableResourceClaimStatuses nominatedNodeName observedGeneration phase podIP podIPs qosClass reason resize resourceClaimStatuses resources startTime",
        "PreferredSchedulingTerm": "preference weight",
        "Probe":
            "exec failureThreshold grpc httpGet initialDelaySeconds periodSeconds successThreshold tcpSocket terminationGracePeriodSeconds timeoutSeconds",
        "ProjectedVolumeSource": "defaultMode sources",
        "ResourceClaim": "name request",
        "ResourceFieldSelector": "containerName divisor resource",
        "ResourceRequirements": "claims limits requests",
        "SELinuxOptions": "level role type user",
        "SeccompProfile": "localhostProfile type",
        "SecretProjection": "items name optional",
        "SecretVolumeSource": "defaultMode items optional secretName",
        "SecurityContext":
            "allowPrivilegeEscalation appArmorProfile capabilities privileged procMount readOnlyRootFilesystem runAsGroup runAsNonRoot runAsUser seLinuxOptions seccompProfile windowsOptions",
        "ServiceAccountTokenProjection": "audience expirationSeconds path",
        "SleepAction": "seconds",
        "Status": "apiVersion code details kind message metadata reason status",
        "StatusCause": "field message reason",
        "StatusDetails": "causes group kind name retryAfterSeconds uid",
        "Sysctl": "name value",
        "TCPSocketAction": "host port",
        "Toleration": "effect key operator tolerationSeconds value",
        "TopologySpreadConstraint":
            "labelSelector matchLabelKeys maxSkew minDomains nodeAffinityPolicy nodeTaintsPolicy topologyKey whenUnsatisfiable",
        "Volume":
            "awsElasticBlockStore azureDisk azureFile cephfs cinder configMap csi downwardAPI emptyDir ephemeral fc flexVolume flocker gcePersistentDisk gitRepo glusterfs hostPath image iscsi name nfs persistentVolumeClaim photonPersistentDisk portworxVolume projected quobyte rbd scaleIO secret storageos vsphereVolume",
        "VolumeDevice": "devicePath name",
        "VolumeMount": "mountPath mountPropagation name readOnly recursiveReadOnly subPath subPathExpr",
        "VolumeMountStatus": "mountPath name readOnly recursiveReadOnly volumeStatus",
        "VolumeProjection":
            "clusterTrustBundle configMap downwardAPI podCertificate secret serviceAccountToken",
        "WeightedPodAffinityTerm": "podAffinityTerm weight",
    ]

    static let types: [String: [String]] = {
        var found: [String: [String]] = [:]
        func visit(_ shape: ValueShape) {
            switch shape {
            case .scalar: break
            case .list(let inner), .map(let inner): visit(inner)
            case .object(let object):
                if found[object.typeName] != nil { return }
                let fields = object.fields()
                found[object.typeName] = fields.map(\.name)
                for field in fields { visit(field.shape) }
            }
        }
        for shape in [PodList.shape, Event.shape, Status.shape] { visit(shape) }
        return found
    }()

    @Test("Every published field exists, and no other", arguments: published.keys.sorted())
    func fieldsMatch(type: String) throws {
        let names = try #require(Self.types[type])
        // What podagent lists under ListMeta lacks shardInfo, which only a sharded API server would fill in.
        let published = try #require(Self.published[type]).split(separator: " ").map(String.init)
        #expect(names == published.filter { $0 != "shardInfo" })
    }

    @Test("Every type with a field table is checked")
    func typesMatch() {
        let unpublished = Set(Self.types.keys).subtracting(Self.published.keys).subtracting([
            "ObjectList<Pod>"
        ])
        #expect(unpublished == [])
    }
}
