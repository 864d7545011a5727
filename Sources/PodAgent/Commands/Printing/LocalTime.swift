import Glibc
import PodCore

/// The time zone that the user has set.
enum LocalZone {
    /// Seconds east of Greenwich at an instant.
    static func offset(_ time: Timestamp) -> Int64 {
        var seconds = time_t(time.seconds)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return 0 }
        return Int64(parts.tm_gmtoff)
    }
}

extension Timestamp {
    /// As `describe` prints times (RFC 1123 with a numeric zone): `Fri, 02 Jan 2026 03:04:05 +0000`.
    func rfc1123(zone: Int64) -> String {
        let local = Timestamp(seconds: seconds + zone)
        // 2026-01-02T03:04:05Z
        let text = local.rfc3339
        let parts = text.split { "-T:Z".contains($0) }.map(String.init)
        guard parts.count == 6, let month = Int(parts[1]), (1...12).contains(month) else { return text }
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        // The epoch was a Thursday.
        let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let day = local.seconds >= 0 ? local.seconds / 86_400 : -((86_399 - local.seconds) / 86_400)
        let weekday = days[Int(((day % 7) + 7) % 7)]
        let minutes = abs(zone) / 60
        let digits = { (value: Int64) in (value < 10 ? "0" : "") + String(value) }
        let sign = zone < 0 ? "-" : "+"
        return "\(weekday), \(parts[2]) \(months[month - 1]) \(parts[0]) \(parts[3]):\(parts[4]):\(parts[5]) "
            + sign + digits(minutes / 60) + digits(minutes % 60)
    }
}
