import CNamespaces
import Glibc
import PodCore

/// The kernel's memory of flows, from which those are taken that lead to where nobody is any more.
enum Conntrack {
    /// More than the kernel puts into one datagram of a list.
    private static let datagramMax = 64 << 10

    /// Has the kernel decide anew about what comes next in these flows; blocks. Returns how many there were.
    @discardableResult
    static func forget(_ selection: ConntrackMessage.Selection) throws(SystemFailure) -> Int {
        let subject = "flows \(selection)"
        let asking = Descriptor(adopting: try check("socket", subject) { cns_netfilter_open() })
        let request = ConntrackMessage.list(selection)
        try check("sendto", subject) { cns_netlink_send(asking.raw, request, request.count) }
        var deletions: [[UInt8]] = []
        var buffer = [UInt8](repeating: 0, count: datagramMax)
        while true {
            let count = try check("recvfrom", subject) {
                cns_netlink_receive(asking.raw, &buffer, buffer.count)
            }
            let part = ConntrackMessage.parse(Array(buffer[..<count]))
            guard part.errno == 0 else {
                throw SystemFailure(call: "nfnetlink", subject: subject, errno: part.errno)
            }
            deletions += part.deletions
            if part.isLast { break }
        }
        let deleting = Descriptor(adopting: try check("socket", subject) { cns_netfilter_open() })
        for message in deletions {
            do throws(SystemFailure) {
                try check("nfnetlink", subject) { cns_netlink(deleting.raw, message, message.count) }
            } catch {
                // Has ended by itself meanwhile.
                if error.errno != ENOENT { throw error }
            }
        }
        return deletions.count
    }
}
