import Testing

@testable import PodAgent

@Suite struct ServiceNotificationTests {
    @Test(
        "Facts are told as sd_notify(3) writes them, one on a line",
        arguments: [
            ([.ready], "READY=1"),
            ([.ready, .status("no Pods")], "READY=1\nSTATUS=no Pods"),
            ([.reloading(monotonicMicroseconds: 17)], "RELOADING=1\nMONOTONIC_USEC=17"),
            ([.stopping], "STOPPING=1"),
            ([.watchdog], "WATCHDOG=1"),
            ([.status("a\nREADY=1\r\nb")], "STATUS=a READY=1 b"),
        ] as [([ServiceNotification], String)]
    )
    func text(facts: [ServiceNotification], text: String) {
        #expect(String(decoding: ServiceMessage(facts: facts).bytes, as: UTF8.self) == text)
    }

    @Test("Only a status makes an older status needless, and a sign of life an older one")
    func overtaken() {
        let messages: [[ServiceNotification]] = [
            [.status("a")], [.watchdog], [.ready, .status("a")], [.stopping], [.ready],
        ]
        for (index, older) in messages.enumerated() {
            for (other, newer) in messages.enumerated() {
                let isOvertaken = ServiceMessage(facts: older).isOvertaken(by: ServiceMessage(facts: newer))
                #expect(isOvertaken == (index == other && index < 2), "\(older), then \(newer)")
            }
        }
    }

    struct Environment: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var variables: [String: String]
        var socket: String?
        var watchdog: Duration?
        var problems = 0
    }

    static let path = "/run/systemd/notify"

    @Test(
        "What the manager has put into the environment is understood, or complained about",
        arguments: [
            Environment(testDescription: "no manager", variables: [:]),
            Environment(testDescription: "an empty name", variables: ["NOTIFY_SOCKET": ""]),
            Environment(testDescription: "a path", variables: ["NOTIFY_SOCKET": path], socket: path),
            Environment(
                testDescription: "an abstract name",
                variables: ["NOTIFY_SOCKET": "@n"],
                socket: "@n"
            ),
            Environment(
                testDescription: "a virtual socket",
                variables: ["NOTIFY_SOCKET": "vsock:2:1234"],
                problems: 1
            ),
            Environment(
                testDescription: "a path of 107 bytes, the longest that fits",
                variables: ["NOTIFY_SOCKET": "/" + String(repeating: "n", count: 106)],
                socket: "/" + String(repeating: "n", count: 106)
            ),
            Environment(
                testDescription: "a path that is too long",
                variables: ["NOTIFY_SOCKET": "/" + String(repeating: "n", count: 107)],
                problems: 1
            ),
            Environment(
                testDescription: "a watchdog",
                variables: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000"],
                socket: path,
                watchdog: .seconds(30)
            ),
            Environment(
                testDescription: "a watchdog for this process",
                variables: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"],
                socket: path,
                watchdog: .seconds(30)
            ),
            Environment(
                testDescription: "a watchdog for another process",
                variables: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"],
                socket: path
            ),
            Environment(
                testDescription: "a watchdog that never bites",
                variables: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "18446744073709551615"],
                socket: path
            ),
            Environment(
                testDescription: "a watchdog of no time",
                variables: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "0"],
                socket: path,
                problems: 1
            ),
            Environment(
                testDescription: "a watchdog of no number",
                variables: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30s"],
                socket: path,
                problems: 1
            ),
        ]
    )
    func environment(_ expected: Environment) {
        let seen = ServiceEnvironment(expected.variables, processID: 7)
        #expect(seen.socket?.name == expected.socket)
        #expect(seen.watchdog == expected.watchdog)
        #expect(seen.problems.count == expected.problems)
    }
}
