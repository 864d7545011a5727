import CNamespaces
import FoundationEssentials
import Glibc
import PodCore

// What the agent and the process that unpacks a layer say to each other, over a SOCK_SEQPACKET socket. A message is one
// byte that says which it is, and what belongs to it.
//
//     agent                          unpacker
//       order, JSON             ->
//       the layer, by a pipe    ->
//                               <-     mark, with a directory's descriptor
//       marked, an errno        ->     (waits for it)
//                               <-     verdict, JSON; the last word

/// The descriptors that an unpacker is born with, beside the standard streams.
enum UnpackerDescriptor {
    static let layer: Int32 = 3
    static let directory: Int32 = 4
    static let socket: Int32 = 5
}

/// What is to be unpacked.
struct UnpackerOrder: Codable {
    var diffID: Digest
    var limits: ImageLimits
    /// How messages name the directory.
    var directory: String
}

/// What came of it. The one who says so has read a stranger's bytes; it is believed in what concerns this layer alone.
struct UnpackerVerdict: Codable {
    var facts: LayerTree.Facts?
    /// The entry that was refused, if it was one.
    var entry: String?
    var problem: LayerProblem?
}

/// How an unpacker ended that did not come to a verdict, or whose verdict is none.
enum UnpackerEnd: Hashable, Sendable, Codable, CustomStringConvertible {
    case signalled(Int32)
    case exited(Int32)
    /// It said something that no unpacker says.
    case incomprehensible

    var description: String {
        switch self {
        // How this program and its libraries end when there is no more memory for them.
        case .signalled(let signal) where [SIGILL, SIGTRAP, SIGABRT].contains(signal):
            "the process that unpacked it gave up with signal \(signal); one that lacks memory does so"
        case .signalled(let signal): "the process that unpacked it was killed by signal \(signal)"
        case .exited(let code): "the process that unpacked it exited with \(code) before it was done"
        case .incomprehensible: "the process that unpacked it said something that cannot be"
        }
    }
}

/// One end of the socket.
struct UnpackerSocket {
    enum Kind: UInt8 {
        case order = 1
        case mark
        case marked
        case verdict
    }

    struct Message {
        let kind: Kind
        let body: [UInt8]
        let descriptor: SharedDescriptor?
    }

    /// The size of a message, in bytes; less than a socket's buffer holds (socket(7), wmem_default).
    static let messageMax = 128 << 10

    let raw: Int32

    func send(_ kind: Kind, _ body: [UInt8] = [], descriptor: Int32? = nil) throws(SystemFailure) {
        let message = [kind.rawValue] + body
        let descriptors = descriptor.map { [$0] } ?? []
        try check("sendmsg", "unpacker") {
            cns_send(raw, message, message.count, descriptors, Int32(descriptors.count))
        }
    }

    func send(_ kind: Kind, json value: some Encodable) throws(SystemFailure) {
        do {
            let body = try JSONEncoder().encode(value)
            return try send(kind, Array(body))
        } catch let failure as SystemFailure {
            throw failure
        } catch {
            fatalError("a message of strings and numbers cannot be encoded: \(error)")
        }
    }

    /// What has come.
    enum Received {
        case message(Message)
        /// The other end is closed.
        case end
        /// Nothing, and this end does not block.
        case nothing
        case incomprehensible
    }

    func receive() throws(SystemFailure) -> Received {
        var buffer = [UInt8](repeating: 0, count: Self.messageMax)
        var descriptor: Int32 = -1
        var count: Int32 = 1
        let size = cns_receive(raw, &buffer, buffer.count, &descriptor, &count)
        guard size >= 0 else {
            switch errno {
            case EAGAIN: return .nothing
            case ECONNRESET: return .end
            case EMSGSIZE: return .incomprehensible
            default: throw .current("recvmsg", "unpacker")
            }
        }
        let passed = count == 1 ? SharedDescriptor(Descriptor(adopting: descriptor)) : nil
        guard size > 0 else { return .end }
        guard let kind = Kind(rawValue: buffer[0]) else { return .incomprehensible }
        return .message(Message(kind: kind, body: Array(buffer[1..<size]), descriptor: passed))
    }
}

extension UnpackerSocket.Message {
    /// The body as JSON; nil when it is not what was expected.
    func decoded<Value: Decodable>(_ type: Value.Type) -> Value? {
        try? JSONDecoder().decode(type, from: Data(body))
    }
}
