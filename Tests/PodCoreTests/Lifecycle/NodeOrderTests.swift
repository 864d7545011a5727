import Testing

@testable import PodCore

/// Start order as the node's machine carries it out, and the reverse when the node goes down.
@Suite struct NodeOrderTests {
    private func pod(_ name: String, after: String? = nil, _ version: String = "1", critical: Bool = false)
        -> Pod
    {
        var pod = Pod()
        pod.metadata.namespace = "default"
        pod.metadata.name = name
        pod.metadata.uid = "\(name)-\(version)"
        // What no Pod that runs can be changed to.
        pod.spec.hostname = version
        pod.metadata.annotations[PodAnnotation.after] = after
        if critical { pod.spec.priorityClassName = "system-node-critical" }
        return pod
    }

    private func key(_ name: String) -> PodKey { PodKey(namespace: "default", name: name) }

    private func waiting(_ text: String) -> Waiting { Waiting("WaitingForPods", "Waiting for \(text)") }

    private func event(_ names: String) -> PodRecord {
        let text = "Waiting for \(names) to be Ready or Succeeded, as podagent.io/after asks"
        return PodRecord(.normal, "WaitingForPods", text)
    }

    private struct Driver {
        var machine = NodeMachine(nodeName: "node1")
        var now = Tick(nanoseconds: 0)

        mutating func tell(_ event: NodeEvent, after seconds: Int = 0) -> [NodeEffect] {
            now = now + .seconds(seconds)
            return machine.handle(event, at: now).filter { !$0.tellsReplacement }
        }

        /// Files that are seen together, each of a Pod.
        mutating func put(_ pods: Pod...) -> [NodeEffect] {
            let effects = pods.flatMap { tell(.wanted($0, path: $0.metadata.name)) }
            return effects + tell(.settled)
        }
    }

    private func file(_ name: String) -> PodSource { .file(name) }

    @Test("A Pod is held until what it names is Ready, says so once, and is never held again")
    func isHeld() {
        var node = Driver()
        let (web, db) = (pod("web", after: "db"), pod("db"))
        #expect(
            node.put(web, db) == [
                .run(db, file("db")), .hold(web, file("web"), waiting("db (Pending)")),
                .record(key("web"), event("db")),
            ]
        )
        #expect(
            node.tell(.stands(key("db"), .running)) == [
                .holdOn(key("web"), waiting("db (Running, not Ready)"))
            ]
        )
        #expect(node.tell(.stands(key("db"), .ready)) == [.release(key("web"))])
        #expect(node.tell(.stands(key("db"), .running)) == [])
        #expect(node.tell(.stands(key("db"), .failed)) == [])
        #expect(node.tell(.settled) == [])
        #expect(node.put(web, db) == [])
    }

    @Test("A Pod whose named Pods are there and Ready begins at once, without a word")
    func isReadyAlready() {
        var node = Driver()
        _ = node.put(pod("db"), pod("job"))
        _ = node.tell(.stands(key("db"), .ready))
        _ = node.tell(.stands(key("job"), .succeeded))
        let web = pod("web", after: "db, job")
        #expect(node.put(web) == [.run(web, file("web"))])
        let applied = pod("applied", after: "default/db")
        #expect(node.tell(.applied(applied)) == [.run(applied, .socket)])
    }

    @Test("A name that nobody has is reported when all files are known, and the Pod begins when there is one")
    func unknown() {
        var node = Driver()
        let (web, db) = (pod("web", after: "db"), pod("db"))
        let text = "there is no Pod db, which podagent.io/after names: waiting until there is one"
        let missing = NodeEffect.record(key("web"), PodRecord(.warning, "UnknownPod", text))
        #expect(
            node.put(web) == [
                .hold(web, file("web"), waiting("db (there is no such Pod)")),
                .record(key("web"), event("db")),
                missing,
            ]
        )
        #expect(node.tell(.settled) == [])
        #expect(node.put(db) == [.run(db, file("db")), .holdOn(key("web"), waiting("db (Pending)"))])
        // Gone again is news again.
        #expect(
            node.tell(.unwanted(key("db"))) == [
                .delete(key("db"), grace: nil), .holdOn(key("web"), waiting("db (being deleted)")),
            ]
        )
        #expect(
            node.tell(.gone(key("db"))) == [
                .holdOn(key("web"), waiting("db (there is no such Pod)")), missing,
            ]
        )
        _ = node.put(db)
        #expect(node.tell(.stands(key("db"), .ready)) == [.release(key("web"))])
    }

    @Test("Of Pods that wait for each other none begins and each says so; a changed file ends that")
    func circle() {
        var node = Driver()
        let (a, b) = (pod("a", after: "b"), pod("b", after: "a"))
        let (textA, textB) = (
            "they wait for each other: a -> b -> a", "they wait for each other: b -> a -> b"
        )
        let effects = node.put(a, b)
        #expect(
            effects.prefix(2) == [
                .hold(a, file("a"), waiting("b (waits itself); \(textA)")),
                .hold(b, file("b"), waiting("a (waits itself); \(textB)")),
            ]
        )
        let warnings = effects.compactMap { effect -> String? in
            guard case .record(_, let record) = effect, record.kind == .warning else { return nil }
            return "\(record.reason) \(record.message.prefix(20))"
        }
        #expect(warnings == ["StartOrderCycle a -> b -> a: these P", "StartOrderCycle b -> a -> b: these P"])
        let free = pod("a", "2")
        #expect(
            node.put(free) == [
                .delete(key("a"), grace: nil), .holdOn(key("b"), waiting("a (being deleted)")),
            ]
        )
        #expect(
            node.tell(.gone(key("a"))) == [.run(free, file("a")), .holdOn(key("b"), waiting("a (Pending)"))]
        )
        #expect(node.tell(.stands(key("a"), .ready)) == [.release(key("b"))])
    }

    @Test("A held Pod whose annotation changes waits for what it names now, and begins if that is nothing")
    func renamed() {
        var node = Driver()
        let (db, web) = (pod("db"), pod("web", after: "db"))
        _ = node.put(db, web)
        let other = pod("web", after: "cache")
        var effects = node.put(other)
        let unknown = "cache (there is no such Pod)"
        #expect(effects.contains(.change(key("web"), other, superseding: [])))
        #expect(effects.contains(.holdOn(key("web"), waiting(unknown))), "\(effects)")
        let free = pod("web")
        effects = node.put(free)
        #expect(effects.contains(.change(key("web"), free, superseding: [])))
        #expect(effects.contains(.release(key("web"))), "\(effects)")
    }

    @Test("One that is replaced is not what others wait for, even in the same moment")
    func successor() {
        var node = Driver()
        _ = node.put(pod("db"))
        _ = node.tell(.stands(key("db"), .ready))
        let (web, next) = (pod("web", after: "db"), pod("db", "2"))
        let effects = node.put(web, next)
        #expect(
            effects == [
                .delete(key("db"), grace: nil), .hold(web, file("web"), waiting("db (being deleted)")),
                .record(key("web"), event("db")),
            ]
        )
        #expect(node.tell(.stands(key("db"), .ready)) == [])
        #expect(
            node.tell(.gone(key("db"))) == [
                .run(next, file("db")), .holdOn(key("web"), waiting("db (Pending)")),
            ]
        )
    }

    @Test(
        "A held Pod leaves at once when it is deleted or its file goes, and one of the same moment never comes"
    )
    func isDeleted() {
        var node = Driver()
        let web = pod("web", after: "db")
        _ = node.put(web)
        #expect(node.tell(.deleted(key("web"), grace: .zero)) == [.delete(key("web"), grace: .zero)])
        let again = node.tell(.gone(key("web")))
        #expect(again.first == .hold(web, file("web"), waiting("db (there is no such Pod)")))
        #expect(node.tell(.unwanted(key("web"))) == [.delete(key("web"), grace: nil)])
        #expect(node.tell(.gone(key("web"))) == [])
        _ = node.tell(.wanted(web, path: "web"))
        #expect(node.tell(.unwanted(key("web"))) == [])
        #expect(node.tell(.settled) == [])
        #expect(!node.machine.has(key("web")))
    }

    @Test("A held Pod has its ports of the node, as one that waits for its image has")
    func keepsPorts() {
        var node = Driver()
        var (web, other) = (pod("web", after: "db"), pod("other"))
        var port = ContainerPort()
        (port.containerPort, port.hostPort) = (80, 80)
        var container = Container()
        container.ports = [port]
        (web.spec.containers, other.spec.containers) = ([container], [container])
        _ = node.put(web)
        guard case .reject(_, _, let why)? = node.put(other).first else { return #expect(Bool(false)) }
        #expect(why.text.contains("taken by Pod default/web"))
    }

    @Test(
        "After a restart of the agent what had begun goes on, and what was held is held until it hears otherwise"
    )
    func restart() {
        var node = Driver()
        let (web, late, db) = (pod("web", after: "db"), pod("late", after: "db"), pod("db"))
        #expect(node.tell(.restored(late, file("late"), .held)) == [])
        #expect(node.tell(.restored(web, file("web"), .admitted)) == [])
        #expect(node.tell(.restored(db, file("db"), .admitted)) == [])
        // Its shim has not answered yet. Nothing is missing before the files have been read.
        #expect(node.tell(.stands(key("web"), .ready)) == [])
        #expect(
            node.tell(.settled) == [
                .holdOn(key("late"), waiting("db (Pending)")), .record(key("late"), event("db")),
            ]
        )
        #expect(node.tell(.stands(key("db"), .ready)) == [.release(key("late"))])
    }

    @Test("One that has begun and of which that was not written down any more is not held on")
    func begun() {
        var node = Driver()
        _ = node.tell(.restored(pod("web", after: "db"), file("web"), .held))
        #expect(node.tell(.begun(key("web"))) == [])
        #expect(!node.machine.isHeld(key("web")))
        #expect(node.tell(.settled) == [])
    }

    @Test("One that waits for a port is not unknown to those that wait for it")
    func waitsForPort() {
        var node = Driver()
        var (old, db) = (pod("old"), pod("db"))
        var port = ContainerPort()
        (port.containerPort, port.hostPort) = (80, 80)
        var container = Container()
        container.ports = [port]
        (old.spec.containers, db.spec.containers) = ([container], [container])
        let web = pod("web", after: "db")
        _ = node.put(old)
        _ = node.tell(.unwanted(key("old")))
        #expect(
            node.put(web, db) == [
                .wait(db, for: key("old")), .hold(web, file("web"), waiting("db (Pending)")),
                .record(key("web"), event("db")),
            ]
        )
        #expect(node.tell(.gone(key("old"))) == [.run(db, file("db"))])
        #expect(node.tell(.stands(key("db"), .ready)) == [.release(key("web"))])
    }

    // MARK: The machine goes down

    private let periods = ShutdownPeriods(total: .seconds(60), critical: .seconds(0))

    private func goingDown(_ pods: Pod..., periods: ShutdownPeriods? = nil) -> (Driver, [NodeEffect]) {
        var node = Driver()
        for pod in pods { _ = node.tell(.restored(pod, file(pod.metadata.name), .admitted)) }
        let effects = node.tell(.shutDown(periods ?? self.periods))
        return (node, effects)
    }

    @Test("A Pod is ended after those that named it, and has the time that they leave")
    func reverse() {
        var (node, effects) = goingDown(
            pod("db"),
            pod("cache", after: "db"),
            pod("web", after: "cache"),
            pod("other")
        )
        #expect(
            effects == [
                .shutDown(key("other"), grace: .seconds(60)), .shutDown(key("web"), grace: .seconds(20)),
            ]
        )
        #expect(
            node.tell(.podIsShutDown(key("web")), after: 2) == [.shutDown(key("cache"), grace: .seconds(29))]
        )
        #expect(node.tell(.podIsShutDown(key("other")), after: 1) == [])
        #expect(
            node.tell(.podIsShutDown(key("cache")), after: 1) == [.shutDown(key("db"), grace: .seconds(56))]
        )
        #expect(node.tell(.podIsShutDown(key("db")), after: 1) == [.isDown])
    }

    @Test(
        "One that does not end in its share of the time holds up nobody any more, and the wave ends in its time"
    )
    func hangs() {
        var (node, effects) = goingDown(pod("db"), pod("web", after: "db"))
        #expect(effects == [.shutDown(key("web"), grace: .seconds(30))])
        #expect(node.machine.nextAlarm == node.now + .seconds(31))
        #expect(node.tell(.alarm, after: 30) == [])
        #expect(node.tell(.alarm, after: 1) == [.shutDown(key("db"), grace: .seconds(29))])
        #expect(node.machine.nextAlarm == node.now + .seconds(32))
        #expect(node.tell(.alarm, after: 32) == [.isDown])
    }

    @Test("When the wave's time is over all that remain are ended, and there is still a moment for that")
    func outOfTime() {
        let short = ShutdownPeriods(total: .milliseconds(900), critical: .zero)
        var (node, effects) = goingDown(
            pod("db"),
            pod("b", after: "db"),
            pod("a", after: "b"),
            periods: short
        )
        #expect(effects == [.shutDown(key("a"), grace: .milliseconds(300))])
        #expect(node.machine.nextAlarm == node.now + .milliseconds(900))
        #expect(
            node.tell(.alarm, after: 1) == [
                .shutDown(key("b"), grace: .zero), .shutDown(key("db"), grace: .zero),
            ]
        )
        #expect(node.machine.nextAlarm == Tick(nanoseconds: 0) + .milliseconds(3900))
    }

    @Test("Critical Pods come last, whoever they name; a Pod that is gone is not waited for")
    func waves() {
        let both = ShutdownPeriods(total: .seconds(60), critical: .seconds(10))
        var (node, effects) = goingDown(
            pod("db"),
            pod("dns", after: "db", critical: true),
            pod("web", after: "db"),
            periods: both
        )
        #expect(effects == [.shutDown(key("web"), grace: .seconds(25))])
        #expect(node.tell(.gone(key("web")), after: 10) == [.shutDown(key("db"), grace: .seconds(40))])
        #expect(node.tell(.gone(key("db"))) == [.shutDown(key("dns"), grace: .seconds(10))])
    }

    @Test("Pods that name each other are ended together; nothing begins meanwhile")
    func circleAtTheEnd() {
        var (node, effects) = goingDown(pod("a", after: "b"), pod("b", after: "a"))
        #expect(
            effects == [.shutDown(key("a"), grace: .seconds(60)), .shutDown(key("b"), grace: .seconds(60))]
        )
        #expect(node.put(pod("web", after: "a")) == [])
        #expect(node.tell(.stands(key("a"), .ready)) == [])
    }

    @Test("A held Pod does not begin while the node goes down")
    func heldAtTheEnd() {
        var node = Driver()
        _ = node.put(pod("db"), pod("web", after: "db"))
        #expect(node.tell(.shutDown(periods)) == [.shutDown(key("web"), grace: .seconds(30))])
        #expect(node.tell(.stands(key("db"), .ready)).contains(.release(key("web"))) == false)
    }
}
