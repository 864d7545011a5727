import Testing

@testable import PodCore

@Suite struct AddressPoolTests {
    private func pool(_ text: String) throws -> AddressPool {
        try #require(AddressPool(try Subnet(parsing: text)))
    }

    @Test("The gateway has the first address, Pods the next ones, and each keeps its own")
    func inOrder() throws {
        var pool = try pool("10.88.0.0/16")
        #expect("\(pool.gateway)" == "10.88.0.1")
        #expect("\(try pool.claim(for: "a"))" == "10.88.0.2")
        #expect("\(try pool.claim(for: "b"))" == "10.88.0.3")
        #expect("\(try pool.claim(for: "a"))" == "10.88.0.2")
    }

    @Test("An address that was given back is the last to be given again, the oldest first")
    func reuse() throws {
        var pool = try pool("10.88.0.0/29")
        for owner in ["a", "b", "c"] { _ = try pool.claim(for: owner) }
        pool.release("b")
        pool.release("a")
        #expect("\(try pool.claim(for: "d"))" == "10.88.0.5")
        #expect("\(try pool.claim(for: "e"))" == "10.88.0.6")
        #expect("\(try pool.claim(for: "f"))" == "10.88.0.3")
        #expect("\(try pool.claim(for: "g"))" == "10.88.0.2")
        let failure = #expect(throws: AddressPool.Failure.self) { try pool.claim(for: "h") }
        #expect(failure == .exhausted(pool.subnet))
        pool.release("c")
        #expect("\(try pool.claim(for: "h"))" == "10.88.0.4")
    }

    @Test("What a Pod is known to have had is claimed again, unless another has it or it is none")
    func reclaim() throws {
        var pool = try pool("10.88.0.0/29")
        let address = try #require(IPAddress("10.88.0.4"))
        try pool.reclaim(address, for: "a")
        try pool.reclaim(address, for: "a")
        #expect(throws: AddressPool.Failure.taken(address, by: "a")) { try pool.reclaim(address, for: "b") }
        for text in ["10.88.0.0", "10.88.0.1", "10.88.0.7", "10.89.0.2", "::2"] {
            let other = try #require(IPAddress(text))
            #expect(throws: AddressPool.Failure.outside(other, pool.subnet)) {
                try pool.reclaim(other, for: "c")
            }
        }
        // Those that were skipped are found when there are no others.
        let claimed = try ["c", "d", "e", "f"].map { "\(try pool.claim(for: $0))" }
        #expect(claimed == ["10.88.0.5", "10.88.0.6", "10.88.0.2", "10.88.0.3"])
    }

    @Test(
        "A network without room for a gateway and a Pod is no pool",
        arguments: ["10.0.0.0/31", "10.0.0.0/32", "::/128"]
    )
    func tooSmall(text: String) throws { #expect(AddressPool(try Subnet(parsing: text)) == nil) }

    @Test("No address ever has two owners, none is lost, and none is outside", arguments: UInt64(0)..<8)
    func underSeeds(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        var pool = try pool(seed % 2 == 0 ? "10.88.0.0/28" : "fd00::/124")
        let size = Int(pool.subnet.hostCount) - 1
        var given: [String: IPAddress] = [:]
        for _ in 0..<2_000 {
            let owner = "p\(Int.random(in: 0..<size + 4, using: &random))"
            if Bool.random(using: &random) {
                pool.release(owner)
                given[owner] = nil
                continue
            }
            do throws(AddressPool.Failure) {
                let address = try pool.claim(for: owner)
                #expect(given[owner] == nil || given[owner] == address)
                given[owner] = address
                #expect(pool.subnet.contains(address) && address != pool.gateway)
            } catch {
                #expect(given.count == size)
            }
            #expect(Set(given.values).count == given.count)
            #expect(pool.count == given.count)
        }
    }
}
