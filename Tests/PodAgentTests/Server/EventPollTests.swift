import CNamespaces
import Dispatch
import Glibc
import Synchronization
import Testing

@testable import PodAgent

@Suite struct EventPollTests {
    private let queue = DispatchQueue(label: "event poll test")

    /// A pipe.
    private struct Pipe: ~Copyable {
        let reader: Descriptor
        let writer: Descriptor

        init() throws {
            var ends: [Int32] = [0, 0]
            try check("pipe", "test") { Glibc.pipe(&ends) }
            reader = Descriptor(adopting: ends[0])
            writer = Descriptor(adopting: ends[1])
        }
    }

    /// Runs what the queue has to do.
    private func settle() {
        // The event comes to the queue by way of Dispatch's own thread.
        usleep(20_000)
        queue.sync {}
    }

    @Test("What can be read is told until it has been read, and one event once")
    func events() throws {
        let poll = EventPoll(queue: queue)
        let pipe = try Pipe()
        let told = DispatchSemaphore(value: 0)
        let raw = pipe.reader.raw
        let key = try poll.add(raw, EPOLLIN, EPOLLONESHOT, subject: "test") { _ in told.signal() }
        try writeAll(pipe.writer, [1], subject: "test")
        #expect(told.wait(timeout: .now() + 60) == .success)
        settle()
        #expect(told.wait(timeout: .now()) == .timedOut)
        poll.change(key, to: EPOLLIN)
        #expect(told.wait(timeout: .now() + 60) == .success)
        #expect(told.wait(timeout: .now() + 60) == .success)
        poll.remove(key)
        #expect(poll.count == 0)
        _ = consume pipe
    }

    @Test("Nothing is told any more of what was removed, and removing it again does no harm")
    func removal() throws {
        let poll = EventPoll(queue: queue)
        let pipe = try Pipe()
        let count = Atomic(0)
        let told = DispatchSemaphore(value: 0)
        let key = try poll.add(pipe.reader.raw, EPOLLIN, subject: "test") { key in
            count.add(1, ordering: .relaxed)
            poll.remove(key)
            told.signal()
        }
        try writeAll(pipe.writer, [1], subject: "test")
        #expect(told.wait(timeout: .now() + 60) == .success)
        poll.remove(key)
        poll.change(key, to: EPOLLIN)
        settle()
        #expect(count.load(ordering: .relaxed) == 1)
        _ = consume pipe
    }

    @Test("What the kernel will not watch is refused, with the call and the reason")
    func refused() throws {
        let poll = EventPoll(queue: queue)
        let directory = try RootedDirectory(hostPath: "/").open(".", flags: O_RDONLY | O_DIRECTORY)
        let failure = #expect(throws: SystemFailure.self) {
            try poll.add(directory.raw, EPOLLIN, subject: "the root") { _ in }
        }
        #expect(failure == SystemFailure(call: "epoll_ctl", subject: "the root", errno: EPERM))
        #expect(poll.count == 0)
    }

    /// With a source of Dispatch's in the place of each registration this crashes nearly every time, because memory that
    /// the library has given up and still reads is filled with something else here, on the queue that gave it up.
    @Test("Descriptors may hang up by the thousand while others come and go", .blocking)
    func hangUps() async {
        // On threads of their own, as the trait has it: Dispatch's are for those who tell.
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<12 {
                group.addTask {
                    let poll = EventPoll(queue: DispatchQueue(label: "hang up \(number)"))
                    for round in 0..<200 {
                        do { try hangUp(after: UInt32(round % 2 * 20), poll) } catch { Issue.record(error) }
                    }
                    #expect(poll.count == 0)
                }
            }
        }
    }

    /// Closes one end of a pipe while the other is watched.
    private func hangUp(after microseconds: UInt32, _ poll: EventPoll) throws {
        var ends: [Int32] = [0, 0]
        try check("pipe", "test") { pipe(&ends) }
        let writer = Descriptor(adopting: ends[1])
        let reader = Descriptor(adopting: ends[0])
        let ended = DispatchSemaphore(value: 0)
        _ = try poll.add(reader.raw, EPOLLIN, subject: "test") { key in
            poll.remove(key)
            Self.disturbMemory()
            ended.signal()
        }
        usleep(microseconds)
        _ = consume writer
        #expect(ended.wait(timeout: .now() + 120) == .success)
        _ = consume reader
    }

    /// Takes memory of the size of Dispatch's own records, fills it and gives it back.
    private static func disturbMemory() {
        let blocks = (0..<8).map { _ in UnsafeMutableRawPointer.allocate(byteCount: 56, alignment: 8) }
        for block in blocks { block.initializeMemory(as: UInt8.self, repeating: 0x31, count: 56) }
        for block in blocks { block.deallocate() }
    }
}
