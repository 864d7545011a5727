extension Duration {
    /// The duration as kubectl prints ages: `45s`, `5m30s`, `3h12m`, `47h`, `12d`, `2y40d`.
    ///
    /// The larger it is, the coarser; a second unit that would be 0 is left out. Up to a second into the future counts
    /// as now, because two clocks may differ; further is `<invalid>`.
    public var humanReadable: String {
        let seconds = components.seconds
        let (minutes, hours) = (seconds / 60, seconds / 3_600)
        let days = hours / 24
        return switch (minutes, hours, days) {
        case _ where seconds < -1: "<invalid>"
        case _ where seconds < 0: "0s"
        case _ where seconds < 120: "\(seconds)s"
        case (..<10, _, _): Self.pair(minutes, "m", seconds % 60, "s")
        case (..<180, _, _): "\(minutes)m"
        case (_, ..<8, _): Self.pair(hours, "h", minutes % 60, "m")
        case (_, ..<48, _): "\(hours)h"
        case (_, _, ..<8): Self.pair(days, "d", hours % 24, "h")
        case (_, _, ..<730): "\(days)d"
        case (_, _, ..<2_920): Self.pair(days / 365, "y", days % 365, "d")
        default: "\(days / 365)y"
        }
    }

    private static func pair(_ first: Int64, _ unit: String, _ second: Int64, _ secondUnit: String) -> String
    {
        second == 0 ? "\(first)\(unit)" : "\(first)\(unit)\(second)\(secondUnit)"
    }
}

extension Timestamp {
    /// The age of something that happened at `time`, `<unknown>` when that is not known.
    public func age(since time: Timestamp?) -> String {
        time.map { (self - $0).humanReadable } ?? "<unknown>"
    }
}
