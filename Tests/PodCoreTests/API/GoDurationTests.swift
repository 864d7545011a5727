import Testing

@testable import PodCore

/// As Go's time package has it; the texts are what `time.Duration.String()` and `time.ParseDuration` give.
@Suite struct GoDurationTests {
    @Test(
        "A duration is written as Go writes it, and read again",
        arguments: [
            (0, "0s"), (1, "1ns"), (1_500, "1.5µs"), (500_000_000, "500ms"), (1_500_000, "1.5ms"),
            (100_000_000, "100ms"), (999_999_999, "999.999999ms"), (1_000_000_000, "1s"),
            (1_500_000_000, "1.5s"), (10_000_000_000, "10s"), (60_000_000_000, "1m0s"),
            (80_000_000_000, "1m20s"), (150_500_000_000, "2m30.5s"), (3_600_000_000_000, "1h0m0s"),
            (90_061_000_000_000, "25h1m1s"), (.max, "2562047h47m16.854775807s"),
        ] as [(Int64, String)]
    )
    func written(_ nanoseconds: Int64, _ text: String) {
        #expect(Duration.nanoseconds(nanoseconds).goText == text)
        #expect(Duration(goText: text)?.wholeNanoseconds == nanoseconds)
    }

    @Test(
        "Other ways to write one are read",
        arguments: [
            ("0", 0), ("+5s", 5_000_000_000), ("1.5h", 5_400_000_000_000), ("90s", 90_000_000_000),
            (".5s", 500_000_000), ("5.s", 5_000_000_000), ("1s1h", 3_601_000_000_000), ("3us", 3_000),
            ("3μs", 3_000), ("0.0000000001s", 0), ("007s", 7_000_000_000),
        ] as [(String, Int64)]
    )
    func read(_ text: String, _ nanoseconds: Int64) {
        #expect(Duration(goText: text)?.wholeNanoseconds == nanoseconds)
    }

    @Test(
        "What is none, or is negative or too long, is not read",
        arguments: [
            "", "+", "5", "1.5", "s", ".s", "1..5s", "-5s", "5 s", " 5s", "5s ", "5d", "5S", "1h-5m", "1m30",
            "ten", "٣s",
            "9223372036854775808ns", "2562048h", "99999999999999999999s", "NaNs", "1e3s",
        ]
    )
    func refused(text: String) {
        #expect(Duration(goText: text) == nil)
    }

    @Test("A negative one has its sign in front")
    func negative() { #expect(Duration.milliseconds(-61_500).goText == "-1m1.5s") }
}
