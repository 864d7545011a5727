/// Why a container waits: a reason from reference §3.5 and its message.
public struct Waiting: Hashable, Sendable, Codable {
    /// Why, in one word.
    public var reason: String
    /// Why, for people.
    public var message: String

    /// Makes the pair.
    public init(_ reason: String, _ message: String = "") {
        self.reason = reason
        self.message = message
    }
}
