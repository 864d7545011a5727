import Glibc
import Testing

@testable import PodAgent

/// An authority that nobody else knows, with a certificate for 127.0.0.1 and one for a client. The names of its files are
/// those that skopeo looks for.
struct TestAuthority {
    let directory: String

    var certificate: String { "\(directory)/ca.crt" }
    var serverCertificate: String { "\(directory)/server.pem" }
    var serverKey: String { "\(directory)/server-key.pem" }
    var clientCertificate: String { "\(directory)/client.cert" }
    var clientKey: String { "\(directory)/client.key" }

    /// Makes them by openssl(1) in a directory, which it makes too.
    init(in directory: String) throws {
        self.directory = directory
        mkdir(directory, 0o700)
        try request("/CN=authority", certificate, "\(directory)/authority-key.pem")
        let signed = ["-CA", certificate, "-CAkey", "\(directory)/authority-key.pem"]
        try request(
            "/CN=registry",
            serverCertificate,
            serverKey,
            signed + ["-addext", "subjectAltName=IP:127.0.0.1"]
        )
        try request("/CN=node", clientCertificate, clientKey, signed)
    }

    /// Those that lie there.
    init(existingIn directory: String) throws {
        self.directory = directory
        try #require(access(certificate, R_OK) == 0)
    }

    private func request(_ subject: String, _ file: String, _ key: String, _ more: [String] = []) throws {
        let words = [
            "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", subject, "-out", file, "-keyout", key,
        ]
        let outcome = try Subprocess.run(words + more, scratch: directory)
        try #require(outcome.code == 0, "\(outcome)")
    }
}
