import Testing

@testable import PodCore

/// Which images go when the disk is full.
struct ImageCollectionTests {
    typealias Image = ImageCollection.Image

    private static let now = Timestamp(seconds: 1_000_000)
    private static let gigabyte: Int64 = 1_000_000_000

    /// An image with one layer of its own, a day old, last used so many minutes ago; nil never.
    private static func image(
        _ id: String,
        bytes: Int64 = gigabyte,
        usedMinutesAgo: Int64? = nil,
        ageSeconds: Int64 = 86_400,
        isNeeded: Bool = false,
        shared: [String: Int64] = [:]
    ) -> Image {
        Image(
            id: id,
            layers: shared.merging([id: bytes]) { $1 },
            lastUsed: usedMinutesAgo.map { Timestamp(seconds: now.seconds - $0 * 60) },
            loaded: Timestamp(seconds: now.seconds - ageSeconds),
            isNeeded: isNeeded
        )
    }

    private static func plan(
        _ images: [Image],
        usedPercent: Int64,
        _ limits: ImageCollection.Limits = .init()
    ) -> ImageCollection {
        let disk = DiskSpace(capacity: 100 * gigabyte, available: (100 - usedPercent) * gigabyte)
        return ImageCollection(of: images, on: disk, limits: limits, at: now)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var what: String
        var images: [Image]
        var usedPercent: Int64 = 90
        var limits = ImageCollection.Limits()
        /// Those that go, in order.
        var go: [String]
        var testDescription: String { what }
    }

    static let cases: [Case] = [
        Case(what: "below the high limit nothing goes", images: [image("a")], usedPercent: 84, go: []),
        Case(
            what: "at the high limit images go until the low one",
            images: (1...9).map { image("\($0)", usedMinutesAgo: 10 - $0) },
            usedPercent: 85,
            go: ["1", "2", "3", "4", "5"]
        ),
        Case(
            what: "100 switches it off",
            images: [image("a")],
            usedPercent: 100,
            limits: .init(highPercent: 100),
            go: []
        ),
        Case(
            what: "what never ran goes first, then what ran longest ago, the older first among equals",
            images: [
                image("recent", usedMinutesAgo: 1), image("young", ageSeconds: 500),
                image("old", ageSeconds: 900), image("long ago", usedMinutesAgo: 900),
            ],
            go: ["old", "young", "long ago", "recent"]
        ),
        Case(
            what: "what is needed stays, also when not enough goes",
            images: [image("needed", isNeeded: true), image("free")],
            go: ["free"]
        ),
        Case(
            what: "what came less than two minutes ago stays",
            images: [image("new", ageSeconds: 119), image("not so new", ageSeconds: 120)],
            go: ["not so new"]
        ),
        Case(
            what: "a clock that was set back makes an image neither young for years nor old at once",
            images: [image("years ahead", ageSeconds: -90_000_000), image("just ahead", ageSeconds: -60)],
            go: ["years ahead"]
        ),
        Case(
            what: "an image of which every layer is one of an image that stays would free nothing",
            images: [
                Image(id: "part", layers: ["base": 5], lastUsed: nil, loaded: nil, isNeeded: false),
                image("whole", isNeeded: true, shared: ["base": 5]),
                Image(id: "empty", layers: [:], lastUsed: nil, loaded: nil, isNeeded: false),
                image("other"),
            ],
            go: ["other"]
        ),
        Case(
            what: "a shared layer goes with the last image that has it, and counts once",
            images: [
                image("a", usedMinutesAgo: 9, shared: ["base": 20 * gigabyte]),
                image("b", usedMinutesAgo: 8, shared: ["base": 20 * gigabyte]),
                image("c", usedMinutesAgo: 7),
            ],
            go: ["a", "b"]
        ),
        Case(what: "without images there is nothing to do", images: [], go: []),
    ]

    @Test("The kubelet's order and limits hold", arguments: cases)
    func table(_ c: Case) {
        #expect(Self.plan(c.images, usedPercent: c.usedPercent, c.limits).removals.map(\.id) == c.go)
    }

    @Test("What is wanted is what is missing at the low limit, and what goes is counted by layers")
    func bytes() {
        let shared = ["base": 20 * Self.gigabyte]
        let images = [
            Self.image("a", usedMinutesAgo: 9, shared: shared),
            Self.image("b", usedMinutesAgo: 8, shared: shared),
        ]
        let plan = Self.plan(images, usedPercent: 90)
        #expect(plan.wantedBytes == 10 * Self.gigabyte)
        #expect(plan.removals.map(\.bytes) == [Self.gigabyte, 21 * Self.gigabyte])
        #expect(plan.freedBytes == 22 * Self.gigabyte)
    }

    @Test(
        "Under seeds: what is needed or young stays, the order holds, no image goes for nothing, and enough goes if it can"
    )
    func seeds() {
        for seed in 0..<2_000 as Range<UInt64> {
            var random = SplitMix(state: seed)
            let images = Self.images(&random)
            let limits = ImageCollection.Limits(
                highPercent: .random(in: 1...100, using: &random),
                lowPercent: 0
            )
            let disk = DiskSpace(capacity: 1000, available: .random(in: 0...1000, using: &random))
            let plan = ImageCollection(of: images, on: disk, limits: limits, at: Self.now)
            #expect(Self.problems(plan, images, disk, limits) == [], "seed \(seed)")
        }
    }

    /// A few images that share a few layers. A layer has the same bytes wherever it is.
    private static func images(_ random: inout SplitMix) -> [Image] {
        let sizes = (0..<6).map { _ in Int64.random(in: 0...200, using: &random) }
        return (0..<Int.random(in: 0...7, using: &random)).map { number in
            let layers = (0..<6).filter { _ in Int.random(in: 0...2, using: &random) == 0 }
            return Image(
                id: "\(number)",
                layers: Dictionary(uniqueKeysWithValues: layers.map { ("layer \($0)", sizes[$0]) }),
                lastUsed: Bool.random(using: &random)
                    ? nil : Timestamp(seconds: now.seconds - .random(in: 0...3, using: &random)),
                loaded: Timestamp(seconds: now.seconds - .random(in: 100...140, using: &random)),
                isNeeded: Int.random(in: 0...3, using: &random) == 0
            )
        }
    }

    private static func problems(
        _ plan: ImageCollection,
        _ images: [Image],
        _ disk: DiskSpace,
        _ limits: ImageCollection.Limits
    ) -> [String] {
        var problems: [String] = []
        let gone = plan.removals.compactMap { removal in images.first { $0.id == removal.id } }
        let isStaying = { (image: Image) in
            image.isNeeded || image.loaded.map { now - $0 < limits.minimumAge } ?? false
        }
        if gone.contains(where: isStaying) { problems.append("one that must stay goes") }
        if Set(gone.map(\.id)).count != gone.count { problems.append("one goes twice") }
        for (first, second) in zip(gone, gone.dropFirst()) {
            let (a, b) = (first.lastUsed?.nanoseconds ?? .min, second.lastUsed?.nanoseconds ?? .min)
            if a > b || a == b && (first.loaded ?? now) > (second.loaded ?? now) {
                problems.append("\(first.id) before \(second.id)")
            }
        }
        let isFull = limits.isOn && disk.usedPercent >= limits.highPercent
        if !isFull, !gone.isEmpty { problems.append("the disk is not full") }

        // Counted another way: what all layers amount to before and after.
        func bytes(_ images: [Image]) -> Int64 {
            images.reduce(into: [:]) { $0.merge($1.layers) { $1 } }.values.reduce(0, +)
        }
        let rest = images.filter { image in !gone.contains { $0.id == image.id } }
        if plan.freedBytes != bytes(images) - bytes(rest) { problems.append("counted wrongly") }
        let most = bytes(images) - bytes(images.filter(isStaying))
        if isFull, plan.freedBytes < min(plan.wantedBytes, most) { problems.append("too little goes") }
        if let last = plan.removals.last, plan.freedBytes - last.bytes >= plan.wantedBytes {
            problems.append("one too many goes")
        }
        return problems
    }

    @Test(
        "Usage is rounded as the kubelet rounds it",
        arguments: [
            (1000, 150, 85), (1000, 151, 85), (1000, 160, 84), (1000, 0, 100), (1000, 2000, 0), (0, 0, 0),
        ]
            as [(Int64, Int64, Int)]
    )
    func percent(capacity: Int64, available: Int64, percent: Int) {
        #expect(DiskSpace(capacity: capacity, available: available).usedPercent == percent)
    }

    @Test("Capacities are shown in binary units")
    func capacities() {
        let texts = [500, 1024, 10_485_760, 1_610_612_736].map {
            DiskSpace(capacity: $0, available: 0).capacityText
        }
        #expect(texts == ["500 B", "1.0 KiB", "10.0 MiB", "1.5 GiB"])
    }

    @Test("A reference means an image by name, ID or digest, and what cannot be read means none")
    func names() {
        let digest = "sha256:" + String(repeating: "a", count: 64)
        let id = "sha256:" + String(repeating: "b", count: 64)
        var names = ImageNames()
        names.add("docker.io/library/a:1", image: id, digests: [digest])
        for reference in ["a:1", "docker.io/a:1", "a@\(digest)", "a:2@\(digest)", id] {
            #expect(names.images(of: reference) == [id], "\(reference)")
        }
        for reference in ["a", "a:2", "b@\(digest)", "A:1", "rootfs:/", ""] {
            #expect(names.images(of: reference).isEmpty, "\(reference)")
        }
    }
}
