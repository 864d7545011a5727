import Testing

@testable import PodCore

@Suite struct DefaultingTests {
    private func defaulted(_ spec: String) -> PodSpec {
        var report = DecodeReport(checksSupport: false)
        var pod = Pod()
        pod.spec = PodSpec.decode(relaxed(spec), at: .root, report: &report) ?? PodSpec()
        #expect(report.problems == [])
        Defaulting.apply(to: &pod)
        let once = pod
        Defaulting.apply(to: &pod)
        #expect(pod == once, "defaulting twice must change nothing")
        return pod.spec
    }

    @Test(
        "An image's policy follows from its tag",
        arguments: [
            ("nginx", .always), ("nginx:latest", .always), ("nginx:1.2", .ifNotPresent),
            ("reg:5000/x", .always),
            ("reg:5000/x:1", .ifNotPresent), ("x@sha256:\(String(repeating: "a", count: 64))", .ifNotPresent),
            ("BAD IMAGE", .ifNotPresent), ("NGINX", .ifNotPresent), ("rootfs:/some/dir", .ifNotPresent),
            ("", .ifNotPresent),
        ] as [(String, PullPolicy)]
    )
    func pullPolicy(image: String, policy: PullPolicy) {
        let spec = defaulted(
            "{containers: [{name: c, image: '\(image)'}], volumes: [{name: v, image: {reference: '\(image)'}}]}"
        )
        #expect(spec.containers[0].imagePullPolicy == policy)
        #expect(spec.volumes[0].image?.pullPolicy == policy)
    }

    @Test("A policy that is given stays")
    func givenPolicy() {
        #expect(defaulted("{containers: [{imagePullPolicy: Never}]}").containers[0].imagePullPolicy == .never)
    }

    @Test("Requests come from limits, amounts are rounded up to thousandths")
    func resources() {
        let spec = defaulted(
            "{containers: [{resources: {limits: {cpu: 0.10001, memory: 1.5Gi}, requests: {memory: 1Gi}}}]}"
        )
        let resources = spec.containers[0].resources
        #expect(resources.limits.mapValues(\.description) == ["cpu": "101m", "memory": "1536Mi"])
        #expect(resources.requests.mapValues(\.description) == ["cpu": "101m", "memory": "1Gi"])
    }

    @Test("On the node's network a port of the container is that of the node, also in init containers")
    func hostPorts() {
        let text =
            "{hostNetwork: true, containers: [{ports: [{containerPort: 80}]}], initContainers: [{ports: [{containerPort: 81}]}]}"
        let spec = defaulted(text)
        #expect(spec.containers[0].ports[0].hostPort == 80)
        #expect(spec.initContainers[0].ports[0].hostPort == 81)
        #expect(defaulted(text.replacing("true", with: "false")).containers[0].ports[0].hostPort == 0)
    }

    @Test("In a probe zero counts as not given, save for the initial delay")
    func probes() throws {
        let spec = defaulted(
            "{containers: [{livenessProbe: {timeoutSeconds: 0, periodSeconds: 0, successThreshold: 0, failureThreshold: 0, httpGet: {port: 1, path: ''}}}]}"
        )
        let probe = try #require(spec.containers[0].livenessProbe)
        #expect(probe.timeoutSeconds == 1 && probe.periodSeconds == 10)
        #expect(probe.successThreshold == 1 && probe.failureThreshold == 3 && probe.initialDelaySeconds == 0)
        #expect(probe.httpGet?.path == "/" && probe.httpGet?.scheme == .http)
    }

    @Test("Single fields")
    func fields() {
        let spec = defaulted(
            """
            {terminationGracePeriodSeconds: -5, schedulerName: '', volumes: [{name: v}, {name: h, hostPath: {path: /}},
             {name: s, secret: {}}], containers: [{terminationMessagePath: '', lifecycle: {preStop: {httpGet: {port: 1, path: ''}}},
             env: [{name: E, valueFrom: {fieldRef: {apiVersion: '', fieldPath: x}, fileKeyRef: {key: k}}}]}]}
            """
        )
        #expect(spec.terminationGracePeriodSeconds == 1)
        #expect(spec.schedulerName == "default-scheduler")
        #expect(spec.volumes[0].emptyDir == EmptyDirVolumeSource())
        #expect(spec.volumes[1].emptyDir == nil && spec.volumes[1].hostPath?.type == .unchecked)
        #expect(spec.volumes[2].secret?.defaultMode == 420)
        #expect(spec.containers[0].terminationMessagePath == "/dev/termination-log")
        #expect(spec.containers[0].lifecycle?.preStop?.httpGet?.path == "/")
        #expect(spec.containers[0].env[0].valueFrom?.fieldRef?.apiVersion == "v1")
        #expect(spec.containers[0].env[0].valueFrom?.fileKeyRef?.optional == false)
        #expect(defaulted("{terminationGracePeriodSeconds: 0}").terminationGracePeriodSeconds == 0)
    }

    @Test("Requests of the Pod as a whole come from its containers, else from its limits")
    func podResources() {
        let spec = defaulted(
            "{resources: {limits: {cpu: 4, memory: 1Gi}}, containers: [{resources: {requests: {cpu: 1}}}, {resources: {requests: {cpu: 500m}}}]}"
        )
        #expect(spec.resources?.requests.mapValues(\.description) == ["cpu": "1500m", "memory": "1Gi"])
        #expect(defaulted("{containers: [{resources: {requests: {cpu: 1}}}]}").resources == nil)
    }
}
