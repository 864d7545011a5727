import Glibc
import PodCore

/// Manifests as commands are given them: files, directories of files, or standard input.
enum ManifestInput {
    /// A file and what is in it.
    struct File {
        /// As it was given; `<stdin>` for standard input.
        var name: String
        var content: ParsedManifest
    }

    /// A Pod in a file, not looked into yet.
    struct FoundPod {
        var file: String
        var document: Document

        var name: String { document["metadata"]?["name"]?.string ?? "" }

        /// The one it names itself, else the one that the command names.
        func namespace(_ arguments: Arguments) -> String {
            document["metadata"]?["namespace"]?.string ?? arguments.namespace
        }
    }

    /// Reads all that `--filename` names. A directory stands for the manifests in it.
    static func read(_ names: [String]) throws(CommandError) -> [File] {
        var files: [File] = []
        for name in names {
            if name == "-" {
                files.append(
                    File(name: "<stdin>", content: ManifestParser.parse(guessing: try standardInput()))
                )
            } else if isDirectory(name) {
                files += try directory(name)
            } else {
                files.append(try file(name))
            }
        }
        return files
    }

    /// The Pods in all that `--filename` names; anything that is none is a failure. A Secret is one too, with `remedy`
    /// behind it: over the socket it cannot be had.
    static func pods(
        _ names: [String],
        _ arguments: Arguments,
        secrets remedy: String
    ) throws(CommandError) -> [FoundPod] {
        var pods: [FoundPod] = []
        for file in try read(names) {
            if let problem = file.content.problems.first { throw .failed(line(file.name, problem)) }
            for document in file.content.documents {
                let found = PodDocuments(document)
                if let problem = found.problems.first { throw .failed(line(file.name, problem)) }
                if let secret = found.secrets.first {
                    let message = "a Secret is a file of the manifest directory: \(remedy)"
                    let problem = ManifestProblem(
                        path: secret.path,
                        line: secret.document.line,
                        message: message
                    )
                    throw .failed(line(file.name, problem))
                }
                pods += found.items.map { FoundPod(file: file.name, document: $0.document) }
            }
        }
        for pod in pods where pod.name.isEmpty { throw .failed("\(pod.file): a Pod without metadata.name") }
        return pods
    }

    /// `pod.yaml:12: spec.containers[0].image: Required value`
    static func line(_ file: String, _ problem: ManifestProblem) -> String {
        (problem.line.map { "\(file):\($0): " } ?? "\(file): ") + problem.text
    }

    private static func isDirectory(_ name: String) -> Bool {
        var status = stat()
        return stat(name, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func directory(_ name: String) throws(CommandError) -> [File] {
        do throws(SystemFailure) {
            let entries = try RootedDirectory(hostPath: name).entries()
            var files: [File] = []
            for entry in entries {
                guard case .manifest(let format) = ManifestName(entry) else { continue }
                let path = name.hasSuffix("/") ? name + entry : "\(name)/\(entry)"
                files.append(File(name: path, content: ManifestParser.parse(try bytes(path), format: format)))
            }
            return files
        } catch {
            throw .failed(error)
        }
    }

    private static func file(_ name: String) throws(CommandError) -> File {
        do throws(SystemFailure) {
            let bytes = try bytes(name)
            // A name that tells nothing is no reason to refuse what was named by hand.
            let content =
                switch ManifestName(RootedDirectory.split(name).leaf) {
                case .manifest(let format): ManifestParser.parse(bytes, format: format)
                case .ignored: ManifestParser.parse(guessing: bytes)
                }
            return File(name: name, content: content)
        } catch {
            throw .failed(error)
        }
    }

    private static func bytes(_ path: String) throws(SystemFailure) -> [UInt8] {
        let raw = try check("open", path) { open(path, O_RDONLY | O_CLOEXEC) }
        return try readToEnd(Descriptor(adopting: raw), subject: path)
    }

    private static func standardInput() throws(CommandError) -> [UInt8] {
        do throws(SystemFailure) {
            let raw = try check("dup", "standard input") { fcntl(0, F_DUPFD_CLOEXEC, 3) }
            return try readToEnd(Descriptor(adopting: raw), subject: "standard input")
        } catch {
            throw .failed(error)
        }
    }

    /// Whoever runs the command chose the file, so it may be a pipe; `<(…)` of a shell is one.
    private static func readToEnd(_ file: borrowing Descriptor, subject: String) throws(SystemFailure)
        -> [UInt8]
    {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let raw = file.raw
        while true {
            let count = try check("read", subject) { Glibc.read(raw, &buffer, buffer.count) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            // One more than may be, so that the parser says so.
            if bytes.count > ManifestLimits().bytes { return bytes }
        }
    }
}
