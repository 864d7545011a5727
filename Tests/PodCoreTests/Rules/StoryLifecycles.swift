@testable import PodCore

/// What several tables of stories make of a Pod.
extension PodLifecycle {
    /// Init containers whose names begin with `proxy` are sidecars.
    mutating func makeSidecars() {
        for index in initContainers.indices where initContainers[index].name.hasPrefix("proxy") {
            initContainers[index].restartPolicy = .always
        }
    }

    /// As ``makeSidecars()``; the first one is probed.
    mutating func makeProbedSidecars() {
        makeSidecars()
        initContainers[0].probes[.startup] = ProbeSchedule()
        initContainers[0].probes[.readiness] = ProbeSchedule()
    }

    /// As ``makeSidecars()``; the first container, `web` mostly, has all of them restarted when it exits with 42.
    mutating func makeRestartAll() {
        makeSidecars()
        containers[0].restartPolicy = .never
        containers[0].restartRules = [.init(.restartAllContainers, codes: [42])]
    }
}

extension Step {
    static let removed =
        "RestartingAllContainers: The container is removed because RestartAllContainers in place"

    /// The container is shown as removed for the restart of all.
    static func isRemoved(_ name: String, restarts: Int) -> Step {
        .shows(name, "waiting \(removed), last ended 137 \(removed) ×\(restarts)")
    }
}
