import PodCore
import Testing

@testable import PodAgent

@Suite struct PodDescriberTests {
    private static let manifest = """
        apiVersion: v1
        kind: Pod
        metadata:
          name: web-node1
          namespace: shop
          labels: {tier: front, app: web}
          annotations:
            note: "two\\nlines"
            kubectl.kubernetes.io/last-applied-configuration: "{}"
            kubernetes.io/config.source: file
        spec:
          nodeName: node1
          tolerations: [{operator: Exists, effect: NoExecute}]
          nodeSelector: {disk: ssd}
          initContainers:
          - {name: setup, image: "busybox:1.36", command: [sh, -c, "echo a\\necho b"]}
          containers:
          - name: app
            image: nginx:1.22
            args: ["-v"]
            ports: [{containerPort: 80}, {containerPort: 443, hostPort: 8443, protocol: UDP}]
            resources: {limits: {memory: 128Mi, cpu: 500m}, requests: {cpu: 250m}}
            livenessProbe: {httpGet: {path: /healthz, port: 80}, initialDelaySeconds: 3}
            readinessProbe: {exec: {command: [cat, /ready]}}
            startupProbe: {tcpSocket: {port: 80}, failureThreshold: 30}
            env:
            - {name: PLAIN, value: x}
            - {name: LINES, value: "1\\n2"}
            - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            - {name: APP, valueFrom: {fieldRef: {fieldPath: "metadata.labels['app']"}}}
            - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}}
            - {name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}
            volumeMounts:
            - {name: logs, mountPath: /var/log, subPath: app}
            - {name: data, mountPath: /data, readOnly: true}
          - {name: side, image: busybox}
          volumes:
          - {name: data, emptyDir: {sizeLimit: 1Gi}}
          - {name: logs, hostPath: {path: /logs, type: Directory}}
          - {name: config, configMap: {name: web}}
        status:
          phase: Running
          hostIP: 10.0.0.1
          podIP: 10.88.0.2
          podIPs: [{ip: 10.88.0.2}, {ip: "fd00::2"}]
          startTime: "2026-01-02T03:04:05Z"
          conditions:
          - {type: PodReadyToStartContainers, status: "True"}
          - {type: Ready, status: "False"}
          initContainerStatuses:
          - name: setup
            containerID: podagent://1
            image: busybox:1.36
            imageID: sha256:1
            ready: true
            state: {terminated: {exitCode: 0, reason: Completed, startedAt: "2026-01-02T03:04:05Z", finishedAt: "2026-01-02T03:04:06Z"}}
          containerStatuses:
          - name: app
            containerID: podagent://2
            imageID: sha256:2
            image: nginx:1.22
            restartCount: 2
            state: {running: {startedAt: "2026-01-02T03:05:05Z"}}
            lastState: {terminated: {exitCode: 137, signal: 9, reason: Error, startedAt: "2026-01-02T03:04:05Z", finishedAt: "2026-01-02T03:04:55Z"}}
          - name: side
            image: busybox
            state: {waiting: {reason: ErrImageNeverPull, message: not here}}
        """

    private static let expected = """
        Name:         web-node1
        Namespace:    shop
        Priority:     0
        Node:         node1/10.0.0.1
        Start Time:   Fri, 02 Jan 2026 03:04:05 +0000
        Labels:       app=web
                      tier=front
        Annotations:  kubernetes.io/config.source: file
                      note:
                        two
                        lines
        Status:       Running
        IP:           10.88.0.2
        IPs:
          IP:  10.88.0.2
          IP:  fd00::2
        Init Containers:
          setup:
            Container ID:  podagent://1
            Image:         busybox:1.36
            Image ID:      sha256:1
            Port:          <none>
            Host Port:     <none>
            Command:
              sh
              -c
              echo a
              echo b
            State:          Terminated
              Reason:       Completed
              Exit Code:    0
              Started:      Fri, 02 Jan 2026 03:04:05 +0000
              Finished:     Fri, 02 Jan 2026 03:04:06 +0000
            Ready:          True
            Restart Count:  0
            Environment:    <none>
            Mounts:         <none>
        Containers:
          app:
            Container ID:  podagent://2
            Image:         nginx:1.22
            Image ID:      sha256:2
            Ports:         80/TCP, 443/UDP
            Host Ports:    0/TCP, 8443/UDP
            Args:
              -v
            State:          Running
              Started:      Fri, 02 Jan 2026 03:05:05 +0000
            Last State:     Terminated
              Reason:       Error
              Exit Code:    137
              Signal:       9
              Started:      Fri, 02 Jan 2026 03:04:05 +0000
              Finished:     Fri, 02 Jan 2026 03:04:55 +0000
            Ready:          False
            Restart Count:  2
            Limits:
              cpu:     500m
              memory:  128Mi
            Requests:
              cpu:      250m
            Liveness:   http-get http://:80/healthz delay=3s timeout=1s period=10s #success=1 #failure=3
            Readiness:  exec [cat /ready] delay=0s timeout=1s period=10s #success=1 #failure=3
            Startup:    tcp-socket :80 delay=0s timeout=1s period=10s #success=1 #failure=30
            Environment:
              PLAIN:  x
              LINES:  1
                      2
              NAME:   web-node1 (v1:metadata.name)
              APP:    web (v1:metadata.labels['app'])
              CPU:    500 (limits.cpu)
              KEY:    <set to the key 'k' in secret 's'>  Optional: false
            Mounts:
              /data from data (ro)
              /var/log from logs (rw,path="app")
          side:
            Container ID:   
            Image:          busybox
            Image ID:       
            Port:           <none>
            Host Port:      <none>
            State:          Waiting
              Reason:       ErrImageNeverPull
              Message:      not here
            Ready:          False
            Restart Count:  0
            Environment:    <none>
            Mounts:         <none>
        Conditions:
          Type                        Status
          PodReadyToStartContainers   True 
          Ready                       False 
        Volumes:
          data:
            Type:       EmptyDir (a temporary directory that shares a pod's lifetime)
            Medium:     
            SizeLimit:  1Gi
          logs:
            Type:          HostPath (bare host directory volume)
            Path:          /logs
            HostPathType:  Directory
          config:
            Type:        ConfigMap (a volume populated by a ConfigMap)
            Name:        web
            Optional:    false
        QoS Class:       Burstable
        Node-Selectors:  disk=ssd
        Tolerations:     :NoExecute op=Exists
        Events:
          Type     Reason   Age                From      Message
          ----     ------   ----               ----      -------
          Normal   Started  10m                podagent  Container started
          Warning  BackOff  5s (x3 over 119s)  podagent  Back-off restarting

        """

    private static func pod(_ text: String) throws -> Pod {
        let document = try #require(YAMLReader.read(Array(text.utf8)).documents.first)
        var report = DecodeReport(checksSupport: false)
        let pod = Pod.decode(document, at: .root, report: &report)
        try #require(report.problems.isEmpty, "\(report.problems)")
        return try #require(pod)
    }

    private static func event(
        _ reason: String,
        _ message: String,
        type: EventType,
        first: Int64,
        last: Int64,
        count: Int32
    ) -> Event {
        var event = Event()
        event.reason = reason
        event.message = message
        event.type = type
        event.source.component = "podagent"
        event.firstTimestamp = Timestamp(seconds: first)
        event.lastTimestamp = Timestamp(seconds: last)
        event.count = count
        return event
    }

    @Test("A Pod is described in kubectl's layout")
    func golden() throws {
        let now: Int64 = 1_767_400_000
        let describer = PodDescriber(now: Timestamp(seconds: now), zone: { _ in 0 })
        let events = [
            Self.event(
                "BackOff",
                "Back-off restarting",
                type: .warning,
                first: now - 119,
                last: now - 5,
                count: 3
            ),
            Self.event(
                "Started",
                "Container started",
                type: .normal,
                first: now - 600,
                last: now - 600,
                count: 1
            ),
        ]
        let text = describer.text(try Self.pod(Self.manifest), events: events)
        // Line by line, so that a difference can be seen.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let expected = Self.expected.split(separator: "\n", omittingEmptySubsequences: false)
        for (line, wanted) in zip(lines, expected) { #expect(line == wanted) }
        #expect(lines.count == expected.count)
    }

    @Test("A Pod that is being deleted says so, and one without anything says none")
    func bare() throws {
        var pod = try Self.pod("{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: []}}")
        pod.metadata.deletionTimestamp = Timestamp(seconds: 1_000)
        pod.metadata.deletionGracePeriodSeconds = 30
        let text = PodDescriber(now: Timestamp(seconds: 1_090), zone: { _ in 0 }).text(pod, events: [])
        #expect(
            text.contains(
                "Status:                    Terminating (lasts 90s)\nTermination Grace Period:  30s\n"
            )
        )
        #expect(text.contains("Node:                      <none>\n"))
        #expect(text.contains("\nContainers: <none>\n"))
        #expect(text.hasSuffix("\nEvents:                      <none>\n") || text.hasSuffix("<none>\n"))
    }

    @Test(
        "Of a container that is held back it is said when it starts next, and of others nothing",
        arguments: [("CrashLoopBackOff", true), ("ErrImagePull", false)]
    )
    func nextStart(_ reason: String, _ isTold: Bool) throws {
        let text = """
            apiVersion: v1
            kind: Pod
            metadata: {name: x}
            spec: {containers: [{name: c, image: i}]}
            status:
              containerStatuses:
              - name: c
                restartCount: 5
                state: {waiting: {reason: \(reason), message: "back-off 2m40s restarting failed container=c pod=x"}}
                lastState: {terminated: {exitCode: 1, finishedAt: "2026-01-02T03:04:05Z"}}
            """
        let now = try #require(Timestamp(rfc3339: "2026-01-02T03:04:15Z"))
        let shown = PodDescriber(now: now, zone: { _ in 0 }).text(try Self.pod(text), events: [])
        #expect(
            shown.contains(
                #/Reason: +\w+\n +Message: .*\n +Next Start: +in 2m30s\n +Last State: +Terminated/#
            ) == isTold
        )
        #expect(shown.contains("Next Start") == isTold)
    }

    @Test("What a container has left to say is told line by line, and cannot steer the terminal")
    func lastWords() {
        var terminated = ContainerStateTerminated()
        terminated.message = "one\n\u{1B}[2Jtwo\0\u{9B}\n"
        var status = ContainerStatus()
        status.name = "c"
        status.state = .terminated(terminated)
        var container = Container()
        container.name = "c"
        var pod = Pod()
        pod.spec.containers = [container]
        pod.status.containerStatuses = [status]
        let text = PodDescriber(now: Timestamp(seconds: 0), zone: { _ in 0 }).text(pod, events: [])
        let lines = text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        let index = lines.firstIndex(of: "Message: one")
        #expect(index.map { lines[$0 + 1] } == "^[[2Jtwo^@\u{FFFD}", "\(text)")
        #expect(!text.contains("\u{1B}"))
    }
}
