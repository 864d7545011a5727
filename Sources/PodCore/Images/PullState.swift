/// How far a pull is: what is shown of it to those who wait.
public struct PullState: Hashable, Sendable {
    /// A layer on its way.
    public struct Layer: Hashable, Sendable {
        /// The digest of its bytes as they come.
        public let digest: Digest
        /// How many bytes will come.
        public let size: Int64
        /// How many have come.
        public var received: Int64
        /// Whether it is unpacked and verified.
        public var isHere: Bool

        /// A layer of which nothing has come.
        public init(digest: Digest, size: Int64, received: Int64 = 0, isHere: Bool = false) {
            (self.digest, self.size, self.received, self.isHere) = (digest, size, received, isHere)
        }
    }

    /// In the image's order; empty until the registry has said what there is.
    public var layers: [Layer] = []
    /// Whether it has not begun, since others are before it.
    public var isQueued = false

    /// Nothing known yet.
    public init() {}

    /// One that waits for its turn.
    public static var queued: PullState {
        var state = PullState()
        state.isQueued = true
        return state
    }

    /// Bytes that have come, of those that will.
    public var received: Int64 { layers.reduce(0) { $0 + ($1.isHere ? $1.size : min($1.received, $1.size)) } }
    /// Bytes that will have come.
    public var size: Int64 { layers.reduce(0) { $0 + $1.size } }

    /// What is said of one that has not begun.
    public static let queuedSummary = "waiting for other pulls"

    /// `34.5MB of 120MB, 3 of 7 layers`, for the message of a container that waits.
    public var summary: String {
        if isQueued { return Self.queuedSummary }
        if layers.isEmpty { return "asking the registry" }
        let done = layers.count(where: \.isHere)
        return "\(ByteCount.text(received)) of \(ByteCount.text(size)), \(done) of \(layers.count) layers"
    }
}

/// Numbers of bytes as people read them.
public enum ByteCount {
    /// In decimal units with three digits, as image tools print sizes: `12.3MB`.
    public static func text(_ bytes: Int64) -> String {
        var value = Double(bytes)
        var units = ["B", "kB", "MB", "GB", "TB"][...]
        while value >= 999.5, units.count > 1 {
            value /= 1000
            units = units.dropFirst()
        }
        // Tenths only below a hundred, hundredths only below ten.
        let scale = units.first == "B" ? 1.0 : value < 9.995 ? 100.0 : value < 99.95 ? 10.0 : 1.0
        let rounded = (value * scale).rounded() / scale
        let text = rounded == rounded.rounded() ? String(Int64(rounded)) : String(rounded)
        return text + (units.first ?? "")
    }
}
