/// The words of events.
enum EventMessage {
    /// What messages begin with that stand for many (`k8s.io/client-go/tools/record`).
    private static let prefix = "(combined from similar events): "

    /// The event as the one that stands for all that are like it.
    static func combined(_ event: Event) -> Event {
        var event = event
        event.message = prefix + event.message
        return event
    }

    static func isCombined(_ event: Event) -> Bool { event.message.hasPrefix(prefix) }

    /// The message, if it is longer than `limit` bytes only its beginning, and how much is missing.
    static func cut(_ message: String, toBytes limit: Int) -> String {
        let size = message.utf8.count
        guard size > limit else { return message }
        var end = message.utf8.index(message.startIndex, offsetBy: limit)
        // Not in the middle of a character.
        while end > message.startIndex, end.samePosition(in: message.unicodeScalars) == nil {
            end = message.utf8.index(before: end)
        }
        let kept = message[..<end]
        return "\(kept)… (\(size - kept.utf8.count) more bytes)"
    }

    /// The message with the container's name in place of each ID of one of its instances: with the ID, which changes at
    /// each restart, no two events would be the same (reference §14.3).
    static func withoutContainerIDs(_ message: String, uid: String, container: String?) -> String {
        let start = "podagent://\(uid)-"
        guard let container, !uid.isEmpty, message.contains("podagent://") else { return message }
        var (text, rest) = ("", message[...])
        while let found = rest.firstRange(of: start) {
            text += rest[..<found.lowerBound] + container
            rest = rest[found.upperBound...].drop { $0.isASCII && $0.isNumber }
        }
        return text + rest
    }
}
