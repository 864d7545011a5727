import CNamespaces
import Dispatch
import Glibc
import PodCore

/// Has the firewall looked after whenever the kernel tells of a change of nftables: `nft flush ruleset`, the reload of
/// another firewall, somebody's hand. Looking and mending is done on a worker, and no look begins before the last one has
/// ended.
@NodeActor
final class FirewallWatch {
    private let firewall: NodeFirewall
    private let events: EventStore
    private var key: EventPoll.Key?
    private var delay = FirewallWatch.restMin
    private var rest = FirewallWatch.restMin
    private var lastMade = Tick(nanoseconds: 0)

    /// Between two looks, longer each time that something is to be mended again so soon: two who each insist on a table of
    /// the same name do not keep the node busy.
    private static let (restMin, restMax) = (Duration.milliseconds(200), Duration.seconds(5))
    /// After which a change is no answer to the last one any more.
    private static let calm = Duration.seconds(10)
    /// Between two attempts at what fails.
    private static let delayMax = Duration.seconds(60)

    /// Begins to watch.
    init(_ firewall: NodeFirewall, events: EventStore) throws {
        self.firewall = firewall
        self.events = events
        key = try NodeActor.events.add(firewall.listener.raw, EPOLLIN, EPOLLONESHOT, subject: "nfnetlink") {
            [weak self] _ in NodeActor.assumeIsolated { self?.work { try $0.repair() } }
        }
    }

    /// Stops for good.
    func stop() {
        if let key { NodeActor.events.remove(key) }
        key = nil
    }

    /// - Parameter body: Returns who has made it necessary, if anything was done.
    private func work(_ body: @escaping @Sendable (NodeFirewall) throws -> String?) {
        let firewall = firewall
        Task {
            do {
                if let somebody = try await Worker.attempt({ try body(firewall) }) {
                    let now = Clock.tick()
                    rest = now - lastMade < Self.calm ? min(rest * 2, Self.restMax) : Self.restMin
                    lastMade = now
                    report(
                        "FirewallRestored",
                        "\(somebody) had changed podagent's nftables table; it is as it was again"
                    )
                }
                delay = Self.restMin
                after(rest) { $0.listen() }
            } catch {
                delay = min(delay * 2, Self.delayMax)
                report("FirewallLost", "\(error); Pods may be out of reach until podagent has made it again")
                after(delay) { $0.makeAgain() }
            }
        }
    }

    /// Makes the table anew, because a change of it has failed.
    func makeAgain() {
        work {
            try $0.make()
            return "somebody"
        }
    }

    private func listen() {
        if let key { NodeActor.events.change(key, to: EPOLLIN, EPOLLONESHOT) }
    }

    private func report(_ reason: String, _ message: String) {
        if key != nil { events.recordNode(PodRecord(.warning, reason, message)) }
    }

    private func after(_ delay: Duration, _ body: @escaping @NodeActor @Sendable (FirewallWatch) -> Void) {
        NodeActor.queue.asyncAfter(deadline: .now() + .nanoseconds(Int(delay.wholeNanoseconds))) {
            [weak self] in
            guard let self else { return }
            NodeActor.assumeIsolated { body(self) }
        }
    }
}
