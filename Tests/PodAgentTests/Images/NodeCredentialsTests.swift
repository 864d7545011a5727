import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// The node's own docker configurations, in files.
@Suite struct NodeCredentialsTests {
    private func put(_ path: String, _ text: String, in temporary: TemporaryDirectory) throws {
        let (parent, leaf) = RootedDirectory.split(path)
        let directory =
            parent.isEmpty ? temporary.directory : try temporary.directory.makeDirectory(parent, mode: 0o755)
        try directory.replaceFile(leaf, with: Array(text.utf8), mode: 0o600)
    }

    private func users(_ configurations: [DockerConfiguration]) -> [String] {
        configurations.flatMap { $0.credentials(host: "r.example", repository: "a") }.map { credential in
            if case .password(let user, _) = credential { user } else { "" }
        }
    }

    private func entry(_ user: String) -> String {
        #"{"r.example": {"username": "\#(user)", "password": "hunter2"}}"#
    }

    @Test(
        "All places count, in order: those that are named, the state directory's, root's, the root directory's"
    )
    func order() throws {
        let temporary = try TemporaryDirectory()
        let path = temporary.directory.name
        let places = [
            "named.json", "named/.dockercfg", "state/config.json", "root/.docker/config.json",
            ".docker/config.json",
            "state/.dockercfg", "root/.dockercfg", ".dockercfg",
        ]
        for (index, place) in places.enumerated() {
            let text = entry("u\(index)")
            try put(place, place.hasSuffix("cfg") ? text : #"{"auths": \#(text)}"#, in: temporary)
        }
        let credentials = NodeCredentials(
            files: ["\(path)/named.json", "\(path)/named/.dockercfg"],
            statePath: "\(path)/state",
            root: path
        )
        let read = credentials.configurations()
        #expect(users(read.found) == (0..<8).map { "u\($0)" })
        #expect(read.problems == [])
        // A file that is changed counts at once.
        try put("state/config.json", #"{"auths": \#(entry("new"))}"#, in: temporary)
        #expect(users(credentials.configurations().found).contains("new"))
    }

    @Test("What is missing is fine unless it is named; what is wrong is one line without the secret")
    func problems() throws {
        let temporary = try TemporaryDirectory()
        let path = temporary.directory.name
        try put("state/config.json", #"{"auths": {"r.example": {"auth": "hunter2!"}}}"#, in: temporary)
        try put(
            "root/.docker/config.json",
            #"{"auths": {"r.example": {}}, "credsStore": "x"}"#,
            in: temporary
        )
        mkfifo("\(path)/.dockercfg", 0o600)
        let read = NodeCredentials(
            files: ["\(path)/missing.json"],
            statePath: "\(path)/state",
            root: path
        ).configurations()
        #expect(users(read.found) == [])
        #expect(
            read.problems == [
                "credentials for registries: open \(path)/missing.json: No such file or directory",
                "\(path)/state/config.json: auths[r.example].auth: must be the base64 of USER:PASSWORD, and is not base64 of a text",
                "\(path)/root/.docker/config.json: auths[r.example] leaves its credentials to credsStore \"x\", a program that podagent does not run",
                "credentials for registries: read \(path)/.dockercfg: Invalid argument",
            ]
        )
    }
}
