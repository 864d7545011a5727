import PodCore

/// Who is to end when, the earliest first. Those that end before are left in it, and passed over.
struct DeadlineList {
    private struct Entry {
        let deadline: Tick
        let number: UInt64
    }

    private var entries: [Entry] = []
    /// What stands before it is done with.
    private var first = 0

    /// Adds one. Most have the same time to go and belong at the end.
    mutating func add(_ number: UInt64, at deadline: Tick) {
        var (low, high) = (first, entries.count)
        if let last = entries.last, last.deadline <= deadline { low = high }
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].deadline <= deadline { low = middle + 1 } else { high = middle }
        }
        entries.insert(Entry(deadline: deadline, number: number), at: low)
    }

    /// Takes out those whose time has come.
    mutating func takeDue(at now: Tick) -> [UInt64] {
        let end = entries[first...].firstIndex { $0.deadline > now } ?? entries.count
        defer { first = end }
        return entries[first..<end].map(\.number)
    }

    /// The first deadline of somebody who is still there. Lets go of those who are not as soon as they are the most.
    mutating func next(live count: Int, _ isLive: (UInt64) -> Bool) -> Tick? {
        if entries.count > 2 * count + 64 {
            entries = entries[first...].filter { isLive($0.number) }
            first = 0
        }
        while first < entries.count, !isLive(entries[first].number) { first += 1 }
        return first < entries.count ? entries[first].deadline : nil
    }
}
