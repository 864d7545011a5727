import Testing

@testable import PodCore

/// Which Pods the node has: what files and clients want, what leaves, and the order in which all of it ends.
@Suite struct NodeMachineTests {
    private func pod(_ name: String, _ version: String = "1", priorityClass: String = "") -> Pod {
        var pod = Pod()
        pod.metadata.namespace = "default"
        pod.metadata.name = name
        pod.metadata.uid = "\(name)-\(version)"
        pod.spec.priorityClassName = priorityClass
        return pod
    }

    private func key(_ name: String) -> PodKey { PodKey(namespace: "default", name: name) }

    private struct Driver {
        var machine = NodeMachine()
        var now = Tick(nanoseconds: 0)

        mutating func tell(_ event: NodeEvent, after seconds: Int = 0) -> [NodeEffect] {
            now = now + .seconds(seconds)
            return machine.handle(event, at: now)
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
        _ = node.tell(.restored(pod("web"), .file("a.yaml"), isLeaving: false))
        _ = node.tell(.restored(pod("old"), .file("b.yaml"), isLeaving: true))
        #expect(node.tell(.gone(key("old"))) == [])
        _ = node.tell(.deleted(key("web"), grace: nil))
        #expect(node.tell(.gone(key("web"))) == [.run(pod("web"), .file("a.yaml"))])
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
