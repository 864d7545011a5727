/// What Kubernetes allows as names, and the words with which it refuses others.
///
/// Each function returns every rule that the text breaks, worded as in `k8s.io/apimachinery/pkg/util/validation`;
/// nothing when it is fine. Lengths are in bytes.
public enum NameRules {
    private static let labelPattern = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
    private static let qualifiedPattern = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

    /// A label of a host name (RFC 1123): container, volume and host names, namespaces.
    static func label(_ text: String) -> [String] {
        var broken = tooLong(text, 63)
        if isLabel(text.utf8) { return broken }
        if text.utf8.split(separator: UInt8.dot, omittingEmptySubsequences: false).allSatisfy(isLabel) {
            // It would be a fine subdomain, so the dots are what is wrong.
            broken.append("must not contain dots")
        } else {
            let rule =
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
                + "start and end with an alphanumeric character"
            broken.append(patternText(rule, labelPattern, "my-name", "123-abc"))
        }
        return broken
    }

    /// Labels with dots between them: names of Pods and nodes.
    public static func subdomain(_ text: String) -> [String] {
        let broken = tooLong(text, 253)
        if text.utf8.split(separator: UInt8.dot, omittingEmptySubsequences: false).allSatisfy(isLabel) {
            return broken
        }
        let rule =
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            + "start and end with an alphanumeric character"
        return broken + [patternText(rule, "\(labelPattern)(\\.\(labelPattern))*", "example.com")]
    }

    /// A subdomain whose labels may also contain underscores: DNS search domains.
    static func searchDomain(_ text: String) -> [String] {
        let broken = tooLong(text, 253)
        let labels = text.utf8.split(separator: UInt8.dot, omittingEmptySubsequences: false)
        let fine = labels.allSatisfy { label in
            let rest = label.first == UInt8.underscore ? label.dropFirst() : label
            return isEnclosed(rest, by: \.isLowercaseAlphanumeric) {
                $0.isLowercaseAlphanumeric || $0 == .dash || $0 == .underscore
            }
        }
        if fine { return broken }
        let rule =
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-', '_' or '.', and "
            + "must start and end with an alphanumeric character"
        let pattern = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
        return broken + [patternText(rule, "\(pattern)(\\.\(pattern))*", "example.com")]
    }

    /// A key of labels, annotations and extended resources: a name, perhaps with `domain/` before it.
    static func qualifiedName(_ text: String) -> [String] {
        let rule =
            "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
            + "character"
        let pattern = patternText(rule, qualifiedPattern, "MyName", "my.name", "123-abc")
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard let name = parts.last, parts.count <= 2 else {
            let prefix = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            return ["a qualified name " + pattern + prefix]
        }
        var broken: [String] = []
        if parts.count == 2 {
            broken =
                parts[0].isEmpty
                ? ["prefix part must be non-empty"] : subdomain(parts[0]).map { "prefix part " + $0 }
        }
        if name.isEmpty { return broken + ["name part must be non-empty"] }
        broken += tooLong(name, 63).map { "name part " + $0 }
        return isQualified(name.utf8) ? broken : broken + ["name part " + pattern]
    }

    /// The value of a label.
    static func labelValue(_ text: String) -> [String] {
        let broken = text.utf8.count > 63 ? ["must be no more than 63 bytes"] : []
        if text.isEmpty || isQualified(text.utf8) { return broken }
        let rule =
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
            + "start and end with an alphanumeric character"
        return broken + [patternText(rule, "(\(qualifiedPattern))?", "MyValue", "my_value", "12345")]
    }

    /// The name of a port (RFC 6335, section 5.1).
    static func portName(_ text: String) -> [String] {
        var broken = tooLong(text, 15)
        let bytes = text.utf8
        if bytes.isEmpty || !bytes.allSatisfy({ $0.isLowercaseAlphanumeric || $0 == .dash }) {
            broken.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
        }
        if !bytes.contains(where: { $0.isLowercaseAlphanumeric && !$0.isDecimalDigit }) {
            broken.append("must contain at least one letter (a-z)")
        }
        if zip(bytes, bytes.dropFirst()).contains(where: { $0 == .dash && $1 == .dash }) {
            broken.append("must not contain consecutive hyphens")
        }
        if bytes.first == .dash || bytes.last == .dash {
            broken.append("must not begin or end with a hyphen")
        }
        return broken
    }

    /// The number of a port.
    static func portNumber(_ number: Int32) -> [String] {
        (1...65535).contains(number) ? [] : ["must be between 1 and 65535, inclusive"]
    }

    /// The name of an environment variable.
    static func environmentName(_ text: String) -> [String] {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "=") }) { return [] }
        return [
            "a valid environment variable name must consist only of printable ASCII characters other than '='"
        ]
    }

    /// The name of an HTTP header.
    static func headerName(_ text: String) -> [String] {
        let fine = !text.isEmpty && text.utf8.allSatisfy { $0.isASCIIAlphanumeric || $0 == .dash }
        let rule = "a valid HTTP header must consist of alphanumeric characters or '-'"
        return fine ? [] : [patternText(rule, "[-A-Za-z0-9]+", "X-Header-Name")]
    }

    /// A key of a ConfigMap or Secret.
    static func configMapKey(_ text: String) -> [String] {
        var broken = tooLong(text, 253)
        let fine =
            !text.isEmpty
            && text.utf8.allSatisfy { $0.isASCIIAlphanumeric || $0 == .dash || $0 == .underscore || $0 == .dot }
        if !fine {
            let rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
            broken.append(patternText(rule, "[-._a-zA-Z0-9]+", "key.name", "KEY_NAME", "key-name"))
        }
        if text == "." || text == ".." { broken.append("must not be '\(text)'") }
        if text.hasPrefix("..") && text != ".." { broken.append("must not start with '..'") }
        return broken
    }

    /// A UID or GID.
    static func userID(_ number: Int64) -> [String] {
        (0...2_147_483_647).contains(number) ? [] : ["must be between 0 and 2147483647, inclusive"]
    }

    private static func tooLong(_ text: String, _ maximum: Int) -> [String] {
        text.utf8.count > maximum ? ["must be no more than \(maximum) characters"] : []
    }

    private static func patternText(_ rule: String, _ pattern: String, _ examples: String...) -> String {
        // With two blanks before each further "or", as Kubernetes prints it.
        let list = examples.map { "'\($0)', " }.joined(separator: " or ")
        return "\(rule) (e.g. \(list)regex used for validation is '\(pattern)')"
    }

    private static func isLabel(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
        isEnclosed(bytes, by: \.isLowercaseAlphanumeric) { $0.isLowercaseAlphanumeric || $0 == .dash }
    }

    private static func isQualified(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
        isEnclosed(bytes, by: \.isASCIIAlphanumeric) {
            $0.isASCIIAlphanumeric || $0 == .dash || $0 == .underscore || $0 == .dot
        }
    }

    /// Whether the first and the last byte are of one sort and all others of another.
    static func isEnclosed(
        _ bytes: some BidirectionalCollection<UInt8>,
        by end: (UInt8) -> Bool,
        _ inside: (UInt8) -> Bool
    ) -> Bool {
        guard let first = bytes.first, let last = bytes.last else { return false }
        return end(first) && end(last) && bytes.allSatisfy(inside)
    }
}

extension UInt8 {
    static let dot = UInt8(ascii: ".")
    static let dash = UInt8(ascii: "-")
    static let underscore = UInt8(ascii: "_")

    var isDecimalDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    var isLowercaseAlphanumeric: Bool {
        isDecimalDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self)
    }
    var isASCIIAlphanumeric: Bool {
        isLowercaseAlphanumeric || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self)
    }
}
