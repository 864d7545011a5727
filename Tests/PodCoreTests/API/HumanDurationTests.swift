import PodCore
import Testing

@Suite struct HumanDurationTests {
    private static let minute: Int64 = 60
    private static let hour: Int64 = 3_600
    private static let day: Int64 = 86_400

    @Test(
        "An age is printed the coarser the larger it is, without a second unit of 0",
        arguments: [
            (-5, "<invalid>"), (-1, "0s"), (0, "0s"), (119, "119s"), (2 * minute, "2m"),
            (2 * minute + 1, "2m1s"),
            (10 * minute - 1, "9m59s"), (10 * minute, "10m"), (3 * hour - 1, "179m"), (3 * hour, "3h"),
            (8 * hour - 1, "7h59m"), (8 * hour, "8h"), (48 * hour - 1, "47h"), (48 * hour, "2d"),
            (8 * day - 1, "7d23h"), (8 * day, "8d"), (730 * day - 1, "729d"), (730 * day, "2y"),
            (731 * day, "2y1d"), (2_920 * day - 1, "7y364d"), (2_920 * day, "8y"), (4_000 * day, "10y"),
        ] as [(Int64, String)]
    )
    func ages(seconds: Int64, text: String) {
        #expect(Duration.seconds(seconds).humanReadable == text)
    }

    @Test("The age of what never happened is unknown")
    func unknownAge() {
        #expect(Timestamp(seconds: 10).age(since: nil) == "<unknown>")
        #expect(Timestamp(seconds: 10).age(since: Timestamp(seconds: 3)) == "7s")
    }
}
