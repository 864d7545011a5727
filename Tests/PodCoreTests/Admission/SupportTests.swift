import Testing

@testable import PodCore

@Suite struct SupportTests {
    /// What a Pod with the change is refused for, beside what is wrong with it anyway.
    private func refusals(
        _ change: String,
        in place: ValidationCase.Place,
        hasNetwork: Bool = true
    ) -> [String] {
        let document = ValidationCase(place, change).document()
        let result = Admission(nodeName: "node1", hasNetwork: hasNetwork).admit(
            document,
            source: .file("/f"),
            seenAt: .init(seconds: 0)
        )
        return result.problems.map(\.text)
    }

    private static func later(_ part: String) -> String {
        "Forbidden: not supported by this version of podagent yet (\(part))"
    }

    @Test(
        "What is not built yet is refused by name",
        arguments: [
            (.container, "{stdin: true, stdinOnce: true}", "c.stdinOnce: \(later("attach"))"),
            (
                .resources, "{limits: {ephemeral-storage: 1Gi}}",
                "c.resources.limits[ephemeral-storage]: \(later("confinement"))"
            ),
            (
                .resources, "{limits: {hugepages-2Mi: 2Mi, cpu: 1}}",
                "c.resources.limits[hugepages-2Mi]: \(later("confinement"))"
            ),
            (
                .resources, "{limits: {example.com/gpu: 1}}",
                "c.resources.limits[example.com/gpu]: \(later("confinement"))"
            ),
            (
                .resources, "{requests: {cpu: 1, ephemeral-storage: 1Gi}}",
                "c.resources.requests[ephemeral-storage]: \(later("confinement"))"
            ),
            (
                .container, "{resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}]}",
                "c.resizePolicy: \(later("confinement"))"
            ),
            (.container, "{envFrom: [{configMapRef: {name: m}}]}", "c.envFrom: \(later("configuration"))"),
            (.container, "{stdin: true, stdinOnce: true}", "c.stdinOnce: \(later("attach"))"),
            (
                .container, "{securityContext: {privileged: true}}",
                "c.securityContext.privileged: \(later("confinement"))"
            ),
            (
                .container, "{securityContext: {seccompProfile: {type: RuntimeDefault}}}",
                "c.securityContext.seccompProfile: \(later("confinement"))"
            ),
            (
                .env, "{valueFrom: {secretKeyRef: {name: s, key: k}}}",
                "c.env[0].valueFrom.secretKeyRef: \(later("configuration"))"
            ),
            (.mount, "{subPath: x}", "c.volumeMounts[0].subPath: \(later("configuration"))"),
            (
                .mount, "{mountPropagation: HostToContainer}",
                "c.volumeMounts[0].mountPropagation: \(later("configuration"))"
            ),
            (
                .mount, "{readOnly: true, recursiveReadOnly: IfPossible}",
                "c.volumeMounts[0].recursiveReadOnly: \(later("configuration"))"
            ),
            (.volume, "{configMap: {name: m}}", "volumes[0].configMap: \(later("configuration"))"),
            (
                .volume, "{emptyDir: {medium: HugePages}}",
                "volumes[0].emptyDir.medium: \(later("configuration"))"
            ),
            (
                .volume, "{emptyDir: {sizeLimit: 1Gi}}",
                "volumes[0].emptyDir.sizeLimit: \(later("configuration"))"
            ),
            (.spec, "{hostUsers: false}", "hostUsers: \(later("confinement"))"),
            (.spec, "{nodeSelector: {disk: ssd}}", "nodeSelector: \(later("node admission"))"),
            (.spec, "{securityContext: {fsGroup: 5}}", "securityContext.fsGroup: \(later("configuration"))"),
            (
                .spec, "{resources: {limits: {hugepages-2Mi: 2Mi, cpu: 1}}}",
                "resources.limits[hugepages-2Mi]: \(later("confinement"))"
            ),
            (.spec, "{overhead: {cpu: 1}}", "overhead: \(later("confinement"))"),
        ] as [(ValidationCase.Place, String, String)]
    )
    func notYet(place: ValidationCase.Place, change: String, refusal: String) {
        #expect(refusals(change, in: place) == ValidationCase(place, change, refusal).expectedTexts)
    }

    @Test(
        "What only a cluster or a driver could give is refused for good",
        arguments: [
            (
                .spec, "{serviceAccountName: default}",
                "serviceAccountName: Forbidden: static pods may not reference serviceaccounts"
            ),
            (
                .resources, "{claims: [{name: r}]}",
                "c.resources.claims: Forbidden: static pods may not reference resourceclaims"
            ),
            (
                .spec, "{resourceClaims: [{name: r}]}",
                "resourceClaims: Forbidden: static pods may not reference resourceclaims"
            ),
            (
                .spec, "{ephemeralContainers: [{name: e, image: i}]}",
                "ephemeralContainers: Forbidden: cannot be set on create"
            ),
            (
                .volume, "{persistentVolumeClaim: {claimName: p}}",
                "volumes[0].persistentVolumeClaim: Forbidden: static pods may not reference persistentvolumeclaims"
            ),
            (
                .volume, "{csi: {driver: d}}",
                "volumes[0].csi: Forbidden: static pods may not reference csidrivers (via CSI volumes)"
            ),
            (
                .volume, "{nfs: {server: s, path: /}}",
                "volumes[0].nfs: Forbidden: podagent has no driver for it; mount it on the node and use hostPath"
            ),
            (
                .volume, "{emptyDir: {medium: Cloud}}",
                "volumes[0].emptyDir.medium: Invalid value: \"Cloud\": unknown storage medium \"Cloud\""
            ),
            (
                .spec, "{os: {name: windows}}",
                "os.name: Forbidden: Failed to admit pod as the OS field doesn't match node OS"
            ),
            (
                .env, "{valueFrom: {fieldRef: {fieldPath: spec.serviceAccountName}}}",
                "c.env[0].valueFrom.fieldRef.fieldPath: Forbidden: static pods may not reference serviceaccounts"
            ),
        ] as [(ValidationCase.Place, String, String)]
    )
    func refused(place: ValidationCase.Place, change: String, refusal: String) {
        #expect(refusals(change, in: place) == ValidationCase(place, change, refusal).expectedTexts)
    }

    @Test(
        "What is honoured, and what asks for what happens anyway, is accepted",
        arguments: [
            (
                .spec,
                "{hostNetwork: true, hostPID: true, hostIPC: true, hostname: h, hostUsers: true, setHostnameAsFQDN: false}"
            ),
            (
                .spec,
                "{shareProcessNamespace: true, dnsPolicy: None, dnsConfig: {nameservers: [1.1.1.1]}, hostAliases: [{ip: 1.1.1.1, hostnames: [a]}]}"
            ),
            (
                .spec,
                "{os: {name: linux}, nodeSelector: {kubernetes.io/os: linux}, terminationGracePeriodSeconds: 0, restartPolicy: Never}"
            ),
            (
                .spec,
                "{securityContext: {runAsUser: 1, runAsGroup: 2, runAsNonRoot: true, supplementalGroups: [3], supplementalGroupsPolicy: Merge, seccompProfile: {type: Unconfined}}}"
            ),
            (
                .spec,
                "{tolerations: [{operator: Exists}], priorityClassName: system-node-critical, priority: 5, enableServiceLinks: false}"
            ),
            (
                .container,
                "{command: [a], args: [b], workingDir: /, tty: true, stdin: true, stdinOnce: false, imagePullPolicy: Never}"
            ),
            (
                .container,
                "{resources: {}, env: [], envFrom: [], terminationMessagePath: /tmp/last, terminationMessagePolicy: FallbackToLogsOnError}"
            ),
            (
                .container,
                "{resources: {limits: {}, requests: {}}, securityContext: {privileged: false, procMount: Default, seccompProfile: {type: Unconfined}, seLinuxOptions: {}}}"
            ),
            (
                .container,
                "{securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {add: [NET_ADMIN], drop: [ALL]}}}"
            ),
            (.resources, "{requests: {cpu: 250m, memory: 32Mi}, limits: {cpu: 500m, memory: 64Mi}}"),
            (.initContainer, "{resources: {limits: {cpu: 1, memory: 64Mi}}}"),
            (.spec, "{resources: {requests: {cpu: 1}, limits: {memory: 1Gi}}}"),
            (.env, #"{valueFrom: {fieldRef: {fieldPath: "metadata.annotations['a']"}}}"#),
            (.env, "{valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}"),
            (.env, "{valueFrom: {fieldRef: {fieldPath: status.podIPs}}}"),
            (
                .spec,
                "{hostname: h, subdomain: s, setHostnameAsFQDN: true, securityContext: {sysctls: [{name: net.a, value: '1'}]}}"
            ), (.spec, "{hostnameOverride: a.b}"),
            (.mount, "{readOnly: true, mountPropagation: None, recursiveReadOnly: Disabled}"),
            (.volume, "{emptyDir: {medium: Memory, sizeLimit: 1Gi}}"),
            (.volume, "{hostPath: {path: /x, type: DirectoryOrCreate}}"),
            (.initContainer, "{command: [x]}"), (.port, "{hostPort: 0, name: web, protocol: UDP}"),
        ] as [(ValidationCase.Place, String)]
    )
    func accepted(place: ValidationCase.Place, change: String) {
        #expect(refusals(change, in: place) == [])
    }

    @Test("A limit of bandwidth, which is asked for by an annotation, is refused and not passed over")
    func bandwidth() {
        let change = #"{annotations: {"kubernetes.io/ingress-bandwidth": 1M, note: kept}}"#
        #expect(
            refusals(change, in: .metadata) == [
                "metadata.annotations[kubernetes.io/ingress-bandwidth]: \(Self.later("networking"))"
            ]
        )
    }

    @Test("A host port is fine on the node's own network, and where Pods have a network")
    func hostPort() {
        #expect(refusals("{hostPort: 80}", in: .port) == [])
        #expect(
            refusals("{hostPort: 80}", in: .port, hasNetwork: false) == [
                "spec.containers[0].ports[0].hostPort: Forbidden: needs a network of Pods, and this node has none: "
                    + "start podagent with --pod-cidr or --cni-conf-dir"
            ]
        )
        let text =
            "{hostNetwork: true, containers: [{name: c, image: i, ports: [{containerPort: 80, hostPort: 80}]}]}"
        #expect(refusals(text, in: .spec, hasNetwork: false) == [])
    }
}
