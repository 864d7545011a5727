import Glibc
import PodCore
import Testing

@testable import PodAgent

/// The agent's side against a socket that is the manager's.
@Suite(.blocking)
struct ServiceManagerTests {
    private static func name(_ test: String) -> String { "@podagent-test-\(getpid())-\(test)" }

    private static func environment(_ name: String, watchdog: Duration? = nil) -> ServiceEnvironment {
        var environment = ServiceEnvironment(["NOTIFY_SOCKET": name], processID: getpid())
        environment.watchdog = watchdog
        return environment
    }

    @Test("Messages come in order and with the sender's credentials, at a path and at an abstract name")
    func arrives() async throws {
        for name in [Self.name("arrives"), "/tmp/podagent-test-\(getpid()).notify"] {
            let receiver = try NotifyReceiver(name)
            let manager = try #require(await ServiceManager(Self.environment(name)))
            await manager.tell(.ready, .status("one"))
            await manager.tell(.stopping)
            #expect(receiver.next() == .init(lines: ["READY=1", "STATUS=one"], processID: getpid()))
            #expect(receiver.next() == .init(lines: ["STOPPING=1"], processID: getpid()))
        }
    }

    @Test("While the manager reads nothing, nobody waits for it and nothing that matters is lost")
    func fullQueue() async throws {
        let receiver = try NotifyReceiver(Self.name("full"))
        let manager = try #require(await ServiceManager(Self.environment(receiver.name)))
        // More than fits into any queue, net.unix.max_dgram_qlen: 10 unless it was raised, 512 under systemd.
        for number in 0..<2000 { await manager.tell(.ready, .status("\(number)")) }
        for number in 0..<3 { await manager.tell(.status("late \(number)")) }
        await manager.tell(.stopping)
        for number in 0..<2000 { #expect(receiver.next()?.lines == ["READY=1", "STATUS=\(number)"]) }
        #expect(receiver.next()?.lines == ["STATUS=late 2"])
        #expect(receiver.next()?.lines == ["STOPPING=1"])
        await manager.tell(.watchdog)
        #expect(receiver.next()?.lines == ["WATCHDOG=1"])
    }

    @Test("A manager that has made its socket anew hears what its old one did not take")
    func newSocket() async throws {
        let name = Self.name("new")
        var receiver = Optional(try NotifyReceiver(name))
        let manager = try #require(await ServiceManager(Self.environment(name)))
        for number in 0..<2000 { await manager.tell(.ready, .status("\(number)")) }
        receiver = nil
        let later = try NotifyReceiver(name)
        withExtendedLifetime(receiver) {}
        await manager.tell(.stopping)
        #expect(try later.message(with: "STOPPING=1").processID == getpid())
    }

    @Test("A sign of life comes twice in each period of the watchdog")
    func watchdog() async throws {
        let receiver = try NotifyReceiver(Self.name("watchdog"))
        let began = Clock.tick()
        let manager = await ServiceManager(Self.environment(receiver.name, watchdog: .milliseconds(200)))
        var (last, shortest) = (began, Duration.seconds(60))
        for number in 0..<11 {
            #expect(receiver.next()?.lines == ["WATCHDOG=1"])
            let now = Clock.tick()
            if number > 0 { shortest = min(shortest, now - last) }
            last = now
        }
        // Ten halves. A busy machine may be late with some, but not with all of them.
        #expect(last - began >= .milliseconds(900))
        #expect(shortest < .milliseconds(150))
        withExtendedLifetime(manager) {}
    }
}
