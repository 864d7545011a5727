import PodCore
import Testing

@Suite struct QuantityTests {
    @Test(
        "Canonical text, value and thousandths",
        arguments: [
            ("1.5", "1500m", 2, 1500), ("0.1", "100m", 1, 100), (".5", "500m", 1, 500),
            ("1024Mi", "1Gi", 1_073_741_824, 1_073_741_824_000),
            ("1000Mi", "1000Mi", 1_048_576_000, 1_048_576_000_000),
            ("1536Ki", "1536Ki", 1_572_864, 1_572_864_000), ("0.5Gi", "512Mi", 536_870_912, 536_870_912_000),
            ("1.5Gi", "1536Mi", 1_610_612_736, 1_610_612_736_000),
            ("1e3", "1e3", 1000, 1_000_000), ("1k", "1k", 1000, 1_000_000),
            ("12e6", "12e6", 12_000_000, 12_000_000_000),
            ("100n", "100n", 1, 1), ("1.0001", "1000100u", 2, 1001), ("0", "0", 0, 0), ("-0", "0", 0, 0),
            ("0Gi", "0", 0, 0), ("+1", "1", 1, 1000), ("-1500m", "-1500m", -2, -1500), ("1.", "1", 1, 1000),
            ("1000", "1k", 1000, 1_000_000), ("1E", "1E", 1_000_000_000_000_000_000, .max),
            ("10E", "10E", .max, .max),
            ("1E3", "1e3", 1000, 1_000_000), ("1e-3", "1e-3", 1, 1), ("1e4", "10e3", 10_000, 10_000_000),
            ("0.1Ki", "102400m", 103, 102_400), ("1023", "1023", 1023, 1_023_000), ("1.1n", "2n", 1, 1),
            ("0.0001Ki", "102400u", 1, 103), ("1e-100", "1e-9", 1, 1), ("2000Ei", "2000Ei", .max, .max),
            ("0.00000000000000000000000000000000000000000000000001", "1n", 1, 1),
            ("1.00000000000000000000000000000000000000000000000001", "1000000001n", 2, 1001),
            ("1.00000000000000000000Gi", "1Gi", 1_073_741_824, 1_073_741_824_000),
            (
                "0.1234567890123456789012345678901234567890Ei", "142335986942043633765524428n",
                142_335_986_942_043_634, .max
            ),
        ] as [(String, String, Int64, Int64)]
    )
    func canonical(text: String, canonical: String, value: Int64, milli: Int64) throws {
        let quantity = try Quantity(parsing: text)
        #expect(quantity.description == canonical)
        #expect(quantity.value == value)
        #expect(quantity.milliValue == milli)
        #expect(try Quantity(parsing: canonical) == quantity)
    }

    @Test(
        "What is no quantity is refused with Kubernetes' words",
        arguments: [
            ("1KI", .format), ("5 ", .format), ("", .format), ("Gi", .format), ("1.2.3", .format),
            ("1Gi5x", .format),
            ("--1", .format), ("1ki", .suffix), ("1kk", .suffix), ("1KiB", .format), ("1e", .suffix),
            ("1MM", .suffix),
            (".", .number), ("0x1", .format), ("1e+", .suffix), ("1i", .suffix),
        ] as [(String, QuantityError)]
    )
    func refused(text: String, error: QuantityError) {
        #expect(throws: error) { try Quantity(parsing: text) }
    }

    @Test(
        "Rounding to thousandths goes away from zero",
        arguments: [
            ("0.10001", "101m"), ("1.5Gi", "1536Mi"), ("100n", "1m"), ("-0.0001", "-1m"), ("1", "1"),
            ("1e-9", "1e-3"),
        ]
    )
    func milli(text: String, rounded: String) throws {
        #expect(try Quantity(parsing: text).roundedToMilli.description == rounded)
    }

    @Test(
        "Division for resourceFieldRef rounds up",
        arguments: [
            ("1500m", "1", 2), ("1500m", "1m", 1500), ("100Mi", "1Mi", 100), ("100Mi", "1Gi", 1),
            ("100Mi", "1M", 105),
            ("250m", "0", 1), ("100Mi", "0", 104_857_600),
        ] as [(String, String, Int64)]
    )
    func division(amount: String, divisor: String, result: Int64) throws {
        #expect(try Quantity(parsing: amount).divided(by: Quantity(parsing: divisor)) == result)
    }

    @Test("Amounts compare and add as numbers, the sum keeps the first one's suffixes")
    func arithmetic() throws {
        let (gibi, mega) = (try Quantity(parsing: "1Gi"), try Quantity(parsing: "100M"))
        #expect(mega < gibi)
        #expect(try gibi == Quantity(parsing: "1024Mi"))
        #expect((gibi + gibi).description == "2Gi")
        #expect((Quantity() + mega).description == "100M")
    }
}
