extension Event {
    /// When it last happened; what people see sorted is sorted by this.
    public var lastSeen: Timestamp {
        series?.lastObservedTime?.time ?? lastTimestamp ?? eventTime?.time ?? firstTimestamp
            ?? Timestamp(nanoseconds: 0)
    }

    /// How long ago it happened, as kubectl prints it: `3m`, of what has happened several times `3m (x4 over 10m)`.
    public func age(at now: Timestamp) -> String {
        let first = now.age(since: eventTime?.time ?? firstTimestamp)
        if let series {
            return "\(now.age(since: series.lastObservedTime?.time)) (x\(series.count) over \(first))"
        }
        return count > 1 ? "\(now.age(since: lastTimestamp)) (x\(count) over \(first))" : first
    }
}
