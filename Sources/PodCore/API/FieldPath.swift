/// Where in an object a value stands: `spec.containers[1].ports[0].containerPort`, `metadata.labels[app]`.
///
/// Paths are made for every field that is decoded, so a path is a chain of small nodes that shares its beginning
/// with its neighbours; the text is made only when somebody reads it.
public struct FieldPath: Sendable, Hashable, CustomStringConvertible {
    /// One step down.
    public enum Step: Sendable, Hashable {
        /// Into a field of an object.
        case field(String)
        /// Into an element of a list, counted from 0.
        case index(Int)
        /// Into the value of a key of a map.
        case key(String)
    }

    private final class Node: Sendable {
        let parent: Node?
        let step: Step

        init(parent: Node?, step: Step) {
            self.parent = parent
            self.step = step
        }
    }

    private let last: Node?

    /// The object itself; its text is empty.
    public static let root = FieldPath(last: nil)

    private init(last: Node?) { self.last = last }

    /// The path that consists of the dotted `names`: `FieldPath("spec.containers")`.
    public init(_ names: String) {
        self = names.split(separator: ".").reduce(.root) { $0.field(String($1)) }
    }

    /// The path that takes these steps.
    public init(steps: some Sequence<Step>) {
        self.init(last: steps.reduce(nil) { Node(parent: $0, step: $1) })
    }

    /// The path of the field `name` of this object.
    public func field(_ name: String) -> FieldPath { FieldPath(last: Node(parent: last, step: .field(name))) }

    /// The path of the element at `index` of this list.
    public subscript(index: Int) -> FieldPath { FieldPath(last: Node(parent: last, step: .index(index))) }

    /// The path of the value under `key` of this map.
    public subscript(key: String) -> FieldPath { FieldPath(last: Node(parent: last, step: .key(key))) }

    /// The steps from the root.
    public var steps: [Step] {
        var steps: [Step] = []
        var node = last
        while let current = node {
            steps.append(current.step)
            node = current.parent
        }
        return steps.reversed()
    }

    /// The text that Kubernetes shows.
    public var description: String {
        var text = ""
        for step in steps {
            switch step {
            case .field(let name): text += text.isEmpty ? name : "." + name
            case .index(let index): text += "[\(index)]"
            case .key(let key): text += "[" + key + "]"
            }
        }
        return text
    }

    /// This path and every one that leads to it, the root excepted.
    var ancestry: [FieldPath] {
        var paths: [FieldPath] = []
        var node = last
        while let current = node {
            paths.append(FieldPath(last: current))
            node = current.parent
        }
        return paths
    }

    /// Two paths are equal when they take the same steps.
    public static func == (a: FieldPath, b: FieldPath) -> Bool { a.steps == b.steps }

    /// Hashes the steps.
    public func hash(into hasher: inout Hasher) { hasher.combine(steps) }
}

extension Document {
    /// The line of what stands at `path`, or of the nearest thing around it that has one: a field that is missing
    /// is reported at the object that lacks it.
    public func line(at path: FieldPath) -> Int? {
        var current = self
        var line = self.line
        for step in path.steps {
            let next =
                switch step {
                case .field(let name), .key(let name): current[name]
                case .index(let index): current[index]
                }
            guard let next else { return line }
            current = next
            line = next.line ?? line
        }
        return line
    }
}
