import CNamespaces

/// The two ends of a pipe, close-on-exec. pipe(7).
struct Pipe {
    let reader: SharedDescriptor
    let writer: SharedDescriptor

    init(_ subject: String) throws(SystemFailure) {
        var (read, write): (Int32, Int32) = (-1, -1)
        try check("pipe2", subject) { cns_pipe(&read, &write) }
        reader = SharedDescriptor(Descriptor(adopting: read))
        writer = SharedDescriptor(Descriptor(adopting: write))
    }
}
