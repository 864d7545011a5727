import CNamespaces
import Glibc

/// A program run to its end, or left running. Output goes to files, so that nothing needs to read while it runs.
struct Subprocess {
    struct Outcome: CustomStringConvertible {
        var code: Int32
        var output: String
        var errors: String

        var description: String { "exit code \(code)\n\(output)\(errors)" }
    }

    let pid: pid_t

    /// Starts `arguments[0]` with its output going to the files named.
    init(
        _ arguments: [String],
        environment: [String] = [],
        input: String? = nil,
        output: String,
        errors: String
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input ?? "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        var pid: pid_t = 0
        var path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        if let known = getenv("PATH") { path = "PATH=" + String(cString: known) }
        let code = Self.withStrings(arguments) { argv in
            Self.withStrings([path] + environment) { envp in
                posix_spawn(&pid, arguments[0], &actions, nil, argv, envp)
            }
        }
        guard code == 0 else { throw SpawnFailure(program: arguments[0], errno: code) }
        self.pid = pid
    }

    /// Waits for the end; 128 + N for a signal.
    @discardableResult
    func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    }

    static func run(_ arguments: [String], environment: [String] = [], scratch: String) throws -> Outcome {
        let stamp = "\(scratch)/run-\(UInt64.random(in: 0 ... .max))"
        defer {
            unlink("\(stamp).out")
            unlink("\(stamp).err")
        }
        let process = try Subprocess(
            arguments,
            environment: environment,
            output: "\(stamp).out",
            errors: "\(stamp).err"
        )
        let code = process.wait()
        return Outcome(code: code, output: readText("\(stamp).out"), errors: readText("\(stamp).err"))
    }

    private static func withStrings<Result>(
        _ strings: [String],
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers = strings.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        return body(&pointers)
    }
}

struct SpawnFailure: Error {
    let program: String
    let errno: Int32
}

/// A whole file as text; empty when it cannot be read.
func readText(_ path: String) -> String {
    let raw = cns_openat(AT_FDCWD, path, O_RDONLY, 0)
    guard raw >= 0 else { return "" }
    defer { close(raw) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(raw, &buffer, buffer.count)
        guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
        bytes += buffer[..<count]
    }
}
