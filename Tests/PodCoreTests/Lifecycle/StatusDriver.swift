@testable import PodCore

/// A Pod, its machine and what is shown of it: each test takes the machine somewhere and reads the status.
struct StatusDriver {
    var pod = Pod()
    var driver: MachineDriver
    var builder = PodStatusBuilder()

    init(
        init initContainers: [String] = [],
        _ containers: [String] = ["web"],
        policy: RestartRule = .always,
        _ change: (inout PodLifecycle) -> Void = { _ in }
    ) {
        driver = MachineDriver(init: initContainers, containers, policy: policy, change)
        pod.metadata.name = "web-node1"
        pod.metadata.uid = "1234"
        pod.metadata.annotations[PodAnnotation.configSource] = "file"
        pod.spec.initContainers = initContainers.map(Self.container)
        pod.spec.containers = containers.map(Self.container)
    }

    static func container(_ name: String) -> Container {
        var container = Container()
        container.name = name
        container.image = "image-of-\(name)"
        return container
    }

    /// The status now.
    mutating func status() -> PodStatus {
        builder.status(
            of: pod,
            driver.machine,
            facts: [:],
            nodeAddresses: ["192.0.2.1", "2001:db8::1"],
            at: driver.now.wall
        )
    }

    mutating func shown(_ name: String = "web") -> ContainerStatus? {
        let status = status()
        return (status.initContainerStatuses + status.containerStatuses).first { $0.name == name }
    }

    mutating func condition(_ type: String) -> PodCondition? {
        status().conditions.first { $0.type == type }
    }

    /// Lets the first container run and end with `code`, `times` times in all; every wait is sat out.
    mutating func crash(_ code: Int32 = 1, times: Int) {
        _ = driver.bringUp()
        for run in 1...times {
            if run > 1, let alarm = driver.machine.nextAlarm {
                let wait = alarm - driver.now.tick
                _ = driver.tell(.alarm, after: Double(wait.wholeNanoseconds) / 1e9)
            }
            _ = driver.start(UInt64(run))
            _ = driver.exit(UInt64(run), code)
        }
    }
}
