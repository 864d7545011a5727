import Glibc
import Testing

@testable import PodAgent

/// Looks at the process that unpacks a layer, from outside, while the layer's bytes are held back.
struct UnpackerWatch {
    let pid: pid_t

    init(pid: pid_t) { self.pid = pid }

    /// The process that unpacks the layer of this digest, once it is confined. Nil when there is none within ten seconds.
    init?(diffID: String) {
        for _ in 0..<2000 {
            if let pid = Self.find(diffID), UnpackerWatch(pid: pid).field("Seccomp") == "2" {
                self.init(pid: pid)
                return
            }
            usleep(5000)
        }
        return nil
    }

    /// What tells it from its like is the digest on its command line.
    static func find(_ diffID: String) -> pid_t? {
        guard let processes = try? RootedDirectory(hostPath: "/proc").entries() else { return nil }
        return processes.compactMap { pid_t($0) }.first { pid in
            let words = readText("/proc/\(pid)/cmdline").split(separator: "\0")
            return words.count == 3 && words[1] == "unpack-layer" && words[2] == diffID
        }
    }

    /// A field of `/proc/PID/status`.
    func field(_ name: String) -> String? {
        readText("/proc/\(pid)/status").split(separator: "\n")
            .first { $0.hasPrefix("\(name):") }
            .map { $0.dropFirst(name.count + 1).drop(while: \.isWhitespace).description }
    }

    /// The most memory that it has had, in kB.
    var memoryMax: Int? { field("VmHWM").flatMap { Int($0.split(separator: " ")[0]) } }

    /// The soft and the hard limit of this name.
    func limit(_ name: String) -> [String]? {
        readText("/proc/\(pid)/limits").split(separator: "\n").first { $0.hasPrefix(name) }
            .map { $0.dropFirst(name.count).split(separator: " ").prefix(2).map(String.init) }
    }

    func link(_ name: String) -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = readlink("/proc/\(pid)/\(name)", &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, length)), as: UTF8.self)
    }

    var isAlive: Bool { kill(pid, 0) == 0 }
}

/// A stream that does something before it goes on with a part.
final class InterruptedStream: ByteStream {
    private let parts: [BytesStream]
    private let before: [Int: () throws(StreamProblem) -> Void]
    private var index = 0
    private var started = false

    /// `before[n]` is called when part `n` is wanted; for the number of parts, when the end is.
    init(_ parts: [[UInt8]], before: [Int: () throws(StreamProblem) -> Void]) {
        self.parts = parts.map { BytesStream($0, piece: 1 << 16) }
        self.before = before
    }

    func next() throws(StreamProblem) -> UnsafeRawBufferPointer {
        while true {
            if !started {
                started = true
                try before[index]?()
            }
            guard index < parts.count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
            let bytes = try parts[index].next()
            if !bytes.isEmpty { return bytes }
            index += 1
            started = false
        }
    }
}
