import Glibc

/// The node's processors.
enum NodeProcessors {
    /// How many can be used now, as sysconf(3) has it.
    static var online: Int { sysconf(Int32(_SC_NPROCESSORS_ONLN)) }

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
