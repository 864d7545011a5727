import Glibc
import Testing

@testable import PodAgent

/// Debian's `docker-registry` on a port of its own of 127.0.0.1, with its storage in a directory of the test. It ends
/// with the call that has started it.
final class RegistryProcess {
    /// How clients are to show who they are.
    struct Access {
        /// Basic authentication, as ``user`` with ``password``.
        var asksForPassword = false
        var authority: TestAuthority?
        /// Whether clients have to show a certificate of ``authority``.
        var asksForCertificate = false
    }

    static let program = "/usr/bin/docker-registry"
    static let isInstalled = Glibc.access(program, X_OK) == 0 && ForeignToolTests.isInstalled("skopeo")
    static let isNeeded: Comment = "docker-registry and skopeo are installed by `make deps`"
    static let user = "puller"
    static let password = "secret word"
    /// What htpasswd(1) makes of these with bcrypt.
    private static let passwords =
        "puller:$2y$05$abcdefghijklmnopqrstuu1C7yeI3ZG3Jm.nHdnKkGJg1xTYKP9Oy\n"

    /// As image names have it: `127.0.0.1:40123`.
    var host: String { "127.0.0.1:\(port)" }
    private let directory: String
    private let access: Access
    private var port: UInt16 = 0
    private var process: Subprocess?

    /// Runs `body` with a registry that has its files in `directory/registry`.
    static func run<Result>(
        in directory: String,
        _ access: Access = Access(),
        _ body: (RegistryProcess) throws -> Result
    ) throws -> Result {
        let registry = RegistryProcess(directory, access)
        defer { registry.stop() }
        mkdir(registry.directory, 0o700)
        try writeText(passwords, to: "\(registry.directory)/htpasswd")
        try registry.start()
        return try body(registry)
    }

    private init(_ directory: String, _ access: Access) {
        self.directory = "\(directory)/registry"
        self.access = access
    }

    /// Starts it, also again: then on the same port.
    func start() throws {
        // Somebody else may get the port between the look for it and its use.
        for _ in 0..<10 {
            if port == 0 { port = try freePort() }
            if try answers() { return }
            port = 0
        }
        Issue.record("docker-registry does not start: \(readText("\(directory)/log"))")
    }

    func stop() {
        guard let process else { return }
        kill(process.pid, SIGKILL)
        process.wait()
        self.process = nil
    }

    private func answers() throws -> Bool {
        let settings = "\(directory)/config.yml"
        try writeText(configuration, to: settings)
        let log = "\(directory)/log"
        let process = try Subprocess([Self.program, "serve", settings], output: log, errors: log)
        var status: Int32 = 0
        var isGone = false
        try eventually("docker-registry answers") {
            isGone = waitpid(process.pid, &status, WNOHANG) == process.pid
            return isGone || canConnect(port)
        }
        if !isGone { self.process = process }
        return !isGone
    }

    private var configuration: String {
        var text = """
            version: 0.1
            log: {level: error, accesslog: {disabled: true}}
            storage: {filesystem: {rootdirectory: "\(directory)/storage"}}

            """
        if access.asksForPassword {
            text += "auth: {htpasswd: {realm: test, path: \"\(directory)/htpasswd\"}}\n"
        }
        text += "http:\n  addr: \(host)\n  secret: test\n"
        guard let authority = access.authority else { return text }
        text += "  tls:\n    certificate: \(authority.serverCertificate)\n    key: \(authority.serverKey)\n"
        if access.asksForCertificate { text += "    clientcas: [\(authority.certificate)]\n" }
        return text
    }

    /// Brings an image there that lies in an OCI layout: `oci:/path:name`.
    ///
    /// - Parameter flags: of `skopeo copy`, before the places.
    func push(_ source: String, as name: String, _ flags: String...) throws {
        var words = ["/usr/bin/env", "skopeo", "copy", "--insecure-policy", "--quiet"] + flags
        if let authority = access.authority {
            words += ["--dest-cert-dir", authority.directory]
        } else {
            words.append("--dest-tls-verify=false")
        }
        if access.asksForPassword { words += ["--dest-creds", "\(Self.user):\(Self.password)"] }
        let outcome = try Subprocess.run(
            words + [source, "docker://\(host)/\(name)"],
            environment: ["TMPDIR=\(directory)", "HOME=\(directory)"],
            scratch: directory
        )
        try #require(
            outcome.code == 0,
            "\(words.joined(separator: " ")): \(outcome)\n\(readText("\(directory)/log"))"
        )
    }
}

/// A port of 127.0.0.1 that nobody has at the moment.
private func freePort() throws -> UInt16 {
    let raw = try check("socket", "test") { socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0) }
    defer { close(raw) }
    return try listenOnLoopback(raw, 1)
}

/// Whether somebody listens.
private func canConnect(_ port: UInt16) -> Bool {
    let raw = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
    defer { close(raw) }
    return withLoopback(port: port) { address, size in connect(raw, address, size) == 0 }
}

/// A file with this text, made anew.
func writeText(_ text: String, to path: String) throws {
    unlink(path)
    let raw = try check("open", path) { open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
    try writeAll(Descriptor(adopting: raw), Array(text.utf8), subject: path)
}
