import PodCore
import Testing

struct ConntrackMessageTests {
    @Test("What is asked for is named by attributes, and a filter says which of them count")
    func list() throws {
        let address = try #require(IPAddress("10.88.0.2"))
        let answered = ConntrackMessage.list(.answered(by: address))
        #expect(
            answered == [
                48, 0, 0, 0, 1, 1, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0,
                16, 0, 2, 0x80, 12, 0, 1, 0x80, 8, 0, 1, 0, 10, 88, 0, 2,
                12, 0, 25, 0x80, 8, 0, 2, 0, 1, 0, 0, 0,
            ]
        )
        let datagrams = ConntrackMessage.list(.datagrams(toPort: 53, familyOf: address))
        #expect(
            datagrams.dropFirst(20).elementsEqual([
                24, 0, 1, 0x80, 20, 0, 2, 0x80, 5, 0, 1, 0, 17, 0, 0, 0, 6, 0, 3, 0, 0, 53, 0, 0,
                12, 0, 25, 0x80, 8, 0, 1, 0, 40, 0, 0, 0,
            ])
        )
        let wide = try #require(IPAddress("fd00::2"))
        #expect(ConntrackMessage.list(.answered(by: wide))[16] == 10)
    }

    /// A flow with an original tuple of four bytes, a timeout, and a number.
    private let flow: [UInt8] = [
        44, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0,
        8, 0, 1, 0x80, 1, 2, 3, 4, 8, 0, 7, 0, 0, 0, 0, 9, 8, 0, 12, 0, 0, 0, 0, 5,
    ]
    private let end: [UInt8] = [20, 0, 0, 0, 3, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]

    @Test("Each flow of a list is deleted by its tuple and its number")
    func parse() {
        let part = ConntrackMessage.parse(flow + flow + end)
        let deletion: [UInt8] = [
            36, 0, 0, 0, 2, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0,
            8, 0, 1, 0x80, 1, 2, 3, 4, 8, 0, 12, 0, 0, 0, 0, 5,
        ]
        #expect(part.deletions == [deletion, deletion])
        #expect(part.isLast)
        #expect(part.errno == 0)
    }

    @Test("A refusal ends the list with its reason; what is cut off is left out")
    func damaged() {
        let refusal: [UInt8] = [20, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]
        #expect(ConntrackMessage.parse(refusal).errno == 1)
        #expect(ConntrackMessage.parse(refusal).isLast)
        for count in 0..<flow.count { #expect(ConntrackMessage.parse(Array(flow.prefix(count))) == .init()) }
        for position in flow.indices {
            var bytes = flow
            bytes[position] = 0xff
            #expect(ConntrackMessage.parse(bytes).deletions.count <= 1)
        }
    }
}
