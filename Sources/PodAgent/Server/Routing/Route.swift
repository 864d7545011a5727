/// What a path names.
enum Route: Hashable, Sendable {
    case apiVersions
    case apiGroups
    case apiResources
    case version
    case health
    case pods(namespace: String?)
    case pod(namespace: String, name: String)
    case podLog(namespace: String, name: String)
    case podExec(namespace: String, name: String)
    case events(namespace: String?)
    case event(namespace: String, name: String)
    case nodes
    case node(name: String)
    case images
    case imageLoad
    case imagePull
    case imagePin
    case imageUnpin
    case imagePrune
    case manifests
    case shutdown

    /// Nil for a path that names nothing here.
    init?(path: [String]) {
        switch path.first {
        case "api" where path.count == 1: self = .apiVersions
        case "apis" where path.count == 1: self = .apiGroups
        case "api" where path[1] == "v1":
            guard let route = Self.core(path[2...]) else { return nil }
            self = route
        case "version" where path.count == 1: self = .version
        case "healthz", "livez", "readyz":
            guard path.count == 1 else { return nil }
            self = .health
        case "images" where path.count == 1: self = .images
        case "images" where path.count == 2:
            guard let route = Self.image(path[1]) else { return nil }
            self = route
        case "manifests" where path.count == 1: self = .manifests
        case "shutdown" where path.count == 1: self = .shutdown
        default: return nil
        }
    }

    /// What is done with images.
    private static func image(_ verb: String) -> Route? {
        switch verb {
        case "load": .imageLoad
        case "pull": .imagePull
        case "pin": .imagePin
        case "unpin": .imageUnpin
        case "prune": .imagePrune
        default: nil
        }
    }

    /// Below `/api/v1`.
    private static func core(_ path: ArraySlice<String>) -> Route? {
        let path = Array(path)
        switch (path.first, path.count) {
        case (nil, 0): return .apiResources
        case ("pods", 1): return .pods(namespace: nil)
        case ("events", 1): return .events(namespace: nil)
        case ("nodes", 1): return .nodes
        case ("nodes", 2): return .node(name: path[1])
        case ("namespaces", 3...): return namespaced(path[1], path[2], Array(path[3...]))
        default: return nil
        }
    }

    private static func namespaced(_ namespace: String, _ resource: String, _ rest: [String]) -> Route? {
        switch (resource, rest.count) {
        case ("pods", 0): .pods(namespace: namespace)
        case ("pods", 1): .pod(namespace: namespace, name: rest[0])
        // The status is part of the Pod here: it cannot be written by clients, and reading it reads the Pod.
        case ("pods", 2) where rest[1] == "status": .pod(namespace: namespace, name: rest[0])
        case ("pods", 2) where rest[1] == "log": .podLog(namespace: namespace, name: rest[0])
        case ("pods", 2) where rest[1] == "exec": .podExec(namespace: namespace, name: rest[0])
        case ("events", 0): .events(namespace: namespace)
        case ("events", 1): .event(namespace: namespace, name: rest[0])
        default: nil
        }
    }

    /// The methods that the path knows. HEAD goes wherever GET gives a whole answer.
    var methods: [String] {
        switch self {
        case .pods(namespace: .some): ["GET", "HEAD", "POST"]
        case .pod: ["GET", "HEAD", "DELETE"]
        case .podLog: ["GET"]
        case .podExec: ["GET", "POST"]
        case .images: ["GET", "HEAD", "DELETE"]
        case .imageLoad, .imagePull, .imagePin, .imageUnpin, .imagePrune, .shutdown: ["POST"]
        default: ["GET", "HEAD"]
        }
    }
}
