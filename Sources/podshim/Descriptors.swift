import CNamespaces

/// The descriptors that came with one message. What nobody takes is closed when the message has been handled.
struct Descriptors: ~Copyable {
    static let countMax = Int(CNS_DESCRIPTORS_MAX)

    private(set) var descriptors: [Int32] = [-1, -1]
    private(set) var count = 0
    /// The kernel could not give us all of them, and we have none.
    private(set) var wereLost = false

    /// Receives one message into `message`; its size, 0 at the end, -1 and errno.
    mutating func receive<Message: BitwiseCopyable>(from socket: Int32, into message: inout Message) -> Int {
        var room = Int32(Self.countMax)
        let fresh = UnsafeMutableBufferPointer<Int32>.allocate(capacity: Self.countMax)
        defer { fresh.deallocate() }
        let size = cns_receive(socket, &message, MemoryLayout<Message>.size, fresh.baseAddress, &room)
        guard size > 0 else { return size }
        wereLost = room < 0
        count = max(0, Int(room))
        descriptors = []
        for index in 0..<max(2, count) { descriptors.append(index < count ? fresh[index] : -1) }
        return size
    }

    /// Hands over the descriptor at `index`; -1 when there is none.
    mutating func take(_ index: Int) -> Int32 {
        guard index < count else { return -1 }
        let taken = descriptors[index]
        descriptors[index] = -1
        return taken
    }

    /// A second descriptor of the one at `index`; -1 and errno.
    func duplicate(_ index: Int) -> Int32 {
        cns_fcntl(index < count ? descriptors[index] : -1, F_DUPFD_CLOEXEC, 3)
    }

    /// The slots of a plan, with the descriptors from `first` on in their place.
    func slots(from first: Int) -> [Int32] {
        var slots = [Int32](repeating: -1, count: Int(CNS_SLOTS_MAX.rawValue))
        var slot = Int(CNS_SLOT_PASSED.rawValue)
        var index = first
        while index < count && slot < slots.count {
            slots[slot] = descriptors[index]
            slot += 1
            index += 1
        }
        return slots
    }

    deinit {
        for descriptor in descriptors where descriptor >= 0 { _ = close(descriptor) }
    }
}

/// A launch plan, mapped from the sealed memory file that it came in, and found to be well formed.
struct MappedPlan: ~Copyable {
    let bytes: UnsafeMutableRawPointer
    private let size: Int

    /// Nil, with errno, when it cannot be mapped or is malformed (`EINVAL`).
    init?(_ descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        let size = Int(status.st_size)
        guard let bytes = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), bytes != cns_map_failed()
        else {
            return nil
        }
        guard cns_plan_valid(bytes, size) == 1 else {
            _ = munmap(bytes, size)
            cns_set_errno(EINVAL)
            return nil
        }
        self.bytes = bytes
        self.size = size
    }

    deinit { _ = munmap(bytes, size) }
}
