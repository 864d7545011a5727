import CNamespaces
import Glibc
import PodCore

/// `podagent unpack-layer`: the process that one layer is unpacked in. podagent starts it itself; see ``UnpackerRun``.
///
/// It is confined before it reads the first byte: the layer's directory is all that it sees, and making files there all
/// that it can do.
enum UnpackLayerCommand {
    static let verb = Verb(
        name: "unpack-layer",
        synopsis: "DIFF-ID",
        summary: "Unpack a layer in a confined process; podagent itself calls this.",
        isHidden: true,
        isClient: false,
        words: 1...1,
        run: { _, _ throws(CommandError) in try run() }
    )

    private static func run() throws(CommandError) {
        let socket = UnpackerSocket(raw: UnpackerDescriptor.socket)
        // First of all, so that an agent that dies from here on takes it along. One that has died before does not send
        // the order.
        guard cns_is_socket(socket.raw) != 0, cns_die_with_parent() == 0,
            case .message(let message)? = try? socket.receive(), message.kind == .order,
            let order = message.decoded(UnpackerOrder.self)
        else { throw .usage("unpack-layer is for podagent's own use") }
        let verdict = ConfinedUnpacking(order, socket).run()
        // An agent that is gone wants no verdict.
        try? socket.send(.verdict, json: verdict)
        // The agent ends it as soon as it has the verdict, so there is nothing to put in order.
        _exit(0)
    }
}
