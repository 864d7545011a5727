/// An operating system and a processor, in Go's words, as image indexes and configs name them.
public struct Platform: Hashable, Sendable {
    /// `linux` here; indexes also list others.
    public let os: String
    /// `amd64`, `arm64`, `arm`, …
    public let architecture: String
    /// What the architecture's own name leaves open: `v8` for arm64, `v6` or `v7` for arm, `v2`… for amd64.
    public let variant: String?

    /// Names a platform; spellings that mean the same (`x86_64`, `aarch64`, `armhf`) become one.
    public init(os: String, architecture: String, variant: String? = nil) {
        let given = (variant ?? "").isEmpty ? nil : variant
        self.os = os
        switch (architecture, given) {
        case ("x86_64", let level), ("x86-64", let level), ("amd64", let level):
            (self.architecture, self.variant) = ("amd64", level == "v1" ? nil : level)
        case ("aarch64", let level), ("arm64", let level):
            (self.architecture, self.variant) = ("arm64", level == "v8" || level == "8" ? nil : level)
        case ("armhf", _), ("arm", nil):
            (self.architecture, self.variant) = ("arm", "v7")
        case ("armel", _):
            (self.architecture, self.variant) = ("arm", "v6")
        default:
            (self.architecture, self.variant) = (architecture, given)
        }
    }

    /// The platform that this program was built for, which is the one it runs on.
    public static var host: Platform {
        #if arch(x86_64)
            Platform(os: "linux", architecture: "amd64")
        #elseif arch(arm64)
            Platform(os: "linux", architecture: "arm64")
        #elseif arch(arm)
            Platform(os: "linux", architecture: "arm", variant: "v7")
        #elseif arch(powerpc64le)
            Platform(os: "linux", architecture: "ppc64le")
        #elseif arch(s390x)
            Platform(os: "linux", architecture: "s390x")
        #elseif arch(riscv64)
            Platform(os: "linux", architecture: "riscv64")
        #else
            #error("name this architecture in Go's words")
        #endif
    }

    /// How well an image for `candidate` suits this platform: 0 is best, nil means it cannot run here.
    ///
    /// Only 32-bit arm has variants that include one another. An amd64 image of a level above the first may use
    /// instructions that this machine lacks, so it is not taken.
    public func distance(to candidate: Platform) -> Int? {
        guard candidate.os == os, candidate.architecture == architecture else { return nil }
        if candidate.variant == variant { return 0 }
        guard architecture == "arm", let mine = level, let other = candidate.level, other < mine else {
            return nil
        }
        return mine - other
    }

    /// The descriptor that suits this platform best; the first of equals. Descriptors without a platform come last.
    public func choose(from descriptors: [ContentDescriptor]) -> ContentDescriptor? {
        let ranked = descriptors.compactMap { descriptor -> (Int, ContentDescriptor)? in
            guard let platform = descriptor.platform else { return (Int.max, descriptor) }
            return distance(to: platform).map { ($0, descriptor) }
        }
        return ranked.min { $0.0 < $1.0 }?.1
    }

    private var level: Int? { variant.flatMap { $0.hasPrefix("v") ? Int($0.dropFirst()) : nil } }
}

extension Platform: CustomStringConvertible {
    /// `os/architecture[/variant]`, as Docker and Go write it.
    public var description: String {
        ([os, architecture] + (variant.map { [$0] } ?? [])).joined(separator: "/")
    }
}
