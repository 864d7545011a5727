import Glibc

/// What the node's /sys says of its processors.
enum NodeProcessors {
    /// The numbers of those that have a `thermal_throttle` directory, in order. Looked up for each start: processors
    /// come and go. A virtual machine usually has none.
    static func withThermalThrottle(
        beneath system: String = "/sys/devices/system/cpu"
    ) throws(SystemFailure) -> [Int] {
        try RootedDirectory(hostPath: system).entries().compactMap { entry in
            guard entry.hasPrefix("cpu"), let number = Int(entry.dropFirst(3)) else { return nil }
            return access("\(system)/\(entry)/thermal_throttle", F_OK) == 0 ? number : nil
        }.sorted()
    }
}
