import Testing

@testable import PodCore

/// Random Pods that name each other at random, and whatever befalls them: nobody begins before what it names is ready,
/// whoever can begin has, and only what is in a circle, or waits for one or for somebody who is not there, waits for ever.
@Suite struct StartOrderSeedTests {
    private struct World {
        var random: SplitMix
        var machine = NodeMachine(nodeName: "node1")
        var now = Tick(nanoseconds: 0)
        var pods: [PodKey: Pod] = [:]
        var standings: [PodKey: PodStanding] = [:]
        var held: Set<PodKey> = []
        var leaving: Set<PodKey> = []
        var problems: [String] = []
        var version = 0

        static let names = (0..<8).map { PodKey(namespace: "default", name: "p\($0)") }

        init(seed: UInt64) { random = SplitMix(state: seed) }

        func lacks(_ key: PodKey) -> [PodKey] {
            (pods[key]?.startsAfter ?? []).filter { standings[$0]?.isEnough != true || leaving.contains($0) }
        }

        mutating func tell(_ event: NodeEvent) {
            now = now + .seconds(1)
            for effect in machine.handle(event, at: now) { perform(effect) }
        }

        private mutating func perform(_ effect: NodeEffect) {
            switch effect {
            case .run(let pod, _): come(pod, isHeld: false)
            case .hold(let pod, _, _): come(pod, isHeld: true)
            case .release(let key):
                if held.remove(key) == nil { problems.append("\(key) is released and was not held") }
                checkBegin(key)
            case .holdOn(let key, _):
                if !held.contains(key) { problems.append("\(key) is held on and was not held") }
            case .delete(let key, _):
                leaving.insert(key)
                held.remove(key)
            case .change(let key, let pod, _): pods[key] = pod
            case .record(let key, _): if pods[key] == nil { problems.append("\(key) is not there") }
            case .shutDown, .isDown, .reject, .wait: problems.append("unasked: \(effect)")
            }
        }

        private mutating func come(_ pod: Pod, isHeld: Bool) {
            let key = PodKey(pod)
            if pods[key] != nil { problems.append("\(key) comes twice") }
            pods[key] = pod
            standings[key] = .pending
            if isHeld { held.insert(key) } else { checkBegin(key) }
        }

        private mutating func checkBegin(_ key: PodKey) {
            if !lacks(key).isEmpty { problems.append("\(key) begins before \(lacks(key))") }
        }

        mutating func write() {
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let key = Self.names.randomElement(using: &random) ?? Self.names[0]
                if Int.random(in: 0..<5, using: &random) == 0 {
                    tell(.unwanted(key))
                    continue
                }
                version += 1
                var pod = Pod()
                pod.metadata.namespace = key.namespace
                pod.metadata.name = key.name
                pod.metadata.uid = "\(version)"
                let others = (0..<Int.random(in: 0...2, using: &random)).compactMap { _ in
                    Self.names.randomElement(using: &random)?.name
                }
                let text = others.filter { $0 != key.name }.joined(separator: ",")
                if !text.isEmpty { pod.metadata.annotations[PodAnnotation.after] = text }
                tell(.wanted(pod, path: key.name))
            }
            tell(.settled)
        }

        mutating func change() {
            guard let key = pods.keys.sorted().randomElement(using: &random) else { return }
            if leaving.contains(key) {
                leaving.remove(key)
                pods[key] = nil
                standings[key] = nil
                return tell(.gone(key))
            }
            if held.contains(key) { return }
            let all: [PodStanding] = [.running, .ready, .ready, .succeeded, .failed]
            let standing = all.randomElement(using: &random) ?? .ready
            standings[key] = standing
            tell(.stands(key, standing))
        }

        /// Everybody whose turn it is becomes Ready, until nobody's is.
        mutating func calmDown() {
            for key in leaving.sorted() {
                leaving.remove(key)
                pods[key] = nil
                standings[key] = nil
                tell(.gone(key))
            }
            while let key = pods.keys.sorted().first(where: {
                !held.contains($0) && standings[$0]?.isEnough != true
            }) {
                standings[key] = .ready
                tell(.stands(key, .ready))
            }
        }

        /// Whether a Pod waits rightly for ever: the way from it leads to a name that is not there, or around.
        func isStuck(_ key: PodKey, _ way: Set<PodKey> = []) -> Bool {
            if way.contains(key) || pods[key] == nil { return true }
            if !held.contains(key) { return false }
            return lacks(key).contains { isStuck($0, way.union([key])) }
        }

        mutating func check(_ when: String) {
            for key in held where lacks(key).isEmpty { problems.append("\(when) \(key) is held for nothing") }
            for key in World.names where machine.isHeld(key) != held.contains(key) {
                problems.append("\(when) it is not known whether \(key) is held")
            }
        }
    }

    @Test("Nobody begins too early, whoever can begins, and only true circles and missing Pods hold for ever")
    func seeds() async {
        var begun = 0
        var stuck = 0
        for seed in UInt64(0)..<3000 {
            // Other tests wait for answers meanwhile, on as few threads as there are processors.
            await Task.yield()
            var world = World(seed: seed)
            for _ in 0..<Int.random(in: 5...40, using: &world.random) where world.problems.isEmpty {
                if Int.random(in: 0..<4, using: &world.random) == 0 { world.write() } else { world.change() }
                world.check("meanwhile")
            }
            world.calmDown()
            world.check("at rest")
            for key in world.held where !world.isStuck(key) { world.problems.append("\(key) is stuck") }
            begun += world.pods.count - world.held.count
            stuck += world.held.count
            if !world.problems.isEmpty {
                Issue.record("seed \(seed): \(world.problems)")
                return
            }
        }
        // Both happen often, or this would say nothing.
        #expect(begun > 3000 && stuck > 3000, "\(begun) begun, \(stuck) stuck")
    }
}
