/// The name of a file in a container's log directory: `3.log`, or `3.log.20260102-030405` after a rotation (with `-2`
/// and so on when one second saw several).
public struct LogFileName: Sendable, Hashable {
    /// Which instance of the container wrote it.
    public var restartCount: Int
    /// When it was rotated; nil for the file that is written to.
    public var rotation: Rotation?

    /// A point in the sequence of rotations.
    public struct Rotation: Sendable, Hashable, Comparable {
        /// `YYYYMMDD-HHMMSS`, in UTC, which sorts as text.
        public var stamp: String
        /// Tells rotations of one second apart; 0 is the first.
        public var number: Int

        /// Names a rotation.
        public init(stamp: String, number: Int = 0) {
            self.stamp = stamp
            self.number = number
        }

        /// The earlier one is less.
        public static func < (a: Rotation, b: Rotation) -> Bool { (a.stamp, a.number) < (b.stamp, b.number) }
    }

    /// Names a file.
    public init(restartCount: Int, rotation: Rotation? = nil) {
        self.restartCount = restartCount
        self.rotation = rotation
    }

    /// Reads a name; nil for any other, such as a compressed file.
    public init?(_ name: String) {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3, parts[1] == "log", let count = Self.number(parts[0])
        else {
            return nil
        }
        restartCount = count
        guard parts.count == 3 else { return }
        let pieces = parts[2].split(separator: "-", omittingEmptySubsequences: false)
        guard pieces.count == 2 || pieces.count == 3, Self.isDigits(pieces[0], 8), Self.isDigits(pieces[1], 6)
        else { return nil }
        var number = 0
        if pieces.count == 3 {
            guard let suffix = Self.number(pieces[2]) else { return nil }
            number = suffix
        }
        rotation = Rotation(stamp: "\(pieces[0])-\(pieces[1])", number: number)
    }

    /// The files of one instance among the names of a directory, oldest first, the one that is written to last.
    public static func files(of restartCount: Int, among names: [String]) -> [String] {
        names.compactMap { name in LogFileName(name).map { (name, $0) } }
            .filter { $0.1.restartCount == restartCount }
            .sorted { a, b in
                guard let first = a.1.rotation else { return false }
                guard let second = b.1.rotation else { return true }
                return first < second
            }
            .map(\.0)
    }

    private static func number(_ text: Substring) -> Int? {
        guard isDigits(text, text.utf8.count), text.utf8.count <= 10 else { return nil }
        return Int(text)
    }

    private static func isDigits(_ text: Substring, _ count: Int) -> Bool {
        !text.isEmpty && text.utf8.count == count && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}
