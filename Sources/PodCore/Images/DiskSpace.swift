/// How much a file system holds, as statvfs(3) says it for everybody but root.
public struct DiskSpace: Hashable, Sendable {
    /// In bytes. 0 for what cannot say it.
    public var capacity: Int64
    /// In bytes, at most the capacity.
    public var available: Int64

    /// Pairs the two; a file system that claims to have more free than it holds has all of it free.
    public init(capacity: Int64, available: Int64) {
        self.capacity = max(0, capacity)
        self.available = min(max(0, available), self.capacity)
    }

    /// Of the capacity, what is used, in whole per cent, rounded up as the kubelet rounds; 0 without a capacity.
    public var usedPercent: Int {
        guard capacity > 0 else { return 0 }
        return 100 - Int(100 * Double(available) / Double(capacity))
    }

    /// The capacity for people, in binary units: `9.8 GiB`.
    public var capacityText: String {
        var value = Double(capacity)
        var units = ["B", "KiB", "MiB", "GiB", "TiB"][...]
        while value >= 1024, units.count > 1 {
            value /= 1024
            units = units.dropFirst()
        }
        let tenths = Int64((value * 10).rounded())
        let unit = units.first ?? ""
        return unit == "B" ? "\(capacity) B" : "\(tenths / 10).\(tenths % 10) \(unit)"
    }
}
