import Glibc

/// An open file descriptor with one owner. It is closed when the owner goes away, and cannot be closed twice.
struct Descriptor: ~Copyable, Sendable {
    let raw: Int32

    /// Takes over a descriptor that nobody else will close.
    init(adopting raw: Int32) {
        precondition(raw >= 0, "adopted \(raw), which is not a descriptor")
        self.raw = raw
    }

    /// Hands the number over; whoever receives it closes it.
    consuming func release() -> Int32 {
        let raw = raw
        discard self
        return raw
    }

    /// A second descriptor of the same open file.
    borrowing func duplicate() throws(SystemFailure) -> Descriptor {
        let raw = raw
        let copy = try check("fcntl", "descriptor \(raw)") { fcntl(raw, F_DUPFD_CLOEXEC, 3) }
        return Descriptor(adopting: copy)
    }

    deinit { _ = Glibc.close(raw) }
}

/// A descriptor that several holders share; the last one to let go closes it.
final class SharedDescriptor: Sendable {
    private let descriptor: Descriptor

    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    var raw: Int32 { descriptor.raw }
}
