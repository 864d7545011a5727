/// For which repositories an entry of a docker configuration is meant: a host, perhaps with globs, a port, and the
/// beginning of a path.
///
/// Source: `pkg/credentialprovider/keyring.go` of Kubernetes. Other than there, paths match by whole components
/// (`registry.example/team` is not for `registry.example/teammates`) and all names of Docker Hub are one.
struct RegistryKey: Hashable, Sendable {
    /// The parts of the host name between its dots, in lower case; an IPv6 address is one part.
    private let labels: [String]
    /// Empty where there is none.
    private let port: String
    private let path: [String]
    /// Host, port and path, by which keys are ordered.
    let text: String

    private static let hubNames = ["index.docker.io", "registry-1.docker.io"]

    /// Reads a key as people write it: with or without scheme and the path of the API's version. Nil without a host.
    init?(_ key: String) {
        let bare = Self.withoutUser(key)
        let scheme = ["https://", "http://"].first { bare.lowercased().hasPrefix($0) }
        let rest = bare.dropFirst(scheme?.count ?? 0)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        guard slash != rest.startIndex else { return nil }
        var path = rest[slash...]
        for version in ["/v1", "/v2"] {
            let isVersion = path.hasPrefix("\(version)/") || (path == version && scheme != nil)
            if isVersion {
                path = path.dropFirst(version.count)
                break
            }
        }
        self.init(host: String(rest[..<slash]), repository: String(path))
    }

    /// A repository of a host.
    init(host: String, repository: String) {
        var (name, port) = Self.split(host.lowercased())
        if Self.hubNames.contains(name) { name = ImageReference.defaultDomain }
        labels =
            name.hasPrefix("[") && name.contains(":")
            ? [name] : name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        path = repository.split(separator: "/").map(String.init)
        self.port = port
        text = ([port.isEmpty ? name : "\(name):\(port)"] + path).joined(separator: "/")
    }

    /// Whether what this key is for includes `target`, in which nothing is a glob.
    func matches(_ target: RegistryKey) -> Bool {
        guard port == target.port, labels.count == target.labels.count, target.path.starts(with: path)
        else { return false }
        return zip(labels, target.labels).allSatisfy { pattern, label in
            pattern == label || Glob.matches(pattern, label)
        }
    }

    /// Without the credentials that a URL may have before its host.
    static func withoutUser(_ key: String) -> String {
        let start = key.range(ofFirst: "://") ?? key.startIndex
        let end = key[start...].firstIndex(of: "/") ?? key.endIndex
        guard let at = key[start..<end].lastIndex(of: "@") else { return key }
        return String(key[..<start] + key[key.index(after: at)...])
    }

    private static func split(_ host: String) -> (name: String, port: String) {
        guard let colon = host.lastIndex(of: ":") else { return (host, "") }
        let port = host[host.index(after: colon)...]
        guard !port.isEmpty, port.utf8.allSatisfy(\.isDecimalDigit) else { return (host, "") }
        return (String(host[..<colon]), String(port))
    }
}

extension String {
    /// Where a text that occurs in this one ends.
    fileprivate func range(ofFirst text: String) -> String.Index? { firstRange(of: text)?.upperBound }
}

/// Patterns for one part of a host name, as Go's `filepath.Match` reads them: `*`, `?`, `[a-z]`, `[^a-z]`, `\` before a
/// character that means itself.
enum Glob {
    /// Whether the whole of `text` matches. A pattern that is malformed matches nothing.
    static func matches(_ pattern: String, _ text: String) -> Bool {
        let (pattern, text) = (Array(pattern.utf8), Array(text.utf8))
        var (p, t) = (0, 0)
        // Where to go on when what came after the last `*` does not match after all: that star takes one byte more.
        var star: (p: Int, t: Int)?
        while t < text.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                p += 1
                star = (p, t)
            } else if p < pattern.count, let next = step(pattern, p, text[t]) {
                p = next
                t += 1
            } else if let last = star {
                star = (last.p, last.t + 1)
                (p, t) = (last.p, last.t + 1)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    /// The place behind the element at `start`, if that matches the byte.
    private static func step(_ pattern: [UInt8], _ start: Int, _ byte: UInt8) -> Int? {
        switch pattern[start] {
        case UInt8(ascii: "?"): return start + 1
        case UInt8(ascii: "["): return classEnd(pattern, start + 1, byte)
        case UInt8(ascii: "\\"):
            guard start + 1 < pattern.count, pattern[start + 1] == byte else { return nil }
            return start + 2
        default: return pattern[start] == byte ? start + 1 : nil
        }
    }

    private static func classEnd(_ pattern: [UInt8], _ start: Int, _ byte: UInt8) -> Int? {
        var place = start
        let isNegated = place < pattern.count && pattern[place] == UInt8(ascii: "^")
        if isNegated { place += 1 }
        let first = place
        var isIn = false
        while place < pattern.count {
            if pattern[place] == UInt8(ascii: "]"), place > first {
                return isIn == isNegated ? nil : place + 1
            }
            let low = pattern[place]
            var high = low
            place += 1
            if place + 1 < pattern.count, pattern[place] == UInt8(ascii: "-") {
                high = pattern[place + 1]
                place += 2
            }
            if low <= high, (low...high).contains(byte) { isIn = true }
        }
        return nil
    }
}
