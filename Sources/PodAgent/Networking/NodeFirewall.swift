import CNamespaces
import Glibc
import PodCore
import Synchronization

/// Keeps the node's own nftables table as it ought to be: what is in it, and that it is there.
///
/// A Pod comes and goes as elements, by netlink; the table as a whole is made by nft(8), at the beginning and whenever
/// somebody else has touched it. All of that blocks, so it is called on workers; the lock keeps one change from
/// overtaking another.
final class NodeFirewall: Sendable {
    fileprivate struct State {
        var elements = FirewallHoldings()
        /// Networks to which Pods speak as themselves, beside their own.
        var peers: [Subnet]
        /// Under which the kernel tells of our own changes.
        var ports: Set<UInt32>
        /// Whether the table has been made, and not taken down.
        var isMade = false
        /// Whether the kernel may have something else, because the table could not be made.
        var isStale = false
        /// As it was last set.
        var isLoopbackOpen: Bool?
    }

    /// The end of the kernel's reports.
    let listener: SharedDescriptor
    /// As it was at the start; what changes is in the state.
    private let table: FirewallTable
    private let program: String
    private let socket: SharedDescriptor
    private let ownPort: UInt32
    private let state: Mutex<State>

    /// More than nft takes for tens of thousands of elements.
    private static let limit = Duration.seconds(60)
    /// An agent that ends waits no longer.
    private static let farewell = Duration.seconds(5)

    /// The file of nft(8): on the PATH, or where Debian has what only root runs.
    private static var program: String? {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        let directories = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]
        return directories.map { "\($0)/nft" }.first { access($0, X_OK) == 0 }
    }

    /// Makes nothing yet. Fails with one line that says what is missing.
    init(_ table: FirewallTable) throws {
        self.table = table
        guard let program = Self.program else {
            throw CommandFailure(
                "the network of the Pods needs nftables: there is no program nft; install it"
            )
        }
        self.program = program
        let subject = "nfnetlink"
        socket = SharedDescriptor(Descriptor(adopting: try check("socket", subject) { cns_netfilter_open() }))
        listener = SharedDescriptor(
            Descriptor(adopting: try check("bind", subject) { cns_netfilter_listen() })
        )
        ownPort = cns_netlink_port(socket.raw)
        state = Mutex(State(peers: table.peers, ports: [ownPort]))
    }

    // MARK: Pods

    /// What a Pod has, from now on; of one that has nothing, nothing is kept. Before ``make()`` it is only noted.
    ///
    /// A port may still be another's: of a Pod that has ended, and whose sandbox is being removed. It is taken over.
    func set(_ elements: [FirewallElement], for uid: String) throws {
        let (gone, new) = try state.withLock { state in
            let (gone, new) = state.elements.give(elements, to: uid)
            guard state.isMade, state.isStale || !gone.isEmpty || !new.isEmpty else { return (gone, new) }
            // What failed before, or fails because somebody else has been here, is made up for as a whole. What nft says of
            // it is more than the kernel's number.
            if state.isStale || !change(gone: gone, new: new) { try replace(&state) }
            let isReached = state.elements.isReachedFromLoopback
            if state.isLoopbackOpen != isReached { try openLoopback(isReached, &state) }
            return (gone, new)
        }
        forgetFlows(gone: gone, new: new)
    }

    /// Of what has gone or come, so that the next packet of each is decided by the rules as they are now.
    private func forgetFlows(gone: Set<FirewallElement>, new: Set<FirewallElement>) {
        let selections = gone.compactMap(\.flowsThatLeadNowhere) + new.compactMap(\.flowsThatPassBy)
        for selection in Set(selections) {
            do throws(SystemFailure) {
                try Conntrack.forget(selection)
            } catch {
                Log.warning(
                    "who has used a port of the node until now may not reach its new Pod for a while: \(error)"
                )
            }
        }
    }

    /// Whether the kernel has taken both.
    private func change(gone: Set<FirewallElement>, new: Set<FirewallElement>) -> Bool {
        do throws(SystemFailure) {
            try change(.remove, Array(gone))
            try change(.add, Array(new))
            return true
        } catch {
            return false
        }
    }

    private func change(_ change: NetfilterBatch.Change, _ elements: [FirewallElement]) throws(SystemFailure)
    {
        guard !elements.isEmpty else { return }
        let batch = NetfilterBatch(change, elements, table: table.name)
        try check("nfnetlink", "\(change) elements of table \(table.name)") {
            cns_netfilter_batch(socket.raw, batch.bytes, batch.bytes.count, batch.lastSequence)
        }
    }

    // MARK: The table

    /// Makes the table, whatever there is of it.
    func make() throws {
        try state.withLock { state in
            state.isMade = true
            try replace(&state)
            try openLoopback(state.elements.isReachedFromLoopback, &state)
        }
    }

    /// Other networks are the peers' from now on.
    func setPeers(_ peers: [Subnet]) throws {
        try state.withLock { state in
            guard state.isStale || state.peers != peers else { return }
            state.peers = peers
            if state.isMade { try replace(&state) }
        }
    }

    /// Takes the table away.
    func takeDown() throws {
        try state.withLock { state in
            state.isMade = false
            try run(table.removal, limit: Self.farewell, &state)
        }
    }

    /// Reads what the kernel tells, and makes the table anew if somebody else has changed it: says who, or nil.
    ///
    /// A change of our own is told before the call that makes it returns, so that under the lock all of them are read.
    func repair() throws -> String? {
        try state.withLock { state in
            let notices = notices()
            let ports = state.ports
            state.ports = [ownPort]
            guard state.isMade else { return nil }
            let foreign = notices?.first { $0.subject == .table(table.name) && !ports.contains($0.port) }
            if notices != nil, foreign == nil { return nil }
            // Until the rules are back nothing else would keep Pods from the node's loopback.
            try openLoopback(false, &state)
            try replace(&state)
            try openLoopback(state.elements.isReachedFromLoopback, &state)
            return notices?.lazy.compactMap { $0.port == foreign?.port ? $0.program : nil }.first
                ?? "somebody"
        }
    }

    /// What has been told since; nil when there was more than the kernel could keep.
    private func notices() -> [NetfilterNotice]? {
        var notices: [NetfilterNotice] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var isWhole = true
        while true {
            let count = cns_netlink_receive(listener.raw, &buffer, buffer.count)
            if count > 0 {
                notices += NetfilterNotice.parse(Array(buffer[..<count]))
            } else if count < 0, errno == ENOBUFS || errno == EMSGSIZE {
                isWhole = false
            } else if count == 0 || errno != EINTR {
                return isWhole ? notices : nil
            }
        }
    }

    private func replace(_ state: inout State) throws {
        var table = table
        table.peers = state.peers
        state.isStale = true
        try run(table.text(state.elements.all), limit: Self.limit, &state)
        state.isStale = false
    }

    private func run(_ text: String, limit: Duration, _ state: inout State) throws {
        let nft = CommandRun(
            path: program,
            arguments: ["-f", "-"],
            environment: [],
            input: Array(text.utf8),
            limit: limit
        )
        let said: String
        do throws(CommandRun.Failure) {
            let outcome = try nft.run()
            // Its netlink socket's port, unless somebody had that: then the change is taken for somebody else's, and
            // made again.
            state.ports.insert(UInt32(bitPattern: outcome.processID))
            if outcome.end == .exited(0) { return }
            let words = String(decoding: outcome.errors, as: UTF8.self).split(separator: "\n").first
            said =
                "nft says \"\(words ?? "nothing")\", and the kernel needs nf_tables with nat and fib, and for bridges"
        } catch {
            said = "\(program): \(error)"
        }
        throw CommandFailure("cannot make the nftables table \(table.name): \(said)")
    }

    /// Whether a packet from 127.0.0.1 may leave by the bridge, and its answer come back: what the node's own programs
    /// need to reach a Pod by a port of 127.0.0.1.
    private func openLoopback(_ isOpen: Bool, _ state: inout State) throws {
        try KernelSetting("net/ipv4/conf/\(table.bridge)/route_localnet").set(isOpen ? "1" : "0")
        state.isLoopbackOpen = isOpen
    }
}

extension NetfilterNotice {
    fileprivate var program: String? {
        if case .transaction(let program) = subject { return program }
        return nil
    }
}

extension FirewallElement {
    // Of UDP alone: the kernel looks through all flows that it knows for these, which takes it some milliseconds where
    // memory is plenty. A connection of TCP has an end, and who begins another takes another port.

    /// Once it has gone: those to the Pod's address.
    fileprivate var flowsThatLeadNowhere: ConntrackMessage.Selection? {
        guard case .forward(.udp, _, _, let target, _) = self else { return nil }
        return .answered(by: target)
    }

    /// Once it has come: those that began before it.
    fileprivate var flowsThatPassBy: ConntrackMessage.Selection? {
        guard case .forward(.udp, _, let port, let target, _) = self else { return nil }
        return .datagrams(toPort: port, familyOf: target)
    }
}
