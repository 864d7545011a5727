import PodCore
import Testing

@Suite struct TimestampTests {
    @Test(
        "Whole seconds round down, also before the epoch",
        arguments: [(1_500_000_000, 1), (0, 0), (-1, -1), (-1_000_000_000, -1), (-1_000_000_001, -2)]
            as [(Int64, Int64)]
    )
    func wholeSecondsRoundDown(nanoseconds: Int64, seconds: Int64) {
        #expect(Timestamp(nanoseconds: nanoseconds).seconds == seconds)
    }

    @Test(
        "Dates are those of date(1), over leap days, centuries and the years before the epoch",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"), (1_767_323_045, "2026-01-02T03:04:05Z"),
            (-1, "1969-12-31T23:59:59Z"), (9_223_372_036, "2262-04-11T23:47:16Z"),
            (-9_223_372_036, "1677-09-21T00:12:44Z"),
        ] as [(Int64, String)]
    )
    func writesAndReads(seconds: Int64, text: String) {
        #expect(Timestamp(seconds: seconds).rfc3339 == text)
        #expect(Timestamp(rfc3339: text)?.seconds == seconds)
    }

    @Test(
        "Instants that 64 bits cannot hold become the nearest that they can",
        arguments: [
            ("9999-12-31T23:59:59.999999999Z", 9_223_372_036), ("0001-01-01T00:00:00Z", -9_223_372_036),
        ]
            as [(String, Int64)]
    )
    func saturates(text: String, seconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.seconds == seconds)
    }

    @Test(
        "A time too far off for 64 bits is the last or the first there is",
        arguments: [
            (.seconds(Int64.max), Int64.max), (.seconds(10_000_000_000), Int64.max),
            (.seconds(-10_000_000_000), -9_223_372_036_854_775_806), (.seconds(1), 1_000_000_001),
        ] as [(Duration, Int64)]
    )
    func additionSaturates(duration: Duration, nanoseconds: Int64) {
        #expect((Timestamp(nanoseconds: 1) + duration).nanoseconds == nanoseconds)
        #expect((Tick(nanoseconds: 1) + duration).nanoseconds == nanoseconds)
    }

    @Test("The time between the first and the last instant is a duration as any other")
    func differenceOfExtremes() {
        let (first, last) = (Tick(nanoseconds: .min), Tick(nanoseconds: .max))
        #expect((last - first).components.seconds == 18_446_744_073)
        #expect((first - last).wholeNanoseconds == -.max)
        #expect(Timestamp(nanoseconds: .max) - Timestamp(nanoseconds: .min) == last - first)
    }

    @Test("Fractions and offsets are read")
    func readsFractions() {
        let expected = Timestamp(nanoseconds: 1_767_323_045_120_000_000)
        #expect(Timestamp(rfc3339: "2026-01-02T05:04:05.12+02:00") == expected)
        #expect(expected.rfc3339Nano == "2026-01-02T03:04:05.120000000Z")
    }

    @Test(
        "What is not RFC 3339 is refused",
        arguments: [
            "", "2026-01-02", "2026-13-02T03:04:05Z", "2026-01-02T03:04:05", "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05Zx",
        ]
    )
    func refuses(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }
}
