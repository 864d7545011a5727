import CNamespaces
import Glibc

/// A system call that failed: which one, on what, and why.
///
/// The errno stays a field, so that callers can ask `failure.errno == EBUSY`; the sentence is made only when it
/// is printed.
struct SystemFailure: Error, Hashable, Sendable, Codable {
    /// The call, by its name in section 2 of the manual.
    let call: String
    /// What it was called on: a path, a process, a Pod's name.
    let subject: String
    let errno: Int32

    /// Captures errno of the call that has just failed.
    static func current(_ call: String, _ subject: String) -> SystemFailure {
        SystemFailure(call: call, subject: subject, errno: Glibc.errno)
    }
}

extension SystemFailure: CustomStringConvertible {
    var description: String { "\(call) \(subject): \(errnoText(errno))" }
}

/// The C library's words for an error number.
func errnoText(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 128)
    guard strerror_r_portable(code, &buffer, buffer.count) == 0 else { return "errno \(code)" }
    return buffer.withUnsafeBufferPointer { bytes in
        String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

private func strerror_r_portable(_ code: Int32, _ buffer: UnsafeMutablePointer<CChar>, _ size: Int) -> Int32 {
    cns_strerror(code, buffer, size)
}

/// Runs a call that returns -1 on failure, again if a signal interrupted it, and throws what errno says.
///
/// Not for close(2): on Linux the number is free again even when the call was interrupted.
@discardableResult
func check<Result: SignedInteger>(
    _ call: String,
    _ subject: @autoclosure () -> String,
    _ body: () -> Result
) throws(SystemFailure) -> Result {
    while true {
        let result = body()
        guard result == -1 else { return result }
        let code = Glibc.errno
        if code == EINTR { continue }
        throw SystemFailure(call: call, subject: subject(), errno: code)
    }
}
