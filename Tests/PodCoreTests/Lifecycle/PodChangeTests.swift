import Testing

@testable import PodCore

@Suite struct PodChangeTests {
    private static func pod(_ change: (inout Pod) -> Void = { _ in }) -> Pod {
        var pod = Pod()
        pod.metadata.name = "web-node1"
        pod.metadata.uid = "new"
        pod.metadata.labels = ["app": "web"]
        pod.metadata.annotations[PodAnnotation.configHash] = "new"
        pod.spec.initContainers = [container("setup", "busybox:1")]
        pod.spec.containers = [container("a", "nginx:1"), container("b", "redis:1")]
        change(&pod)
        return pod
    }

    private static func container(_ name: String, _ image: String) -> Container {
        var container = Container()
        container.name = name
        container.image = image
        return container
    }

    private static var old: Pod {
        pod {
            $0.metadata.uid = "old"
            $0.metadata.annotations[PodAnnotation.configHash] = "old"
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var change: @Sendable (inout Pod) -> Void
        var summary: String
        var superseded: Set<String> = []
    }

    @Test(
        "What Kubernetes lets people change in a Pod that exists changes in place",
        arguments: [
            Case(
                testDescription: "labels",
                change: { $0.metadata.labels["tier"] = "x" },
                summary: "Changed in place: labels; nothing restarts"
            ),
            Case(
                testDescription: "annotations",
                change: { $0.metadata.annotations["note"] = "x" },
                summary: "Changed in place: annotations; nothing restarts"
            ),
            Case(
                testDescription: "an image",
                change: { $0.spec.containers[1].image = "redis:2" },
                summary: "Changed in place: the image of b from redis:1 to redis:2; restarts if it runs: b",
                superseded: ["b"]
            ),
            Case(
                testDescription: "the image of an init container",
                change: { $0.spec.initContainers[0].image = "busybox:2" },
                summary: "Changed in place: the image of setup from busybox:1 to busybox:2; "
                    + "restarts if it runs: setup",
                superseded: ["setup"]
            ),
            Case(
                testDescription: "the deadline",
                change: { $0.spec.activeDeadlineSeconds = 5 },
                summary: "Changed in place: activeDeadlineSeconds; nothing restarts"
            ),
            Case(
                testDescription: "a further toleration",
                change: { $0.spec.tolerations.append(Toleration()) },
                summary: "Changed in place: tolerations; nothing restarts"
            ),
            Case(testDescription: "what is no field of a Pod", change: { _ in }, summary: ""),
        ]
    )
    func inPlace(row: Case) {
        let new = Self.pod(row.change)
        guard case .inPlace(let merged, let superseded, let summary) = PodChange(from: Self.old, to: new)
        else {
            Issue.record("not in place")
            return
        }
        #expect(summary == row.summary)
        #expect(superseded == row.superseded)
        #expect(merged.metadata.uid == "old")
        #expect(merged.spec == new.spec && merged.metadata.labels == new.metadata.labels)
        // And then there is nothing more to do, for the agent that made the change and for the next one.
        #expect(PodChange(from: merged, to: new) == .none)
        #expect(ManifestPod(merged) == ManifestPod(new))
    }

    struct Replacement: Sendable, CustomTestStringConvertible {
        var testDescription: String { differences.joined() }
        var change: @Sendable (inout Pod) -> Void
        var differences: [String]
    }

    @Test(
        "Anything else makes another Pod, and what differs is named",
        arguments: [
            Replacement(
                change: { $0.spec.containers[0].name = "c" },
                differences: ["spec.containers[0].name"]
            ),
            Replacement(change: { $0.spec.containers.removeLast() }, differences: ["spec.containers"]),
            Replacement(
                change: { $0.spec.containers[0].command = ["x"] },
                differences: ["spec.containers[0].command"]
            ),
            Replacement(
                change: {
                    $0.spec.containers[0].image = "nginx:2"
                    $0.spec.hostNetwork = true
                },
                differences: ["spec.hostNetwork"]
            ),
            Replacement(change: { $0.spec.tolerations = [] }, differences: ["spec.tolerations"]),
            Replacement(
                change: { $0.spec.containers[1].livenessProbe = Probe() },
                differences: ["spec.containers[1].livenessProbe"]
            ),
        ]
    )
    func replacement(row: Replacement) {
        var old = Self.old
        var new = Self.pod(row.change)
        if row.differences == ["spec.tolerations"] {
            old.spec.tolerations = [Toleration()]
            new.spec.tolerations = []
        }
        #expect(PodChange(from: old, to: new) == .replacement(differences: row.differences))
    }
}
