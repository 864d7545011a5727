import PodCore
import Testing

struct CNIAnswerTests {
    private func document(_ text: String) throws -> Document {
        try #require(JSONReader.read(Array(text.utf8)).documents.first)
    }

    @Test(
        "The addresses are those of the Pod's own link, one of each family, IPv4 first",
        arguments: [
            (#"{"ips": [{"address": "10.0.0.2/24"}]}"#, ["10.0.0.2"]),
            // 0.4.0 has the family beside it.
            (
                #"{"interfaces": [{"name": "cni0"}, {"name": "eth0", "sandbox": "/n"}], "#
                    + #""ips": [{"version": "4", "interface": 1, "address": "10.0.0.2/24", "gateway": "10.0.0.1"}]}"#,
                ["10.0.0.2"]
            ),
            (#"{"ips": [{"address": "fd00::2/64"}, {"address": "10.0.0.2/24"}]}"#, ["10.0.0.2", "fd00::2"]),
            (#"{"ips": [{"address": "10.0.0.2/24"}, {"address": "10.0.0.3/24"}]}"#, ["10.0.0.2"]),
            (
                #"{"interfaces": [{"name": "eth0"}, {"name": "net1", "sandbox": "/n"}, {"name": "eth0", "sandbox": "/n"}], "#
                    + #""ips": [{"address": "10.0.0.1/24", "interface": 0}, {"address": "10.0.0.2/24", "interface": 1}, "#
                    + #"{"address": "10.0.0.3/24", "interface": 2}]}"#,
                ["10.0.0.3"]
            ),
            (
                #"{"interfaces": null, "ips": [{"address": "10.0.0.2", "interface": null}], "dns": {}}"#,
                ["10.0.0.2"]
            ),
        ]
    )
    func addresses(text: String, expected: [String]) throws {
        let result = try CNIResult(document(text), interface: "eth0")
        #expect(result.addresses.map(\.description) == expected)
        #expect(try result.document == document(text))
    }

    @Test(
        "What is no result is refused",
        arguments: [
            ("{}", "its result has no address for eth0 of the Pod"),
            (#"{"ips": []}"#, "its result has no address for eth0 of the Pod"),
            (#"{"ip4": {"ip": "10.0.0.2/24"}}"#, "its result has the form of versions before 0.3.0"),
            (#"{"ips": {}}"#, "its result is malformed: ips is a map, not a list"),
            (#"{"ips": [{}]}"#, "its result is malformed: ips[0].address is no address"),
            (
                #"{"ips": [{"address": "10.0.0.300/24"}]}"#,
                "its result is malformed: ips[0].address is no address"
            ),
            (
                #"{"ips": [{"address": "10.0.0.2/24", "interface": 0}]}"#,
                "its result is malformed: an address is of interface 0, of 0"
            ),
            (
                #"{"interfaces": [{"name": "eth0", "sandbox": ""}], "ips": [{"address": "10.0.0.2/24", "interface": -1}]}"#,
                "its result is malformed: an address is of interface -1, of 1"
            ),
            (
                #"{"interfaces": [{"name": "eth0", "sandbox": ""}], "ips": [{"address": "10.0.0.2/24", "interface": 0}]}"#,
                "its result has no address for eth0 of the Pod"
            ),
        ]
    )
    func noResult(text: String, problem: String) throws {
        let document = try document(text)
        let failure = #expect(throws: CNIResult.Failure.self) { try CNIResult(document, interface: "eth0") }
        #expect(failure?.description == problem)
    }

    private static let network = "network \"n\": plugin \"p\": "

    struct Case: Sendable, CustomTestStringConvertible {
        var end = CommandEnd.exited(1)
        var output = ""
        var errors = ""
        var message: String
        var isVerdict = false
        var isTransient = false
        var testDescription: String { message }
    }

    @Test(
        "A failure is told with the plugin's own words, or how it ended",
        arguments: [
            Case(
                output: #"{"cniVersion": "1.0.0", "code": 7, "msg": "bad", "details": "more"}"#,
                message: "ADD: bad; more",
                isVerdict: true
            ),
            Case(output: #"{"code": 100, "msg": "a\nb\n"}"#, message: "ADD: a b", isVerdict: true),
            Case(output: #"{"code": 3}"#, message: "ADD: unknown container", isVerdict: true),
            Case(output: #"{"code": 999}"#, message: "ADD: error 999", isVerdict: true),
            Case(
                output: #"{"code": 11, "msg": "busy"}"#,
                message: "ADD: busy (it asks to be asked again later)",
                isTransient: true
            ),
            Case(message: "ADD: it exited with code 1 without giving a reason"),
            Case(output: "{}", message: "ADD: it exited with code 1 without giving a reason"),
            Case(output: "oh", errors: "a\nb\n\n", message: "ADD: it exited with code 1: b"),
            Case(end: .signalled(9), errors: "x", message: "ADD: it was ended by signal 9: x"),
            Case(end: .exited(0), message: "ADD: it printed no result as JSON, but nothing"),
            Case(end: .exited(0), output: "done", message: #"ADD: it printed no result as JSON, but "done""#),
            Case(
                end: .exited(0),
                output: "{} {}",
                message: #"ADD: it printed no result as JSON, but "{} {}""#
            ),
            Case(end: .exited(0), output: "[]", message: #"ADD: it printed no result as JSON, but "[]""#),
        ]
    )
    func failure(_ expected: Case) {
        let answer = CNIAnswer(
            end: expected.end,
            output: Array(expected.output.utf8),
            errors: Array(expected.errors.utf8)
        )
        let thrown = #expect(throws: CNIAnswer.Failure.self) { try answer.result(of: .add) }
        guard let thrown else { return }
        let failure = CNIFailure(network: "n", plugin: "p", command: .add, cause: thrown.cause)
        #expect(failure.description == Self.network + expected.message)
        #expect(failure.isVerdict == expected.isVerdict)
        #expect(failure.isTransient == expected.isTransient)
    }

    @Test(
        "A plugin that could not be run to its end is told of with what to do",
        arguments: [
            (
                CNIFailure.Cause.notFound(directories: ["/a", "/b"]),
                "DEL: there is no such program in /a, /b; install it, or name its directory by --cni-bin-dir"
            ),
            (.notRun("execve /a/p: Permission denied"), "DEL: execve /a/p: Permission denied"),
            (.tooSlow(limit: .seconds(120)), "DEL: it was killed after 2m0s"),
            (.cancelled, "DEL: it was killed because the Pod is not wanted any more"),
            (.tooLong(bytes: 1024), "DEL: it was killed after printing more than 1024 bytes"),
        ]
    )
    func notRun(cause: CNIFailure.Cause, message: String) {
        let failure = CNIFailure(network: "n", plugin: "p", command: .delete, cause: cause)
        #expect(failure.description == Self.network + message)
        #expect(!failure.isVerdict)
    }

    @Test("DEL and CHECK say nothing by what they print", arguments: ["", "well", "{}"])
    func silence(output: String) throws {
        let answer = CNIAnswer(end: .exited(0), output: Array(output.utf8), errors: [])
        #expect(try answer.result(of: .delete) == nil)
        #expect(try answer.result(of: .check) == nil)
    }
}
