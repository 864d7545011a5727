import PodCore
import Testing

@Suite struct APIObjectTests {
    private func decode(_ text: String, checksSupport: Bool = false) -> (pod: Pod?, report: DecodeReport) {
        var report = DecodeReport(checksSupport: checksSupport)
        let pod = Pod.decode(relaxed(text), at: .root, report: &report)
        return (pod, report)
    }

    @Test("Fields are read, defaults stand where nothing is written")
    func reads() throws {
        let (decoded, report) = decode(
            """
            {apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}}, spec: {
              containers: [{name: c, image: nginx, ports: [{containerPort: 80, name: http}],
                livenessProbe: {httpGet: {port: http}}, securityContext: {runAsUser: 0}}],
              volumes: [{name: v, emptyDir: {medium: Memory, sizeLimit: 64Mi}}]}}
            """
        )
        let pod = try #require(decoded)
        #expect(report.problems == [] && report.warnings == [])
        #expect(pod.metadata.labels == ["app": "web"])
        #expect(pod.spec.restartPolicy == .always)
        #expect(pod.spec.terminationGracePeriodSeconds == 30)
        let container = try #require(pod.spec.containers.first)
        #expect(container.ports[0].protocol == .tcp)
        #expect(container.livenessProbe?.httpGet?.port == .string("http"))
        #expect(container.livenessProbe?.periodSeconds == 10)
        #expect(container.securityContext?.runAsUser == 0)
        #expect(pod.spec.volumes[0].emptyDir?.sizeLimit?.value == 64 << 20)
    }

    @Test("What is written can be read back, and is written in alphabetical order without what is empty")
    func roundTrip() throws {
        let pod = try #require(
            decode(
                """
                {metadata: {name: web}, spec: {containers: [{name: c, image: i, env: [{name: E, value: x}],
                 securityContext: {runAsUser: 0, privileged: false}, terminationMessagePath: /dev/termination-log}],
                 enableServiceLinks: false, volumes: [{name: v, hostPath: {path: /x}}]}}
                """
            ).pod
        )
        let json = pod.document.json()
        #expect(
            json
                == #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},"spec":{"containers":[{"env":[{"name":"E","value":"x"}],"image":"i","name":"c","resources":{},"securityContext":{"privileged":false,"runAsUser":0},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}],"dnsPolicy":"ClusterFirst","enableServiceLinks":false,"restartPolicy":"Always","schedulerName":"default-scheduler","securityContext":{},"terminationGracePeriodSeconds":30,"volumes":[{"hostPath":{"path":"/x","type":""},"name":"v"}]},"status":{"phase":"Pending"}}"#
        )
        var report = DecodeReport(checksSupport: false)
        #expect(Pod.decode(pod.document, at: .root, report: &report) == pod)
        #expect(report.problems == [])
    }

    @Test("A status is written as Kubernetes writes it, required fields also when empty")
    func status() throws {
        var container = ContainerStatus()
        container.name = "c"
        container.state = .waiting(reason: "ContainerCreating")
        var condition = PodCondition()
        condition.type = PodCondition.ready
        condition.status = .false
        condition.lastTransitionTime = Timestamp(seconds: 0)
        var status = PodStatus()
        status.containerStatuses = [container]
        status.conditions = [condition]
        status.qosClass = .bestEffort
        #expect(
            status.document.json()
                == #"{"conditions":[{"lastProbeTime":null,"lastTransitionTime":"1970-01-01T00:00:00Z","status":"False","type":"Ready"}],"containerStatuses":[{"image":"","imageID":"","lastState":{},"name":"c","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ContainerCreating"}}}],"phase":"Pending","qosClass":"BestEffort"}"#
        )
        var report = DecodeReport(checksSupport: false)
        #expect(PodStatus.decode(status.document, at: .root, report: &report) == status)
        #expect(report.problems == [] && report.warnings == [])
    }

    @Test("A list and an event carry their kinds")
    func kinds() {
        #expect(
            PodList([], resourceVersion: "7").document.json()
                == #"{"apiVersion":"v1","items":[],"kind":"PodList","metadata":{"resourceVersion":"7"}}"#
        )
        var event = Event()
        event.eventTime = MicroTime(Timestamp(nanoseconds: 1_123_456_789))
        event.firstTimestamp = Timestamp(seconds: 1)
        event.type = .warning
        #expect(
            event.document.json()
                == #"{"apiVersion":"v1","eventTime":"1970-01-01T00:00:01.123456Z","firstTimestamp":"1970-01-01T00:00:01Z","involvedObject":{},"kind":"Event","lastTimestamp":null,"metadata":{},"reportingComponent":"","reportingInstance":"","source":{},"type":"Warning"}"#
        )
    }

    @Test("All problems are found at once, each with its line and path")
    func collects() {
        let report = decode(
            """
            {metadata: {name: 7, labels: [a]},
             spec: {
               hostNetwork: "true",
               containers: [{
                 name: c, image: i,
                 ports: [{containerPort: "80"}, {containerPort: 3000000000}, {containerPort: 1.5}, null],
                 env: [{name: E, value: 1}],
                 command: run},
                 7],
               restartPolicy: [],
               volumes: {},
               terminationGracePeriodSeconds: true}}
            """
        ).report
        #expect(
            report.problems.map(\.description) == [
                "line 1: metadata.labels: Invalid value: [\"a\"]: must be a map, not a list",
                "line 1: metadata.name: Invalid value: 7: must be a string, not a number (write it in quotes)",
                "line 8: spec.containers[0].command: Invalid value: \"run\": must be a list, not a string",
                "line 7: spec.containers[0].env[0].value: Invalid value: 1: must be a string, not a number (write it in quotes)",
                "line 6: spec.containers[0].ports[0].containerPort: Invalid value: \"80\": must be an integer, not a string (write the digits without quotes)",
                "line 6: spec.containers[0].ports[1].containerPort: Invalid value: 3000000000: must fit into 32 bits",
                "line 6: spec.containers[0].ports[2].containerPort: Invalid value: 1.5: must be an integer, not a number (without a fraction)",
                "line 6: spec.containers[0].ports[3]: Invalid value: null: must be a map, not null",
                "line 9: spec.containers[1]: Invalid value: 7: must be a map, not a number",
                "line 3: spec.hostNetwork: Invalid value: \"true\": must be a boolean, not a string (write true or false, without quotes)",
                "line 10: spec.restartPolicy: Invalid value: []: must be a string, not a list",
                "line 12: spec.terminationGracePeriodSeconds: Invalid value: true: must be an integer, not a boolean",
                "line 11: spec.volumes: Invalid value: {}: must be a list, not a map",
            ]
        )
    }

    @Test(
        "Unknown fields are warnings that name the field probably meant",
        arguments: [
            (
                "{spec: {container: []}}",
                "line 1: spec.container: unknown field, did you mean \"containers\"?"
            ),
            (
                "{spec: {HostNetwork: true}}",
                "line 1: spec.HostNetwork: unknown field, did you mean \"hostNetwork\"?"
            ),
            (
                "{spec: {containers: [{comand: []}]}}",
                "line 1: spec.containers[0].comand: unknown field, did you mean \"command\"?"
            ),
            (
                "{spec: {containers: [{iamge: i}]}}",
                "line 1: spec.containers[0].iamge: unknown field, did you mean \"image\"?"
            ),
            (
                "{spec: {containers: [{\n volumeMount: []}]}}",
                "line 2: spec.containers[0].volumeMount: unknown field, did you mean \"volumeMounts\"?"
            ),
            ("{zzz: 1}", "line 1: zzz: unknown field"),
            (
                "{spec: {hostPID: false,\n hostPID: true}}",
                "line 2: spec.hostPID: given twice, the last value is used"
            ),
            (
                "{metadata: {labels: {a: x,\n a: y}}}",
                "line 2: metadata.labels[a]: given twice, the last value is used"
            ),
        ]
    )
    func unknown(text: String, warning: String) {
        let (pod, report) = decode(text)
        #expect(report.warnings.map(\.description) == [warning])
        #expect(report.problems == [])
        #expect(pod?.spec.hostPID == text.contains("hostPID"))
    }

    @Test("Of a repeated key only the last value is read, whatever the first one is")
    func repeated() {
        let (pod, report) = decode("{spec: {hostPID: nonsense, hostPID: true}}")
        #expect(pod?.spec.hostPID == true)
        #expect(report.problems == [])
    }

    @Test("Null is not given, and so is the empty text of an enumeration; a null label is empty")
    func unset() {
        let (pod, report) = decode(
            "{metadata: {labels: {a: null}}, spec: {restartPolicy: '', dnsPolicy: null, containers: null}}"
        )
        #expect(report.problems == [])
        #expect(pod?.spec.restartPolicy == .always && pod?.spec.dnsPolicy == .clusterFirst)
        #expect(pod?.metadata.labels == ["a": ""])
    }

    @Test("Text with a NUL is refused, because the kernel would cut it there")
    func nul() {
        var report = DecodeReport()
        let document: Document = .map(["spec": .map(["hostname": "a\u{0}b"])])
        _ = Pod.decode(document, at: .root, report: &report)
        #expect(
            report.problems.map(\.text) == [
                #"spec.hostname: Invalid value: "a\x00b": must not contain a NUL character"#
            ]
        )
    }

    @Test(
        "Values are quoted as Go quotes them",
        arguments: [
            ("plain", #""plain""#), ("ü €", #""ü €""#), ("a\"\\\n\t\r", #""a\"\\\n\t\r""#),
            ("\u{7}\u{B}\u{1}\u{7F}", #""\a\v\x01\x7f""#),
            ("\u{85}\u{A0}\u{2028}\u{FEFF}", #""\u0085\u00a0\u2028\ufeff""#), ("\u{E0001}", #""\U000e0001""#),
        ]
    )
    func quoting(text: String, quoted: String) {
        #expect(text.quoted == quoted)
    }

    @Test("A path finds its line, or that of the nearest thing around it")
    func lines() {
        let document = relaxed("{spec:\n {containers: [\n {name: a},\n {name: b,\n labels: {x: 1}}]}}")
        let containers = FieldPath("spec.containers")
        #expect(document.line(at: containers[1].field("name")) == 4)
        #expect(document.line(at: containers[1].field("labels")["x"]) == 5)
        #expect(document.line(at: containers[1].field("image")) == 4)
        #expect(document.line(at: containers[7].field("image")) == 2)
        #expect(document.line(at: .root) == 1)
        #expect(containers[1].field("labels")["x"].description == "spec.containers[1].labels[x]")
    }
}
