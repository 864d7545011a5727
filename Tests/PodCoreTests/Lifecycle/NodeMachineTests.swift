import Testing

@testable import PodCore

/// Which Pods the node has: what files and clients want, what leaves, and the order in which all of it ends.
@Suite struct NodeMachineTests {
    private func pod(_ name: String, _ version: String = "1", priorityClass: String = "") -> Pod {
        var pod = Pod()
        pod.metadata.namespace = "default"
        pod.metadata.name = name
        pod.metadata.uid = "\(name)-\(version)"
        // What no Pod that runs can be changed to.
        pod.spec.hostname = version
        pod.spec.priorityClassName = priorityClass
        return pod
    }

    private func key(_ name: String) -> PodKey { PodKey(namespace: "default", name: name) }

    private struct Driver {
        var machine = NodeMachine(nodeName: "node1")
        var now = Tick(nanoseconds: 0)

        mutating func tell(_ event: NodeEvent, after seconds: Int = 0) -> [NodeEffect] {
            now = now + .seconds(seconds)
            return machine.handle(event, at: now).filter { !$0.tellsReplacement }
        }
    }

    @Test("A Pod that a file asks for runs, and leaves when no file does")
    func comesAndGoes() {
        var node = Driver()
        let web = pod("web")
        #expect(node.tell(.wanted(web, path: "a.yaml")) == [.run(web, .file("a.yaml"))])
        #expect(node.tell(.wanted(web, path: "a.yaml")) == [])
        #expect(node.tell(.unwanted(key("web"))) == [.delete(key("web"), grace: nil)])
        #expect(node.machine.has(key("web")))
        #expect(node.tell(.gone(key("web"))) == [])
        #expect(!node.machine.has(key("web")))
    }

    @Test("A changed Pod waits until its predecessor has gone, and only the newest change counts")
    func isReplaced() {
        var node = Driver()
        _ = node.tell(.wanted(pod("web"), path: "a.yaml"))
        #expect(node.tell(.wanted(pod("web", "2"), path: "a.yaml")) == [.delete(key("web"), grace: nil)])
        #expect(node.tell(.wanted(pod("web", "3"), path: "a.yaml")) == [])
        #expect(node.tell(.gone(key("web"))) == [.run(pod("web", "3"), .file("a.yaml"))])
    }

    @Test("A file that comes back while its Pod is leaving has it run again")
    func comesBack() {
        var node = Driver()
        _ = node.tell(.wanted(pod("web"), path: "a.yaml"))
        _ = node.tell(.unwanted(key("web")))
        #expect(node.tell(.wanted(pod("web"), path: "b.yaml")) == [])
        #expect(node.tell(.gone(key("web"))) == [.run(pod("web"), .file("b.yaml"))])
    }

    @Test(
        "A Pod that is deleted by hand runs again while its file asks for it, whatever the file is called by then"
    )
    func isDeletedByHand() {
        var node = Driver()
        _ = node.tell(.wanted(pod("web"), path: "a.yaml"))
        #expect(
            node.tell(.deleted(key("web"), grace: .seconds(1))) == [.delete(key("web"), grace: .seconds(1))]
        )
        #expect(node.tell(.deleted(key("web"), grace: .zero)) == [.delete(key("web"), grace: .zero)])
        #expect(node.tell(.moved(key("web"), path: "b.yaml")) == [])
        #expect(node.tell(.gone(key("web"))) == [.run(pod("web"), .file("b.yaml"))])
        #expect(node.tell(.deleted(key("other"), grace: nil)) == [])
    }

    @Test("A Pod from the socket is gone for good when it is deleted")
    func isApplied() {
        var node = Driver()
        #expect(node.tell(.applied(pod("web"))) == [.run(pod("web"), .socket)])
        _ = node.tell(.deleted(key("web"), grace: nil))
        #expect(node.tell(.gone(key("web"))) == [])
    }

    @Test("A restored Pod is wanted by its file until the listing says otherwise; one that is leaving is not")
    func isRestored() {
        var node = Driver()
        _ = node.tell(.restored(pod("web"), .file("a.yaml"), .admitted))
        _ = node.tell(.restored(pod("old"), .file("b.yaml"), .leaving))
        #expect(node.tell(.gone(key("old"))) == [])
        _ = node.tell(.deleted(key("web"), grace: nil))
        #expect(node.tell(.gone(key("web"))) == [.run(pod("web"), .file("a.yaml"))])
    }

    // MARK: Ports of the node

    private func pod(_ name: String, _ version: String = "1", port: Int32, on address: String = "") -> Pod {
        var pod = pod(name, version)
        var wanted = ContainerPort()
        (wanted.containerPort, wanted.hostPort, wanted.hostIP) = (80, port, address)
        var container = Container()
        container.ports = [wanted]
        pod.spec.containers = [container]
        return pod
    }

    private func rejection(_ port: String, _ holder: String) -> Rejection {
        let sentence =
            "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
        return Rejection("NodePorts", "\(sentence): \(port) is taken by Pod default/\(holder)")
    }

    @Test("Of two Pods that want one port the first has it, and the second is rejected until it is another")
    func portIsTaken() {
        var node = Driver()
        let (web, other) = (pod("web", port: 80), pod("other", port: 80, on: "192.0.2.1"))
        #expect(node.tell(.wanted(web, path: "a.yaml")) == [.run(web, .file("a.yaml"))])
        let why = rejection("TCP port 80 on 192.0.2.1", "web")
        #expect(node.tell(.wanted(other, path: "b.yaml")) == [.reject(other, .file("b.yaml"), why)])
        #expect(node.tell(.wanted(other, path: "b.yaml")) == [])
        // That the port becomes free does not bring it back.
        _ = node.tell(.unwanted(key("web")))
        #expect(node.tell(.gone(key("web"))) == [])
        let changed = pod("other", "2", port: 80)
        #expect(node.tell(.wanted(changed, path: "b.yaml")) == [.delete(key("other"), grace: nil)])
        #expect(node.tell(.gone(key("other"))) == [.run(changed, .file("b.yaml"))])
    }

    @Test("One that was rejected keeps nothing from others")
    func rejectedHoldsNothing() {
        var node = Driver()
        _ = node.tell(.wanted(pod("web", port: 80), path: "a.yaml"))
        var both = pod("both", port: 80)
        both.spec.containers += pod("", port: 81).spec.containers
        _ = node.tell(.wanted(both, path: "b.yaml"))
        let third = pod("third", port: 81)
        #expect(node.tell(.wanted(third, path: "c.yaml")) == [.run(third, .file("c.yaml"))])
    }

    @Test("A Pod waits for the port of one that is leaving; those that wait are served in order")
    func portOfOneThatLeaves() {
        var node = Driver()
        _ = node.tell(.wanted(pod("web", port: 80), path: "a.yaml"))
        _ = node.tell(.unwanted(key("web")))
        let (renamed, late) = (pod("web2", port: 80), pod("late", port: 80))
        #expect(node.machine.obstacle(to: renamed) == key("web"))
        #expect(node.tell(.wanted(renamed, path: "a.yaml")) == [.wait(renamed, for: key("web"))])
        #expect(node.tell(.wanted(renamed, path: "a.yaml")) == [])
        #expect(node.tell(.wanted(late, path: "b.yaml")) == [.wait(late, for: key("web"))])
        #expect(node.machine.has(key("web2")))
        let why = rejection("TCP port 80", "web2")
        #expect(
            node.tell(.gone(key("web"))) == [
                .run(renamed, .file("a.yaml")), .reject(late, .file("b.yaml"), why),
            ]
        )
    }

    @Test("One that waits and is not wanted any more does not come")
    func givesUpWaiting() {
        var node = Driver()
        _ = node.tell(.wanted(pod("web", port: 80), path: "a.yaml"))
        _ = node.tell(.unwanted(key("web")))
        _ = node.tell(.wanted(pod("web2", port: 80), path: "a.yaml"))
        #expect(node.tell(.unwanted(key("web2"))) == [])
        #expect(!node.machine.has(key("web2")))
        #expect(node.tell(.gone(key("web"))) == [])
    }

    @Test("A Pod that has ended has given up its ports once that is on the disk")
    func portOfOneThatHasEnded() {
        var node = Driver()
        _ = node.tell(.wanted(pod("job", port: 80), path: "a.yaml"))
        let next = pod("next", port: 80)
        #expect(node.tell(.ending(key("job"))) == [])
        #expect(node.tell(.wanted(next, path: "b.yaml")) == [.wait(next, for: key("job"))])
        #expect(node.tell(.ended(key("job"))) == [.run(next, .file("b.yaml"))])
    }

    @Test("After a restart what runs keeps its ports, and a file's rejected Pod is looked at again")
    func rejectionIsLookedAtAgain() {
        var node = Driver()
        let (web, other, applied) = (pod("web", port: 80), pod("other", port: 80), pod("applied", port: 81))
        _ = node.tell(.restored(web, .file("a.yaml"), .admitted))
        _ = node.tell(.restored(applied, .socket, .rejected))
        let looked = node.tell(.restored(other, .file("b.yaml"), .rejected))
        #expect(looked == [.delete(key("other"), grace: .zero)])
        #expect(node.tell(.wanted(other, path: "b.yaml")) == [])
        #expect(
            node.tell(.gone(key("other"))) == [
                .reject(other, .file("b.yaml"), rejection("TCP port 80", "web"))
            ]
        )
        let third = pod("third", port: 81)
        #expect(node.tell(.applied(third)) == [.run(third, .socket)])
    }

    // MARK: Kernel parameters

    @Test("A Pod that wants a sysctl which is not allowed is rejected, whatever else is wrong with it")
    func forbiddenSysctl() {
        var node = Driver()
        _ = node.tell(.wanted(pod("web", port: 80), path: "a.yaml"))
        var other = pod("other", port: 80)
        var sysctl = Sysctl()
        sysctl.name = "net/core/somaxconn"
        other.spec.securityContext.sysctls = [sysctl]
        let why = Rejection("SysctlForbidden", "forbidden sysctl: \"net.core.somaxconn\" not allowlisted")
        #expect(node.tell(.applied(other)) == [.reject(other, .socket, why)])
        node.machine.sysctls = SysctlRules(allowedUnsafe: ["net.core.*"])
        other.metadata.name = "third"
        #expect(node.tell(.applied(other)) == [.reject(other, .socket, rejection("TCP port 80", "web"))])
    }

    // MARK: The machine goes down

    private let periods = ShutdownPeriods(total: .seconds(60), critical: .seconds(10))

    private func shuttingDown() -> Driver {
        var node = Driver()
        for name in ["a", "b"] { _ = node.tell(.wanted(pod(name), path: name)) }
        _ = node.tell(.wanted(pod("dns", priorityClass: "system-node-critical"), path: "dns"))
        let effects = node.tell(.shutDown(periods))
        #expect(
            effects == [.shutDown(key("a"), grace: .seconds(50)), .shutDown(key("b"), grace: .seconds(50))]
        )
        return node
    }

    @Test("Critical Pods are ended when the others have gone")
    func criticalLast() {
        var node = shuttingDown()
        #expect(node.tell(.podIsShutDown(key("b")), after: 1) == [])
        #expect(node.tell(.podIsShutDown(key("b"))) == [])
        #expect(node.tell(.podIsShutDown(key("a")), after: 1) == [.shutDown(key("dns"), grace: .seconds(10))])
        #expect(node.tell(.podIsShutDown(key("dns"))) == [.isDown])
        #expect(node.machine.nextAlarm == nil)
        #expect(node.tell(.shutDown(periods)) == [.isDown])
    }

    @Test("A wave that has had its time does not hold up the next, and the last one not the machine")
    func hasHadItsTime() {
        var node = shuttingDown()
        #expect(node.machine.nextAlarm == node.now + .seconds(53))
        #expect(node.tell(.alarm, after: 52) == [])
        #expect(node.tell(.alarm, after: 1) == [.shutDown(key("dns"), grace: .seconds(10))])
        #expect(node.tell(.podIsShutDown(key("a"))) == [])
        #expect(node.tell(.alarm, after: 13) == [.isDown])
        #expect(node.tell(.alarm, after: 1) == [])
    }

    @Test(
        "Nothing new is started meanwhile, neither a new file's Pod nor a successor; a Pod that leaves counts as ended"
    )
    func nothingNew() {
        var node = shuttingDown()
        #expect(node.machine.isShuttingDown)
        #expect(node.tell(.wanted(pod("new"), path: "new")) == [])
        #expect(node.tell(.wanted(pod("a", "2"), path: "a")) == [.delete(key("a"), grace: nil)])
        #expect(node.tell(.gone(key("a"))) == [])
        #expect(node.tell(.podIsShutDown(key("b"))) == [.shutDown(key("dns"), grace: .seconds(10))])
    }

    @Test("A Pod that goes before its wave is not waited for")
    func goesBeforeItsWave() {
        var node = shuttingDown()
        #expect(node.tell(.gone(key("dns"))) == [])
        #expect(node.tell(.podIsShutDown(key("a"))) == [])
        #expect(node.tell(.podIsShutDown(key("b"))) == [.isDown])
    }

    @Test("A node without Pods is down at once")
    func empty() {
        var node = Driver()
        #expect(node.tell(.shutDown(periods)) == [.isDown])
    }

    @Test(
        "What is critical",
        arguments: [
            (Int32?.none, "", false), (nil, "system-node-critical", true),
            (nil, "system-cluster-critical", true),
            (nil, "high", false), (2_000_000_000, "", true), (1_999_999_999, "system-node-critical", false),
        ]
    )
    func critical(priority: Int32?, priorityClass: String, isCritical: Bool) {
        var spec = PodSpec()
        spec.priority = priority
        spec.priorityClassName = priorityClass
        #expect(spec.isCritical == isCritical)
    }
}

extension NodeEffect {
    /// Whether a Pod says why it has taken another one's place.
    var tellsReplacement: Bool {
        if case .record(_, let record) = self { record.reason == "Replaced" } else { false }
    }
}
