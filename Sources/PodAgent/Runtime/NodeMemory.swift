import Glibc

/// The node's memory.
enum NodeMemory {
    /// In bytes, as sysconf(3) has it.
    static var bytes: Int64 {
        Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }
}
