/// Why an image's name cannot be read. Printed, it is word for word what the kubelet puts behind
/// `Failed to apply default image tag "…": `.
public struct ImageReferenceFailure: Error, Hashable, Sendable {
    /// What is wrong with the name.
    public enum Problem: Hashable, Sendable {
        /// The grammar does not allow it.
        case format
        /// A repository with upper-case letters.
        case upperCase(repository: String)
        /// 64 hexadecimal digits, which are an image's ID.
        case hexadecimal
        /// A repository of more than 255 characters.
        case tooLong
        /// The part behind `@` is not a digest.
        case digest(DigestFailure)
        /// `rootfs:` with something other than an absolute path without `..`.
        case directory
    }

    /// The name as it was given.
    public let image: String
    /// What is wrong with it.
    public let problem: Problem

    /// The message of the container's waiting state, whose reason is `InvalidImageName`.
    public var waitingMessage: String { "Failed to apply default image tag \(goQuoted(image)): \(self)" }

    /// Pairs a name with what is wrong with it.
    public init(image: String, problem: Problem) {
        self.image = image
        self.problem = problem
    }
}

extension ImageReferenceFailure: CustomStringConvertible {
    /// The kubelet's sentence.
    public var description: String { "couldn't parse image name \(goQuoted(image)): \(problemText)" }

    private var problemText: String {
        switch problem {
        case .format: "invalid reference format"
        case .upperCase(let repository):
            "invalid reference format: repository name (\(repository)) must be lowercase"
        case .hexadecimal:
            "invalid repository name (\(image)), cannot specify 64-byte hexadecimal strings"
        case .tooLong:
            "repository name must not be more than \(ImageReference.pathLengthMax) characters"
        case .digest(let failure): failure.description
        case .directory: "rootfs: takes an absolute path of a directory, without \"..\""
        }
    }
}

/// A string between quotes with Go's escapes, as `%q` prints it: the kubelet's messages have names in this form.
private func goQuoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": quoted += "\\\""
        case "\\": quoted += "\\\\"
        case "\n": quoted += "\\n"
        case "\r": quoted += "\\r"
        case "\t": quoted += "\\t"
        case _ where scalar.value < 0x20 || scalar.value == 0x7F:
            let digits = String(scalar.value, radix: 16)
            quoted += "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits
        default: quoted.unicodeScalars.append(scalar)
        }
    }
    return quoted + "\""
}
