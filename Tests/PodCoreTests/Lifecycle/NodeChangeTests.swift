import Testing

@testable import PodCore

/// What becomes of a Pod whose file says something else than it did; see ``PodChange``.
@Suite struct NodeChangeTests {
    private static func pod(_ uid: String, _ change: (inout Pod) -> Void = { _ in }) -> Pod {
        var pod = Pod()
        pod.metadata.namespace = "default"
        pod.metadata.name = "web"
        pod.metadata.uid = uid
        pod.metadata.annotations[PodAnnotation.configSource] = "file"
        pod.metadata.annotations[PodAnnotation.configHash] = uid
        var container = Container()
        container.name = "c"
        container.image = "nginx:1"
        pod.spec.containers = [container]
        change(&pod)
        return pod
    }

    private static let key = PodKey(namespace: "default", name: "web")

    private static func node(_ pod: Pod) -> NodeMachine {
        var machine = NodeMachine(nodeName: "node1")
        _ = machine.handle(.wanted(pod, path: "a"), at: Tick(nanoseconds: 0))
        return machine
    }

    private static func wanted(_ pod: Pod, _ machine: inout NodeMachine) -> [NodeEffect] {
        machine.handle(.wanted(pod, path: "a"), at: Tick(nanoseconds: 1))
    }

    @Test("An image changes in place: the Pod keeps its UID, and the container is started anew")
    func image() {
        var machine = Self.node(Self.pod("1"))
        let new = Self.pod("2") { $0.spec.containers[0].image = "nginx:2" }
        let merged = Self.pod("1") {
            $0.metadata.annotations[PodAnnotation.configHash] = "2"
            $0.spec.containers[0].image = "nginx:2"
        }
        let record = PodRecord(
            .normal,
            "Changed",
            "Changed in place: the image of c from nginx:1 to nginx:2; restarts if it runs: c"
        )
        let effects = Self.wanted(new, &machine)
        #expect(effects == [.change(Self.key, merged, superseding: ["c"]), .record(Self.key, record)])
        let again = Self.wanted(new, &machine)
        #expect(again == [])
    }

    @Test("Back to what it was, it changes back, and still is the same Pod")
    func back() {
        var machine = Self.node(Self.pod("1"))
        _ = Self.wanted(Self.pod("2") { $0.metadata.labels["a"] = "b" }, &machine)
        let effects = Self.wanted(Self.pod("1"), &machine)
        #expect(effects.first == .change(Self.key, Self.pod("1"), superseding: []))
    }

    @Test("A Pod that has ended keeps its new labels, but for another image it is started again")
    func ended() {
        var machine = Self.node(Self.pod("1"))
        _ = machine.handle(.ending(Self.key), at: Tick(nanoseconds: 0))
        _ = machine.handle(.ended(Self.key), at: Tick(nanoseconds: 0))
        let labelled = Self.wanted(Self.pod("2") { $0.metadata.labels["a"] = "b" }, &machine)
        #expect(labelled.count == 2)
        let image = Self.wanted(Self.pod("3") { $0.spec.containers[0].image = "nginx:2" }, &machine)
        #expect(image == [.delete(Self.key, grace: nil)])
    }

    @Test("What takes another one's place says why")
    func replaced() {
        var machine = Self.node(Self.pod("1"))
        let new = Self.pod("2") { $0.spec.containers[0].command = ["x"] }
        let leaving = Self.wanted(new, &machine)
        #expect(leaving == [.delete(Self.key, grace: nil)])
        let effects = machine.handle(.gone(Self.key), at: Tick(nanoseconds: 2))
        let message =
            "The manifest has changed in spec.containers[0].command: the Pod that ran was stopped, and this one has taken its place"
        #expect(
            effects == [.run(new, .file("a")), .record(Self.key, PodRecord(.normal, "Replaced", message))]
        )
    }

    @Test("What was replaced and is not wanted any more leaves no word behind")
    func forgotten() {
        var machine = Self.node(Self.pod("1"))
        let new = Self.pod("2") { $0.spec.containers[0].command = ["x"] }
        _ = Self.wanted(new, &machine)
        _ = machine.handle(.unwanted(Self.key), at: Tick(nanoseconds: 2))
        _ = machine.handle(.gone(Self.key), at: Tick(nanoseconds: 2))
        let effects = Self.wanted(new, &machine)
        #expect(effects == [.run(new, .file("a"))])
    }
}
