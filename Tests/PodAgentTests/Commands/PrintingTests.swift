import PodCore
import Testing

@testable import PodAgent

@Suite struct PrintingTests {
    @Test("Columns are aligned in blocks, as Go's tabwriter does it")
    func tabWriter() {
        var writer = TabWriter(padding: 2)
        writer.line("Name:", "web")
        writer.line("Namespace:", "default")
        writer.line("Containers:")
        writer.line("  a:")
        writer.line("    Image:", "x")
        writer.line("    Restart Count:", "1")
        writer.line("Labels:", "a=b")
        writer.line("", "c=d")
        let expected = """
            Name:       web
            Namespace:  default
            Containers:
              a:
                Image:          x
                Restart Count:  1
            Labels:             a=b
                                c=d

            """
        #expect(writer.text == expected)
    }

    @Test("A cell cannot steer the terminal")
    func harmless() {
        #expect(TabWriter.harmless("a\u{1B}[31mb\nc\td\u{7}\u{7F}é") == "a^[[31mb c d  é")
    }

    private static func table(_ rows: [[String]]) -> Document {
        .map([
            "columnDefinitions": [
                .map(["name": "Name", "priority": 0]), .map(["name": "Status", "priority": 0]),
                .map(["name": "IP", "priority": 1]), .map(["name": "Age", "priority": 0]),
            ],
            "rows": Document(
                .list(
                    rows.map { row in
                        .map([
                            "cells": Document(.list(row.map { Document(.string($0)) })),
                            "object": .map(["metadata": .map(["namespace": "ns1"])]),
                        ])
                    }
                )
            ),
        ])
    }

    @Test("A table has kubectl's headings and widths, wide columns only when asked for")
    func tables() {
        let table = Self.table([
            ["web", "Running", "10.0.0.1", "5m"], ["a-long-name", "Error", "<none>", "1d"],
        ])
        var printer = TablePrinter()
        #expect(
            printer.text([table]) == """
                NAME          STATUS    AGE
                web           Running   5m
                a-long-name   Error     1d

                """
        )
        printer = TablePrinter(isWide: true, withNamespace: true)
        #expect(
            printer.text([table]) == """
                NAMESPACE   NAME          STATUS    IP         AGE
                ns1         web           Running   10.0.0.1   5m
                ns1         a-long-name   Error     <none>     1d

                """
        )
    }

    @Test("The rows of a watch stay under each other, and the headings come once")
    func watchedTables() {
        var printer = TablePrinter()
        #expect(printer.text([Self.table([])]) == "")
        #expect(
            printer.text([Self.table([["web", "Pending", "", "1s"]])])
                == "NAME   STATUS    AGE\nweb    Pending   1s\n"
        )
        let later: Document = .map([
            "columnDefinitions": .null, "rows": Self.table([["x", "Y", "", "2s"]])["rows"] ?? .null,
        ])
        #expect(printer.text([later]) == "x      Y         2s\n")
    }

    @Test("A cell of several lines is cut at the first")
    func cutCells() {
        var printer = TablePrinter(withHeader: false)
        #expect(printer.text([Self.table([["a", "one\ntwo", "", "1s"]])]) == "a     one...   1s\n")
    }

    @Test(
        "Times are printed as RFC 1123 with a numeric zone",
        arguments: [
            (0, 0, "Thu, 01 Jan 1970 00:00:00 +0000"), (1_767_323_045, 0, "Fri, 02 Jan 2026 03:04:05 +0000"),
            (1_767_323_045, 3_600, "Fri, 02 Jan 2026 04:04:05 +0100"),
            (1_767_323_045, -19_800, "Thu, 01 Jan 2026 21:34:05 -0530"),
            (-1, 0, "Wed, 31 Dec 1969 23:59:59 +0000"),
        ] as [(Int64, Int64, String)]
    )
    func times(seconds: Int64, zone: Int64, text: String) {
        #expect(Timestamp(seconds: seconds).rfc1123(zone: zone) == text)
    }

    @Test(
        "Sizes have three digits",
        arguments: [
            (0, "0B"), (999, "999B"), (1000, "1kB"), (1_980_000, "1.98MB"), (12_340_000, "12.3MB"),
            (123_400_000, "123MB"), (999_600_000, "1GB"), (9_996_000, "10MB"), (2_500_000_000_000, "2.5TB"),
        ] as [(Int64, String)]
    )
    func sizes(bytes: Int64, text: String) {
        #expect(ByteCount.text(bytes) == text)
    }

    @Test("Images are listed by name, also those without one")
    func images() {
        let images: [Document] = [
            .map([
                "id": "sha256:0123456789abcdef", "names": ["docker.io/library/a:1", "b.io/a:2"],
                "size": 1_500_000, "loaded": "2026-01-01T00:00:00Z", "lastUsed": "2026-01-01T00:04:00Z",
                "pinnedNames": ["b.io/a:2"], "digests": ["docker.io/library/a@sha256:12"],
                "usedBy": ["default/one", "default/two"],
            ]),
            .map([
                "id": "sha256:fedcba9876543210", "names": [], "size": 10, "loaded": .null,
                "preloadedFrom": ["/preload/x.tar"],
            ]),
        ]
        let now = Timestamp(seconds: 1_767_225_600 + 300)
        #expect(
            ImageTable(now: now).text(images) == """
                IMAGE                   IMAGE ID       LOADED      SIZE    LAST USED   PINNED   IN USE
                docker.io/library/a:1   0123456789ab   5m          1.5MB   60s         no       2
                b.io/a:2                0123456789ab   5m          1.5MB   60s         yes      2
                <none>                  fedcba987654   <unknown>   10B     <never>     yes      0

                """
        )
        let wide = ImageTable(now: now, isWide: true).text(images).split(separator: "\n").map {
            $0.split(separator: " ").suffix(2).joined(separator: " ")
        }
        #expect(
            wide == [
                "DIGEST PODS", "sha256:12 default/one,default/two", "<none> default/one,default/two",
                "<none> <none>",
            ]
        )
    }

    @Test("The node is a row of kubectl's table")
    func nodes() {
        let node: Document = .map([
            "metadata": .map(["name": "n1", "creationTimestamp": "2026-01-01T00:00:00Z"]),
            "status": .map([
                "conditions": [.map(["type": "Ready", "status": "True"])],
                "nodeInfo": .map(["kubeletVersion": "0.1.0", "kernelVersion": "6.18"]),
                "addresses": [.map(["type": "InternalIP", "address": "10.0.0.1"])],
            ]),
        ])
        var printer = TablePrinter(isWide: true)
        let now = Timestamp(seconds: 1_767_225_600 + 7200)
        #expect(
            printer.text([NodeTable.table(.map(["items": [node]]), now: now)]) == """
                NAME   STATUS   ROLES    AGE    VERSION   INTERNAL-IP   EXTERNAL-IP   OS-IMAGE   KERNEL-VERSION   CONTAINER-RUNTIME
                n1     Ready    <none>   120m   0.1.0     10.0.0.1      <none>        <none>     6.18             <none>

                """
        )
    }
}
