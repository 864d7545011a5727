import FoundationEssentials
import PodCore
import Testing

@Suite struct SupportTableTests {
    /// `docs/pod-support.md`, found from the place of this file.
    private static let page = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "docs/pod-support.md")

    @Test("docs/pod-support.md says what the code does; `podagent support-table` writes it anew")
    func pageIsCurrent() throws {
        let written = try String(decoding: Data(contentsOf: Self.page), as: UTF8.self)
        #expect(written == SupportTable.markdown())
    }

    @Test(
        "Each way of dealing with a field has its row",
        arguments: [
            "| `restartPolicy` | honoured |  |", "| `stdinOnce` | not yet | attach |",
            "| `privileged` | not yet | confinement; accepted: `false` |",
            "| `tolerations` | no effect | this node has no taints |",
            "| `csi` | refused | static pods may not reference csidrivers (via CSI volumes) |",
            "| `medium` | partly | \"\" (disk) and \"Memory\" |",
            "## Container\n\n`spec.containers[]`, `spec.initContainers[]`\n",
        ]
    )
    func rows(row: String) {
        #expect(SupportTable.markdown().contains(row))
    }
}
