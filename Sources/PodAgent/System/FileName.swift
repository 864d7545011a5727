/// A name or a path as the kernel sees it: bytes, of which nothing says that they are UTF-8.
///
/// A container may call its files whatever it likes. As a `String` such a name would be repaired, and would then no
/// longer be the name of the file.
struct FileName: Hashable, Sendable {
    /// The bytes with the NUL that ends them, to be handed to C.
    let cString: [CChar]

    init(_ text: String) { cString = Array(text.utf8CString) }

    /// Bytes behind a NUL would be ignored by the kernel; the caller has checked that there is none.
    init(bytes: some Sequence<UInt8>) { cString = bytes.map { CChar(bitPattern: $0) } + [0] }

    /// Copies a C string.
    init(copying pointer: UnsafePointer<CChar>) {
        var length = 0
        while pointer[length] != 0 { length += 1 }
        cString = Array(UnsafeBufferPointer(start: pointer, count: length + 1))
    }

    var bytes: [UInt8] { cString.dropLast().map { UInt8(bitPattern: $0) } }
}

extension FileName: CustomStringConvertible {
    /// For messages.
    var description: String { String(decoding: bytes, as: UTF8.self) }
}
