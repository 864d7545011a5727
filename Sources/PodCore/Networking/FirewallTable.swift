/// The node's own nftables table, as nft(8) reads it: what Pods may send as, which ports of the node are theirs, and what
/// becomes of their source address on the way out. Nobody else's table is touched.
///
///     bridge prerouting   guard        a Pod is who it says it is
///     inet   prerouting   guard        nor does it get at the node's loopback
///            prerouting   ─▶ ports     from outside to a hostPort
///            output       ─▶ ports     from the node itself to a hostPort
///            postrouting  outgoing     from Pods to the rest of the world: as the node
///
/// The rules are the same whatever Pods there are: a Pod is an element in a few sets and maps, found by hash.
public struct FirewallTable: Hashable, Sendable {
    /// Of both tables: `bridge` sees what Pods say to each other, `inet` what leaves the bridge.
    public let name: String
    /// The bridge.
    public let bridge: String
    /// The Pods' networks of this node.
    public let subnets: [Subnet]
    /// Other networks to which Pods speak as themselves: those of the peers' Pods.
    public var peers: [Subnet]
    /// The UDP port of the nodes' VXLAN network; nil without one.
    public let tunnelPort: UInt16?

    /// Makes the description.
    public init(bridge: String, subnets: [Subnet], peers: [Subnet] = [], tunnelPort: UInt16? = nil) {
        name = bridge == "podagent0" ? "podagent" : "podagent-\(bridge)"
        (self.bridge, self.subnets, self.peers, self.tunnelPort) = (bridge, subnets, peers, tunnelPort)
    }

    /// By which the node's ends of the Pods' links can be told from all other links, `IFLA_GROUP`: a number that
    /// nobody else is likely to have, and another one for each bridge.
    public var linkGroup: UInt32 { Self.linkGroup(bridge) }

    /// As ``linkGroup``, of the bridge of that name.
    public static func linkGroup(_ bridge: String) -> UInt32 {
        UInt32(truncatingIfNeeded: FNV1a64.hash(bridge)) | 1
    }

    /// Replaces whatever there is of these tables by what ought to be, in one transaction.
    public func text(_ elements: some Sequence<FirewallElement>) -> String {
        var listed: [FirewallElement.Container: [String]] = [:]
        for element in elements {
            for container in element.containers {
                listed[container, default: []].append(element.text(in: container))
            }
        }
        func set(_ family: FirewallElement.Family, _ kind: String, _ name: String, _ type: String) -> String {
            let found = listed[FirewallElement.Container(family: family, name: name)] ?? []
            let list =
                found.isEmpty ? "" : "\n        elements = { \(found.sorted().joined(separator: ", ")) }"
            return "    \(kind) \(name) {\n        \(type)\(list)\n    }\n"
        }
        return removal + "table bridge \(name) {\n"
            + set(.bridge, "set", "source4", "type ifname . ether_addr . ipv4_addr")
            + set(.bridge, "set", "source6", "type ifname . ether_addr . ipv6_addr")
            + set(.bridge, "set", "target6", "typeof iifname . ether saddr . @th,64,128")
            + bridgeRules + "}\ntable inet \(name) {\n"
            + set(.inet, "map", "port4", "type inet_proto . inet_service : ipv4_addr . inet_service")
            + set(
                .inet,
                "map",
                "address4",
                "type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service"
            )
            + set(.inet, "map", "port6", "type inet_proto . inet_service : ipv6_addr . inet_service")
            + set(
                .inet,
                "map",
                "address6",
                "type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service"
            )
            + inetRules + "}\n"
    }

    /// Takes both tables away, whether they are there or not.
    public var removal: String {
        ["bridge", "inet"].map { "add table \($0) \(name)\ndelete table \($0) \(name)\n" }.joined()
    }

    /// A neighbour's advertisement says whose address it is about in the 16 bytes behind the first eight of ICMPv6
    /// (RFC 4861 §4.4). Pods are no routers, so they have nothing to advertise as such and nobody to redirect
    /// (CVE-2020-10749).
    private var bridgeRules: String {
        """
            chain guard {
                type filter hook prerouting priority -300; policy accept;
                iifgroup != \(linkGroup) accept
                ether type ip iifname . ether saddr . ip saddr @source4 accept
                ether type arp iifname . ether saddr . arp saddr ip @source4 accept
                icmpv6 type { nd-router-advert, nd-redirect } drop
                icmpv6 type nd-neighbor-advert iifname . ether saddr . @th,64,128 != @target6 drop
                ether type ip6 iifname . ether saddr . ip6 saddr @source6 accept
                drop
            }

        """
    }

    /// `fib daddr type local` leaves alone what is on its way to somebody else (CVE-2025-67499), and the first rule of
    /// `incoming` keeps what was bound to the node's loopback from its neighbours (CVE-2020-8558): nothing from outside
    /// is for 127.0.0.0/8.
    ///
    /// A Pod that reaches a Pod of this node by a port of the node is answered past the node, over the bridge, unless
    /// the node is the one who asks. What comes from the node's own loopback cannot be answered at all otherwise; and what
    /// comes from `::1` not even so, so that a port of `::1` stays the node's own.
    private var inetRules: String {
        """
            chain guard {
                type filter hook prerouting priority raw; policy accept;
                iifname "\(bridge)" ip daddr 127.0.0.0/8 drop
        \(tunnelGuard)    }
            chain incoming {
                type nat hook prerouting priority dstnat; policy accept;
                ip daddr 127.0.0.0/8 return
                fib daddr type local jump ports
            }
            chain own {
                type nat hook output priority -100; policy accept;
                ip6 daddr ::1 return
                fib daddr type local jump ports
            }
            chain ports {
                meta nfproto ipv4 dnat ip to ip daddr . meta l4proto . th dport map @address4
                meta nfproto ipv4 dnat ip to meta l4proto . th dport map @port4
                meta nfproto ipv6 dnat ip6 to ip6 daddr . meta l4proto . th dport map @address6
                meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @port6
            }
            chain outgoing {
                type nat hook postrouting priority srcnat; policy accept;
                oifname "\(bridge)" ip saddr 127.0.0.0/8 masquerade
        \(subnets.map(outgoing).joined())    }

        """
    }

    /// What is in a packet of the nodes' tunnel has passed another node's guard. A Pod that could send such packets itself
    /// would be whom it likes.
    private var tunnelGuard: String {
        tunnelPort.map { "        iifname \"\(bridge)\" udp dport \($0) drop\n" } ?? ""
    }

    private func outgoing(_ subnet: Subnet) -> String {
        let isIPv4 = subnet.address.width == 32
        let family = isIPv4 ? "ip" : "ip6"
        let others = peers.filter { $0.address.width == subnet.address.width }
        let flat = ([subnet] + others).map(\.description).joined(separator: ", ")
        // To a group one speaks as oneself.
        let group = isIPv4 ? "224.0.0.0/4" : "ff00::/8"
        return """
                    oifname "\(bridge)" ct status dnat \(family) saddr \(subnet) masquerade
                    oifname != "\(bridge)" \(family) saddr \(subnet) \(family) daddr != { \(flat), \(group) } masquerade

            """
    }
}
