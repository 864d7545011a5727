import FoundationEssentials

/// Kubernetes' way of carrying several streams in one WebSocket: the first byte of every message is its channel.
enum ChannelProtocol: String, CaseIterable, Sendable {
    /// As v4, and a client can close one of its channels.
    case v5 = "v5.channel.k8s.io"
    /// The status at the end is a `v1.Status`, and there is a channel for the size of the terminal.
    case v4 = "v4.channel.k8s.io"

    /// The channels of exec and attach.
    enum Channel {
        static let stdin: UInt8 = 0
        static let stdout: UInt8 = 1
        static let stderr: UInt8 = 2
        static let status: UInt8 = 3
        static let resize: UInt8 = 4
        /// Its one byte of payload is the channel that the client closes (v5).
        static let close: UInt8 = 255
    }
}

/// Rows and columns of a terminal.
struct TerminalSize: Hashable, Sendable {
    var width: UInt16
    var height: UInt16
}

/// Takes a client's messages apart.
struct ChannelReader {
    enum Item: Hashable {
        case stdin([UInt8])
        case closeStdin
        case resize(TerminalSize)
    }

    /// Bytes of a message that is read as a whole.
    private static let wholeMax = 1_024

    private let version: ChannelProtocol
    private var channel: UInt8?
    /// The message so far, on channels where only the whole makes sense.
    private var whole: [UInt8] = []

    init(_ version: ChannelProtocol) { self.version = version }

    /// What a piece of a message means; nil when nothing yet, or nothing at all: channels that are not for clients
    /// are ignored, as Kubernetes' servers do.
    mutating func read(_ piece: WebSocketConnection.Piece) -> Item? {
        var bytes = piece.bytes[...]
        if piece.isFirst {
            channel = nil
            whole = []
        }
        if channel == nil { channel = bytes.popFirst() }
        switch channel {
        case ChannelProtocol.Channel.stdin:
            return bytes.isEmpty ? nil : .stdin(Array(bytes))
        case ChannelProtocol.Channel.resize:
            guard let message = gather(bytes, isLast: piece.isLast) else { return nil }
            return TerminalSize(json: message).map { .resize($0) }
        case ChannelProtocol.Channel.close:
            guard version == .v5, let message = gather(bytes, isLast: piece.isLast) else { return nil }
            return message == [ChannelProtocol.Channel.stdin] ? .closeStdin : nil
        default:
            return nil
        }
    }

    /// The whole message when its last piece has come and it is not absurdly long.
    private mutating func gather(_ bytes: ArraySlice<UInt8>, isLast: Bool) -> [UInt8]? {
        if whole.count <= Self.wholeMax { whole += bytes.prefix(Self.wholeMax + 1) }
        return isLast && whole.count <= Self.wholeMax ? whole : nil
    }
}

extension TerminalSize {
    private struct Message: Decodable {
        var Width: UInt16
        var Height: UInt16
    }

    /// `{"Width":80,"Height":24}`; nil for anything else and for a terminal without any extent.
    init?(json: [UInt8]) {
        guard let message = try? JSONDecoder().decode(Message.self, from: Data(json)), message.Width > 0,
            message.Height > 0
        else { return nil }
        self.init(width: message.Width, height: message.Height)
    }
}
