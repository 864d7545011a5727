import Testing

@testable import PodCore

/// The cells that `kubectl get pods` shows, each case one change to a Pod with two containers that run.
@Suite struct PodTableTests {
    private static let now = Timestamp(seconds: 100_000)

    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let status: String
        var ready = "2/2"
        var restarts = "0"
        let change: @Sendable (inout Pod) -> Void

        init(
            _ name: String,
            _ status: String,
            ready: String = "2/2",
            restarts: String = "0",
            _ change: @escaping @Sendable (inout Pod) -> Void
        ) {
            (self.name, self.status, self.ready, self.restarts, self.change) = (
                name, status, ready, restarts, change
            )
        }

        var testDescription: String { name }
    }

    static let base: Pod = {
        var pod = Pod()
        pod.metadata.name = "web"
        pod.metadata.creationTimestamp = Timestamp(seconds: 100_000 - 300)
        pod.spec.nodeName = "n1"
        for name in ["a", "b"] {
            var container = Container()
            container.name = name
            pod.spec.containers.append(container)
            pod.status.containerStatuses.append(running(name))
        }
        pod.status.phase = .running
        pod.setCondition("Ready", .true)
        pod.setCondition("Initialized", .true)
        pod.status.podIPs = [address("10.0.0.7")]
        return pod
    }()

    static func address(_ ip: String) -> PodIP {
        var address = PodIP()
        address.ip = ip
        return address
    }

    static func running(_ name: String, ready: Bool = true) -> ContainerStatus {
        var status = ContainerStatus()
        status.name = name
        status.ready = ready
        status.started = true
        status.state = .running(since: Timestamp(seconds: 99_800))
        return status
    }

    static func terminated(_ code: Int32, _ reason: String, signal: Int32 = 0) -> ContainerState {
        var terminated = ContainerStateTerminated()
        terminated.exitCode = code
        terminated.reason = reason
        terminated.signal = signal
        terminated.finishedAt = Timestamp(seconds: 99_700)
        return .terminated(terminated)
    }

    static func addInit(_ name: String, _ state: ContainerState, sidecar: Bool = false, to pod: inout Pod) {
        var container = Container()
        container.name = name
        if sidecar { container.restartPolicy = .always }
        pod.spec.initContainers.append(container)
        var status = ContainerStatus()
        status.name = name
        status.state = state
        pod.status.initContainerStatuses.append(status)
    }

    static let cases = [
        Case("All run and are ready", "Running") { _ in },
        Case("The status's reason goes before the phase", "Evicted", ready: "0/2") {
            $0.status.reason = "Evicted"
            $0.status.containerStatuses = []
        },
        Case("A Pod without containers' states shows its phase", "Pending", ready: "0/2") {
            $0.status.phase = .pending
            $0.status.containerStatuses = []
        },
        Case("A gated Pod says so", "SchedulingGated", ready: "0/2") {
            $0.status.containerStatuses = []
            $0.setCondition("PodScheduled", .false, "SchedulingGated")
        },
        Case(
            "A container that waits gives its reason",
            "CrashLoopBackOff",
            ready: "1/2",
            restarts: "4 (5m ago)"
        ) {
            $0.status.containerStatuses[0].state = .waiting(reason: "CrashLoopBackOff")
            $0.status.containerStatuses[0].ready = false
            $0.status.containerStatuses[0].lastState = terminated(1, "Error")
            $0.status.containerStatuses[0].restartCount = 4
        },
        Case("Of two that wait the first counts", "ErrImagePull", ready: "0/2") {
            $0.status.containerStatuses[0].state = .waiting(reason: "ErrImagePull")
            $0.status.containerStatuses[1].state = .waiting(reason: "CrashLoopBackOff")
        },
        Case("A container that ended gives its reason", "OOMKilled", ready: "1/2") {
            $0.status.containerStatuses[1].state = terminated(137, "OOMKilled")
        },
        Case("Without a reason a signal is shown", "Signal:9", ready: "1/2") {
            $0.status.containerStatuses[1].state = terminated(137, "", signal: 9)
        },
        Case("Without a reason and a signal the code is shown", "ExitCode:3", ready: "1/2") {
            $0.status.containerStatuses[1].state = terminated(3, "")
        },
        Case("One completed beside one that runs and is ready is Running", "Running", ready: "1/2") {
            $0.status.containerStatuses[0].state = terminated(0, "Completed")
        },
        Case("One completed beside one that runs and is not ready is NotReady", "NotReady", ready: "0/2") {
            $0.status.containerStatuses[0].state = terminated(0, "Completed")
            $0.status.containerStatuses[1] = running("b", ready: false)
            $0.setCondition("Ready", .false)
        },
        Case("A failure is not hidden behind one that completed", "Error", ready: "0/2") {
            $0.status.phase = .failed
            $0.status.containerStatuses[0].state = terminated(0, "Completed")
            $0.status.containerStatuses[1].state = terminated(1, "Error")
            $0.setCondition("Ready", .false)
        },
        Case("All completed", "Completed", ready: "0/2") {
            $0.status.phase = .succeeded
            $0.status.containerStatuses[0].state = terminated(0, "Completed")
            $0.status.containerStatuses[1].state = terminated(0, "Completed")
        },
        Case("The first init container that is not done is counted", "Init:1/2", ready: "0/2") {
            startingUp(&$0)
            addInit("first", terminated(0, "Completed"), to: &$0)
            addInit("second", .running(since: Timestamp(seconds: 1)), to: &$0)
        },
        Case("An init container that failed says how", "Init:Error", ready: "0/2") {
            startingUp(&$0)
            addInit("first", terminated(2, "Error"), to: &$0)
        },
        Case("An init container that failed without a reason shows its code", "Init:ExitCode:2", ready: "0/2")
        {
            startingUp(&$0)
            addInit("first", terminated(2, ""), to: &$0)
        },
        Case("An init container that failed without a reason shows its signal", "Init:Signal:9", ready: "0/2")
        {
            startingUp(&$0)
            addInit("first", terminated(137, "", signal: 9), to: &$0)
        },
        Case("An init container that waits gives its reason", "Init:ImagePullBackOff", ready: "0/2") {
            startingUp(&$0)
            addInit("first", .waiting(reason: "ImagePullBackOff"), to: &$0)
        },
        Case("Waiting for the Pod's own start is no reason", "Init:0/1", ready: "0/2") {
            startingUp(&$0)
            addInit("first", .waiting(reason: "PodInitializing"), to: &$0)
        },
        Case(
            "While init containers run, their restarts are shown",
            "Init:0/1",
            ready: "0/2",
            restarts: "3 (5m ago)"
        ) {
            startingUp(&$0)
            addInit("first", .running(since: Timestamp(seconds: 1)), to: &$0)
            $0.status.initContainerStatuses[0].restartCount = 3
            $0.status.initContainerStatuses[0].lastState = terminated(1, "Error")
        },
        Case("A sidecar that runs counts like a container", "Running", ready: "3/3", restarts: "1") {
            addInit("proxy", .running(since: Timestamp(seconds: 1)), sidecar: true, to: &$0)
            $0.status.initContainerStatuses[0].started = true
            $0.status.initContainerStatuses[0].ready = true
            $0.status.initContainerStatuses[0].restartCount = 1
        },
        Case("A sidecar that has not started holds the Pod up", "Init:0/1", ready: "0/3") {
            startingUp(&$0)
            addInit("proxy", .running(since: Timestamp(seconds: 1)), sidecar: true, to: &$0)
        },
        Case("Restarts of init containers are forgotten once they are done", "Running") {
            addInit("first", terminated(0, "Completed"), to: &$0)
            $0.status.initContainerStatuses[0].restartCount = 3
        },
        Case("A Pod that is being deleted is Terminating", "Terminating") {
            $0.metadata.deletionTimestamp = Timestamp(seconds: 1)
        },
        Case("A Pod that had ended is not", "Completed", ready: "0/2") {
            $0.metadata.deletionTimestamp = Timestamp(seconds: 1)
            $0.status.phase = .succeeded
            $0.status.containerStatuses[0].state = terminated(0, "Completed")
            $0.status.containerStatuses[1].state = terminated(0, "Completed")
        },
        Case("A Pod that is being deleted on a lost node is Unknown", "Unknown") {
            $0.metadata.deletionTimestamp = Timestamp(seconds: 1)
            $0.status.reason = "NodeLost"
        },
    ]

    static func startingUp(_ pod: inout Pod) {
        pod.status.phase = .pending
        pod.setCondition("Initialized", .false)
        pod.setCondition("Ready", .false)
        pod.status.containerStatuses = []
    }

    @Test("Ready, Status and Restarts", arguments: cases)
    func summary(of it: Case) {
        var pod = Self.base
        it.change(&pod)
        let cells = PodTable.cells(pod, now: Self.now)
        #expect(cells.count == PodTable.columns.count)
        #expect(cells[1] == it.ready)
        #expect(cells[2] == it.status)
        #expect(cells[3] == it.restarts)
    }

    @Test("The other cells")
    func otherCells() {
        var pod = Self.base
        #expect(PodTable.cells(pod, now: Self.now)[0] == "web")
        #expect(PodTable.cells(pod, now: Self.now)[4...] == ["5m", "10.0.0.7", "n1", "<none>", "<none>"])
        pod.status.podIPs = []
        pod.spec.nodeName = ""
        pod.metadata.creationTimestamp = nil
        var gate = PodReadinessGate()
        gate.conditionType = "example.com/fed"
        pod.spec.readinessGates = [gate, gate]
        pod.setCondition("example.com/fed", .true)
        #expect(
            PodTable.cells(pod, now: Self.now)[4...] == ["<unknown>", "<none>", "<none>", "<none>", "2/2"]
        )
    }
}

extension Pod {
    fileprivate mutating func setCondition(_ type: String, _ status: ConditionStatus, _ reason: String = "") {
        self.status.conditions.removeAll { $0.type == type }
        var condition = PodCondition()
        condition.type = type
        condition.status = status
        condition.reason = reason
        self.status.conditions.append(condition)
    }
}
