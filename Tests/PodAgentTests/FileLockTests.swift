import CNamespaces
import Dispatch
import Glibc
import Testing

@testable import PodAgent

@Suite(.blocking) struct FileLockTests {
    private func open(_ path: String) throws -> Descriptor {
        Descriptor(adopting: try check("open", path) { cns_openat(AT_FDCWD, path, O_RDWR | O_CREAT, 0o600) })
    }

    @Test("A lock that is let go of in a moment is waited for")
    func waits() throws {
        let temporary = try TemporaryDirectory()
        let path = "\(temporary.path)/lock"
        // As a child that is being born holds the lock of its parent: by the same open file.
        let child = SharedDescriptor(try open(path))
        try lockFile(child.raw, subject: path)
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(100)) { flock(child.raw, LOCK_UN) }
        let own = try open(path)
        try lockFile(own.raw, subject: path, patience: .seconds(20))
    }

    @Test("A lock that is held on is refused")
    func refused() throws {
        let temporary = try TemporaryDirectory()
        let path = "\(temporary.path)/lock"
        let other = try open(path)
        try lockFile(other.raw, subject: path)
        let own = try open(path)
        let failure = SystemFailure(call: "flock", subject: path, errno: EWOULDBLOCK)
        #expect(throws: failure) { try lockFile(own.raw, subject: path, patience: .milliseconds(30)) }
        withExtendedLifetime(other.raw) {}
    }
}
