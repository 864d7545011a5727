/// A version of the CNI specification (github.com/containernetworking/cni, SPEC.md) that podagent speaks.
///
/// Those before 0.3.0 have no chains of plugins and give their results in another form; they are refused.
public enum CNIVersion: String, CaseIterable, Hashable, Sendable, Comparable {
    case v0_3_0 = "0.3.0"
    case v0_3_1 = "0.3.1"
    case v0_4_0 = "0.4.0"
    case v1_0_0 = "1.0.0"
    case v1_1_0 = "1.1.0"

    /// The version to speak: the latest of those that the configuration offers and podagent knows, as 1.1.0 has it of
    /// `cniVersions`. Nil when there is none.
    public init?(latestOf offered: [String]) {
        guard let latest = offered.compactMap(CNIVersion.init(rawValue:)).max() else { return nil }
        self = latest
    }

    /// Whether there is `CHECK`, and `DEL` is given the result of `ADD`: since 0.4.0.
    public var hasCheck: Bool { self >= .v0_4_0 }

    /// The older one first.
    public static func < (a: CNIVersion, b: CNIVersion) -> Bool { a.place < b.place }

    private var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
