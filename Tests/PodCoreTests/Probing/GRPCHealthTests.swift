import PodCore
import Testing

@Suite struct GRPCHealthTests {
    @Test("A request is five bytes and a message, which is empty for the server as a whole")
    func request() {
        #expect(GRPCHealth.request(service: "") == [0, 0, 0, 0, 0])
        #expect(GRPCHealth.request(service: "db") == [0, 0, 0, 0, 4, 0x0A, 2, 0x64, 0x62])
        let long = GRPCHealth.request(service: String(repeating: "x", count: 300))
        #expect(long.prefix(8).elementsEqual([0, 0, 0, 1, 47, 0x0A, 0xAC, 2]))
    }

    @Test(
        "A timeout has eight digits at most",
        arguments: [
            (Duration.zero, "1m"), (.milliseconds(250), "250m"), (.seconds(1), "1000m"),
            (.seconds(99_999), "99999000m"), (.seconds(100_000), "100000S"),
            (.seconds(Int64(Int32.max)), "99999999S"),
        ]
    )
    func timeouts(_ timeout: Duration, _ text: String) {
        #expect(GRPCHealth.timeoutHeader(timeout) == text)
    }

    struct Body: CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let status: GRPCHealth.ServingStatus?

        init(_ name: String, _ bytes: [UInt8], _ status: GRPCHealth.ServingStatus?) {
            (testDescription, self.bytes, self.status) = (name, bytes, status)
        }
    }

    @Test(
        "An answer is read, whatever fields a later version adds, and garbage is not",
        arguments: [
            Body("serving", [0, 0, 0, 0, 2, 8, 1], .serving),
            Body("no fields", [0, 0, 0, 0, 0], .unknown),
            Body("a state of a later version", [0, 0, 0, 0, 3, 8, 0x80, 1], .other(128)),
            Body("the last one counts", [0, 0, 0, 0, 4, 8, 1, 8, 2], .notServing),
            Body(
                "other fields of all kinds",
                [
                    0, 0, 0, 0, 23, 0x10, 5, 0x1A, 1, 9, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x2D, 1, 2, 3, 4, 8, 1,
                    0x10, 0,
                ],
                .serving
            ),
            Body("nothing", [], nil),
            Body("shorter than it says", [0, 0, 0, 0, 3, 8, 1], nil),
            Body("longer than anything", [0, 0xFF, 0xFF, 0xFF, 0xFF, 8, 1], nil),
            Body("compressed", [1, 0, 0, 0, 2, 8, 1], nil),
            Body("a number without end", [0, 0, 0, 0, 12, 8] + [UInt8](repeating: 0xFF, count: 11), nil),
            Body("a field longer than the message", [0, 0, 0, 0, 3, 0x12, 9, 1], nil),
            Body("a field 0", [0, 0, 0, 0, 2, 0, 1], nil),
            Body("a group", [0, 0, 0, 0, 2, 0x0B, 1], nil),
        ]
    )
    func status(_ body: Body) {
        #expect(GRPCHealth.status(in: body.bytes) == body.status)
    }

    @Test("Any bytes at all are read without harm")
    func anyBytes() {
        var seed = SplitMix(state: 5)
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 0..<24, using: &seed)).map { _ in
                UInt8.random(in: 0...255, using: &seed)
            }
            if bytes.count > 5, Bool.random(using: &seed) {
                bytes.replaceSubrange(0..<5, with: [0, 0, 0, 0, UInt8(bytes.count - 5)])
            }
            _ = GRPCHealth.status(in: bytes)
        }
    }

    @Test("Without trailers, or with those of something else, it is a no that says so")
    func answers() {
        var answer = GRPCAnswer()
        answer.httpStatus = 200
        answer.received(header: "Content-Type", value: "application/grpc+proto")
        answer.body = [0, 0, 0, 0, 2, 8, 1]
        let begin = "error: health rpc probe failed: rpc error: code = "
        #expect(
            answer.outcome(timeout: .seconds(1))
                == .failure("\(begin)Internal desc = server closed the stream without sending trailers")
        )
        answer.received(header: "grpc-status", value: "4")
        #expect(
            answer.outcome(timeout: .seconds(1))
                == .failure("timeout: health rpc did not complete within 1s")
        )
        answer.received(header: "grpc-status", value: "99")
        answer.received(header: "grpc-message", value: "50%25 of %C3%BC, %zz")
        #expect(
            answer.outcome(timeout: .seconds(1)) == .failure("\(begin)Code(99) desc = 50% of ü, %zz")
        )
        answer.received(header: "grpc-status", value: "0")
        #expect(answer.outcome(timeout: .seconds(1)) == .success)
    }
}
