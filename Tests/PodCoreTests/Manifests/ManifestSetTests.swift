import PodCore
import Testing

@Suite struct ManifestSetTests {
    typealias TestSet = ManifestSet<Int>
    typealias Definition = TestSet.Definition

    private static func key(_ name: String) -> PodKey { PodKey(namespace: "default", name: name) }

    private static func file(_ path: String, _ seen: Int, _ pods: KeyValuePairs<String, Int>)
        -> TestSet.Change
    {
        .defines(path: path, firstSeen: seen, pods.map { Definition(key($0.key), $0.value) })
    }

    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var before: [[TestSet.Change]] = []
        var changes: [TestSet.Change]
        var actions: [TestSet.Action] = []
        var reports: [TestSet.Report] = []
    }

    @Test(arguments: [
        Case(
            testDescription: "a new file starts its Pods in their order",
            changes: [file("a", 1, ["z": 1, "y": 2])],
            actions: [.start(key("z"), 1, path: "a"), .start(key("y"), 2, path: "a")]
        ),
        Case(
            testDescription: "an unchanged file does nothing",
            before: [[file("a", 1, ["x": 1])]],
            changes: [file("a", 1, ["x": 1])]
        ),
        Case(
            testDescription: "a changed Pod is replaced, its neighbour left alone",
            before: [[file("a", 1, ["x": 1, "y": 1])]],
            changes: [file("a", 1, ["x": 2, "y": 1])],
            actions: [.replace(key("x"), old: 1, new: 2, path: "a")]
        ),
        Case(
            testDescription: "a Pod that is renamed in its file goes before the new one starts",
            before: [[file("a", 1, ["x": 1])]],
            changes: [file("a", 1, ["y": 1])],
            actions: [.remove(key("x"), 1, path: "a"), .start(key("y"), 1, path: "a")]
        ),
        Case(
            testDescription: "a removed file removes its Pods and no other",
            before: [[file("a", 1, ["x": 1]), file("b", 2, ["y": 1])]],
            changes: [.removed(path: "a")],
            actions: [.remove(key("x"), 1, path: "a")]
        ),
        Case(
            testDescription: "a file that becomes unusable keeps its Pods",
            before: [[file("a", 1, ["x": 1, "y": 1])]],
            changes: [.unusable(path: "a", firstSeen: 1)],
            reports: [.keptLastGood(path: "a", [key("x"), key("y")])]
        ),
        Case(
            testDescription: "a file that stays unusable is not reported again",
            before: [[file("a", 1, ["x": 1])], [.unusable(path: "a", firstSeen: 1)]],
            changes: [.unusable(path: "a", firstSeen: 1)]
        ),
        Case(
            testDescription: "a file that was never usable has nothing to keep",
            changes: [.unusable(path: "a", firstSeen: 1)]
        ),
        Case(
            testDescription: "an unusable file that is mended to what it was does nothing",
            before: [[file("a", 1, ["x": 1])], [.unusable(path: "a", firstSeen: 1)]],
            changes: [file("a", 1, ["x": 1])]
        ),
        Case(
            testDescription: "an unusable file that is removed removes its Pods",
            before: [[file("a", 1, ["x": 1])], [.unusable(path: "a", firstSeen: 1)]],
            changes: [.removed(path: "a")],
            actions: [.remove(key("x"), 1, path: "a")]
        ),
        Case(
            testDescription: "of two files that come together the older runs, whatever the order of mention",
            changes: [file("b", 2, ["x": 2]), file("a", 1, ["x": 1])],
            actions: [.start(key("x"), 1, path: "a")],
            reports: [.duplicate(key("x"), refused: "b", runsFrom: "a")]
        ),
        Case(
            testDescription: "a running Pod is not taken over, not even by a file that counts as older",
            before: [[file("b", 2, ["x": 2])]],
            changes: [file("a", 1, ["x": 1])],
            reports: [.duplicate(key("x"), refused: "a", runsFrom: "b")]
        ),
        Case(
            testDescription: "a refused duplicate is reported once",
            before: [[file("a", 1, ["x": 1])], [file("b", 2, ["x": 2])]],
            changes: [file("b", 2, ["x": 3])]
        ),
        Case(
            testDescription: "a duplicate's other Pods run",
            before: [[file("a", 1, ["x": 1])]],
            changes: [file("b", 2, ["x": 2, "y": 2])],
            actions: [.start(key("y"), 2, path: "b")],
            reports: [.duplicate(key("x"), refused: "b", runsFrom: "a")]
        ),
        Case(
            testDescription: "the newer takes over when the older goes",
            before: [[file("a", 1, ["x": 1])], [file("b", 2, ["x": 2])]],
            changes: [.removed(path: "a")],
            actions: [.replace(key("x"), old: 1, new: 2, path: "b")]
        ),
        Case(
            testDescription:
                "an equal Pod from another file is the same Pod, for its file is no part of its identity",
            before: [[file("a", 1, ["x": 1])], [file("b", 2, ["x": 1])]],
            changes: [.removed(path: "a")],
            actions: [.move(key("x"), 1, from: "a", to: "b")]
        ),
        Case(
            testDescription: "what a renamed file asks for goes on",
            before: [[file("a", 1, ["x": 1, "y": 1])]],
            changes: [.removed(path: "a"), file("b", 2, ["x": 1, "y": 2])],
            actions: [.move(key("x"), 1, from: "a", to: "b"), .replace(key("y"), old: 1, new: 2, path: "b")]
        ),
        Case(
            testDescription: "the newer takes over when the older no longer defines the Pod",
            before: [[file("a", 1, ["x": 1])], [file("b", 2, ["x": 2])]],
            changes: [file("a", 1, ["y": 1])],
            actions: [.replace(key("x"), old: 1, new: 2, path: "b"), .start(key("y"), 1, path: "a")]
        ),
        Case(
            testDescription: "a duplicate that loses its rival has nothing left to report",
            before: [[file("a", 1, ["x": 1])], [file("b", 2, ["x": 2])]],
            changes: [.removed(path: "b")]
        ),
        Case(
            testDescription: "of two definitions in one file the first counts",
            changes: [file("a", 1, ["x": 1, "x": 2])],
            actions: [.start(key("x"), 1, path: "a")],
            reports: [.duplicate(key("x"), refused: "a", runsFrom: "a")]
        ),
        Case(
            testDescription: "an unusable file still holds what it runs against a newer file",
            before: [[file("a", 1, ["x": 1])], [.unusable(path: "a", firstSeen: 1)]],
            changes: [file("b", 2, ["x": 2])],
            reports: [.duplicate(key("x"), refused: "b", runsFrom: "a")]
        ),
    ])
    func changes(_ given: Case) {
        var set = TestSet()
        for changes in given.before { _ = set.apply(changes) }
        let outcome = set.apply(given.changes)
        #expect(outcome.actions == given.actions)
        #expect(outcome.reports == given.reports)
    }

    private static let restored: [(path: String, definitions: [Definition])] = [
        ("a", [Definition(key("x"), 1)]), ("b", [Definition(key("y"), 1)]),
    ]

    @Test(arguments: [
        Case(
            testDescription: "what ran and is still wanted goes on",
            changes: [file("a", 1, ["x": 1]), file("b", 2, ["y": 1]), .listed]
        ),
        Case(
            testDescription: "what was edited meanwhile is replaced",
            changes: [file("a", 1, ["x": 5]), file("b", 2, ["y": 1]), .listed],
            actions: [.replace(key("x"), old: 1, new: 5, path: "a")]
        ),
        Case(
            testDescription: "what was removed meanwhile is removed, once all files are known",
            changes: [file("a", 1, ["x": 1]), .listed],
            actions: [.remove(key("y"), 1, path: "b")]
        ),
        Case(
            testDescription: "nothing is removed before all files are known",
            changes: [file("a", 1, ["x": 1])]
        ),
        Case(
            testDescription: "what was broken meanwhile goes on as it was",
            changes: [.unusable(path: "a", firstSeen: 1), file("b", 2, ["y": 1]), .listed],
            reports: [.keptLastGood(path: "a", [key("x")])]
        ),
        Case(
            testDescription: "a duplicate made meanwhile does not take over, though its file is older",
            changes: [file("0", 1, ["x": 9]), file("a", 2, ["x": 1]), file("b", 3, ["y": 1]), .listed],
            reports: [.duplicate(key("x"), refused: "0", runsFrom: "a")]
        ),
        Case(
            testDescription: "what a renamed manifest asks for goes on",
            changes: [file("c", 1, ["x": 1]), file("b", 2, ["y": 1]), .listed],
            actions: [.move(key("x"), 1, from: "a", to: "c")]
        ),
    ])
    func afterRestart(_ given: Case) {
        var set = TestSet(restored: Self.restored)
        let outcome = set.apply(given.changes)
        #expect(outcome.actions == given.actions)
        #expect(outcome.reports == given.reports)
    }

    @Test("What is restored of one file in several parts goes on as a whole")
    func restoredInParts() {
        let parts = [("a", [Definition(Self.key("x"), 1)]), ("a", [Definition(Self.key("y"), 1)])]
        var set = TestSet(restored: parts)
        #expect(set.apply([Self.file("a", 1, ["x": 1, "y": 1]), .listed]).actions == [])
        #expect(set.apply([.unusable(path: "a", firstSeen: 1)]).actions == [])
        #expect(set.pods.count == 2)
    }

    /// The rules said again, slowly: nothing is remembered but the files' last good versions and who runs what.
    private struct NaiveModel {
        var files: [(path: String, seen: Int, pods: [(String, Int)])] = []
        var runs: [String: (pod: Int, path: String)] = [:]

        mutating func apply(_ change: TestSet.Change) {
            switch change {
            case .defines(let path, let seen, let definitions):
                let pods = definitions.map { ($0.key.name, $0.pod) }
                if let index = files.firstIndex(where: { $0.path == path }) {
                    files[index].pods = pods
                } else {
                    files.append((path, seen, pods))
                }
            case .unusable(let path, let seen):
                if !files.contains(where: { $0.path == path }) { files.append((path, seen, [])) }
            case .removed(let path): files.removeAll { $0.path == path }
            case .listed: break
            }
        }

        mutating func settle() {
            var next: [String: (pod: Int, path: String)] = [:]
            for name in Set(files.flatMap { $0.pods.map(\.0) }) {
                let owners = files.filter { $0.pods.contains { $0.0 == name } }.sorted { $0.seen < $1.seen }
                let owner = owners.first { $0.path == runs[name]?.path } ?? owners[0]
                if let pod = owner.pods.first(where: { $0.0 == name }) { next[name] = (pod.1, owner.path) }
            }
            runs = next
        }
    }

    @Test("Under any sequence, the actions carried out lead to what the rules ask for", arguments: 0..<200)
    func randomSequences(seed: UInt64) {
        var random = SplitMix(state: seed)
        var set = TestSet()
        var model = NaiveModel()
        var carriedOut: [PodKey: (pod: Int, path: String)] = [:]
        var seen: [String: Int] = [:]
        var counter = 0
        for _ in 0..<60 {
            let changes = (0...Int.random(in: 0...2, using: &random)).map { _ in
                Self.randomChange(&random, &seen, &counter)
            }
            for change in changes { model.apply(change) }
            model.settle()
            for action in set.apply(changes).actions { Self.carryOut(action, &carriedOut) }
            let expected = Dictionary(
                uniqueKeysWithValues: model.runs.map { (Self.key($0.key), $0.value.path) }
            )
            #expect(carriedOut.mapValues(\.path) == expected)
            #expect(carriedOut.mapValues(\.pod) == set.pods.mapValues(\.pod))
            #expect(model.runs.allSatisfy { carriedOut[Self.key($0.key)]?.pod == $0.value.pod })
        }
    }

    private static func randomChange(
        _ random: inout SplitMix,
        _ seen: inout [String: Int],
        _ counter: inout Int
    ) -> TestSet.Change {
        let path = ["a", "b", "c", "d"][Int.random(in: 0..<4, using: &random)]
        counter += 1
        let age = seen[path] ?? counter
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            seen[path] = nil
            return .removed(path: path)
        case 1:
            seen[path] = age
            return .unusable(path: path, firstSeen: age)
        default:
            seen[path] = age
            let names = ["x", "y", "z"].shuffled(using: &random).prefix(Int.random(in: 0...3, using: &random))
            return .defines(
                path: path,
                firstSeen: age,
                names.map { Definition(key($0), Int.random(in: 0...2, using: &random)) }
            )
        }
    }

    /// Checks on the way that an action fits what it finds.
    private static func carryOut(_ action: TestSet.Action, _ runs: inout [PodKey: (pod: Int, path: String)]) {
        switch action {
        case .start(let key, let pod, let path):
            #expect(runs[key] == nil)
            runs[key] = (pod, path)
        case .replace(let key, let old, let new, let path):
            #expect(runs[key]?.pod == old)
            runs[key] = (new, path)
        case .remove(let key, let old, _):
            #expect(runs[key]?.pod == old)
            runs[key] = nil
        case .move(let key, let pod, let from, let to):
            #expect(runs[key]?.pod == pod)
            #expect(runs[key]?.path == from)
            runs[key]?.path = to
        }
    }
}
