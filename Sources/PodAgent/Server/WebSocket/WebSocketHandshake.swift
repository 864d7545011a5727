import CCrypto
import PodCore

/// The server's half of RFC 6455 section 4: whether a request asks for a WebSocket, and the answer to it.
struct WebSocketHandshake: Hashable, Sendable {
    /// The subprotocol agreed on.
    let subprotocol: String
    private let accept: String

    /// What section 1.3 appends to the client's key.
    private static let magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// Whether the request asks to switch to WebSocket at all.
    static func isRequested(_ head: HTTPRequestHead) -> Bool {
        head.headers.tokens("upgrade").contains("websocket")
            && head.headers.tokens("connection").contains("upgrade")
    }

    /// Checks the request and agrees on the first of `supported` that the client offers.
    init(_ head: HTTPRequestHead, supported: [String]) throws(StatusFailure) {
        guard head.method == "GET", head.minorVersion == 1, head.body == .none else {
            throw .badRequest("a WebSocket begins with a GET of HTTP/1.1 without a body")
        }
        guard head.headers.all("sec-websocket-version") == ["13"] else {
            throw StatusFailure(.unknown, "only version 13 of WebSocket is spoken here", code: 426)
        }
        let keys = head.headers.all("sec-websocket-key")
        guard let key = keys.first, keys.count == 1, Base64.decode(key)?.count == 16 else {
            throw .badRequest("malformed Sec-WebSocket-Key")
        }
        let offered = head.headers.elements("sec-websocket-protocol")
        guard let subprotocol = supported.first(where: { offered.contains($0) }) else {
            throw .badRequest(
                "no common WebSocket subprotocol: offered are [\(offered.joined(separator: ", "))], "
                    + "known here are [\(supported.joined(separator: ", "))]"
            )
        }
        self.subprotocol = subprotocol
        accept = Base64.encode(sha1(Array((key + Self.magic).utf8)))
    }

    /// The headers of the 101 answer.
    var responseHeaders: HTTPHeaders {
        [
            "upgrade": "websocket", "connection": "Upgrade", "sec-websocket-accept": accept,
            "sec-websocket-protocol": subprotocol,
        ]
    }
}

/// SHA-1, which RFC 6455 uses to show that the server has understood the handshake and for no secret.
func sha1(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 20)
    var count: UInt32 = 0
    let result = EVP_Digest(bytes, bytes.count, &digest, &count, EVP_sha1(), nil)
    // Fails only without memory or where the library forbids SHA-1 altogether; a wrong answer would be no better.
    precondition(result == 1 && count == 20, "libcrypto has no SHA-1")
    return digest
}
