import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Blobs that do not come as they should.
@Suite(.blocking, .enabled(if: geteuid() == 0, "owners and whiteouts need root"))
struct BrokenBlobTests {
    private static let image = TestImage.big()
    private static let blob = image.blobs[0]
    private static let path = image.blobPath(blob)

    private func facing(
        image: TestImage = Self.image,
        _ script: @escaping HostileRegistry.Script = { _, _ in nil },
        _ body: (HostileRegistry, PullSetting) throws -> Void
    ) throws {
        try HostileRegistry.facing(image.published(), script, body)
    }

    /// The places from which the layer was asked for.
    private func starts(_ registry: HostileRegistry) -> [Int] {
        registry.requests.filter { $0.path == Self.path }.map { $0.rangeStart ?? 0 }
    }

    @Test("Whatever the layers are compressed by, a pulled image is whole", arguments: Compression.allCases)
    func compressions(compression: Compression) throws {
        var image = Self.image
        image.compression = compression
        image.layers.append(TestImage.layer("upper"))
        try facing(image: image) { registry, setting in
            let loaded = try setting.pull("\(registry.host)/app:1")
            #expect(loaded.newLayers == 2)
            #expect(loaded.id == "\(image.id)")
            #expect(loaded.imageID == "\(registry.host)/app@\(image.manifestDigest)")
            try setting.expect("\(registry.host)/app:1", is: image)
            #expect(registry.requests.allSatisfy { $0.headers["authorization"] == nil })
        }
    }

    @Test(
        "A connection that breaks again and again is taken up where it broke off",
        arguments: [false, true]
    )
    func resumes(isReset: Bool) throws {
        try facing { request, contents in
            guard request.path == Self.path, request.earlier < 3 else { return nil }
            var reply = HostileRegistry.reply(to: request, contents)
            reply.announced = reply.body.count
            reply.cutAfter = 70_000
            if isReset { reply.rest = { $0.reset() } }
            return reply
        } _: { registry, setting in
            try setting.pull("\(registry.host)/app:1")
            try setting.expect("\(registry.host)/app:1", is: Self.image)
            let starts = starts(registry)
            #expect(starts.count == 4)
            #expect(starts == starts.sorted())
            // What a reset overtakes may be lost.
            if !isReset { #expect(starts == [0, 70_000, 140_000, 210_000]) }
        }
    }

    @Test("A server that knows no ranges begins anew, and what has come is passed over")
    func beginsAnew() throws {
        try facing { request, contents in
            guard request.path == Self.path else { return nil }
            var whole = request
            whole.headers["range"] = nil
            var reply = HostileRegistry.reply(to: whole, contents)
            guard request.earlier < 2 else { return reply }
            reply.announced = reply.body.count
            reply.cutAfter = 70_000 * (request.earlier + 1)
            return reply
        } _: { registry, setting in
            try setting.pull("\(registry.host)/app:1")
            try setting.expect("\(registry.host)/app:1", is: Self.image)
            #expect(starts(registry) == [0, 70_000, 140_000])
        }
    }

    @Test("An answer with another part than the one asked for is refused")
    func otherPart() throws {
        try facing { request, contents in
            guard request.path == Self.path else { return nil }
            var other = request
            if request.rangeStart != nil { other.headers["range"] = "bytes=10-" }
            var reply = HostileRegistry.reply(to: other, contents)
            guard request.earlier == 0 else { return reply }
            reply.announced = reply.body.count
            reply.cutAfter = 70_000
            return reply
        } _: { registry, setting in
            let failure = try setting.failure("\(registry.host)/app:1")
            #expect("\(try #require(failure))".contains("another part of the blob"))
            #expect(starts(registry) == [0, 70_000])
        }
    }

    @Test("A part under a false flag is found by its digest")
    func falsePart() throws {
        try facing { request, contents in
            guard request.path == Self.path else { return nil }
            var reply = HostileRegistry.reply(to: request, contents)
            if request.earlier == 0 {
                reply.announced = reply.body.count
                reply.cutAfter = 70_000
            } else {
                reply.body = [UInt8](repeating: 7, count: reply.body.count)
            }
            return reply
        } _: { registry, setting in
            _ = try setting.failure("\(registry.host)/app:1")
        }
    }

    @Test("A server that brings nothing any more is given up after a few attempts")
    func vain() throws {
        try facing { request, contents in
            guard request.path == Self.path else { return nil }
            var reply = HostileRegistry.reply(to: request, contents)
            reply.announced = reply.body.count
            reply.cutAfter = request.earlier == 0 ? 70_000 : 0
            return reply
        } _: { registry, setting in
            let failure = try setting.failure("\(registry.host)/app:1")
            guard case .layer(_, _, .stream(.registry(.unreachable)))? = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(starts(registry) == [0] + [Int](repeating: 70_000, count: 5))
        }
    }

    @Test("A pull that waits before the next attempt can be cancelled")
    func cancelledPause() throws {
        try facing { request, _ in
            request.path == Self.path ? .status(503) : nil
        } _: { registry, setting in
            let cancellation = PullCancellation()
            let began = Clock.tick()
            startThread {
                while registry.requests.count(where: { $0.path == Self.path }) < 3 { usleep(5000) }
                cancellation.cancel()
            }
            let failure = try setting.failure("\(registry.host)/app:1", cancellation: cancellation)
            #expect("\(try #require(failure))".contains("cancelled"))
            // All pauses together are 15 seconds.
            #expect(Clock.tick() - began < .seconds(13))
        }
    }

    @Test("A server that is busy for a moment is asked again", arguments: [408, 429, 500, 503])
    func busy(status: Int) throws {
        try facing { request, _ in
            request.path == Self.path && request.earlier < 2 ? .status(status) : nil
        } _: { registry, setting in
            try setting.pull("\(registry.host)/app:1")
            try setting.expect("\(registry.host)/app:1", is: Self.image)
            #expect(registry.fetches(of: Self.blob) == 3)
        }
    }

    @Test("A refusal is not asked for twice", arguments: [400, 403, 404, 416])
    func refused(status: Int) throws {
        try facing { request, _ in
            request.path == Self.path
                ? .status(status, [:], #"{"errors":[{"code":"BLOB_UNKNOWN","message":"no such\nblob"}]}"#)
                : nil
        } _: { registry, setting in
            let failure = try setting.failure("\(registry.host)/app:1")
            #expect("\(try #require(failure))".contains("BLOB_UNKNOWN: no such blob"))
            #expect(registry.fetches(of: Self.blob) == 1)
        }
    }

    struct Lie: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var change: @Sendable ([UInt8]) -> [UInt8]
    }

    @Test(
        "Bytes that are not those of the manifest are refused",
        arguments: [
            Lie(testDescription: "another byte") { $0.dropLast(2000) + [9] + $0.suffix(1999) },
            Lie(testDescription: "another archive") { _ in TestImage.layer("evil") },
            Lie(testDescription: "an end too early") { Array($0.dropLast(512)) },
            Lie(testDescription: "nothing") { _ in [] },
            Lie(testDescription: "more than announced") { $0 + [UInt8](repeating: 0, count: 4096) },
        ]
    )
    func lies(lie: Lie) throws {
        // Where no more comes than this, all attempts are made.
        try facing { request, contents in
            guard request.path == Self.path else { return nil }
            var content = contents
            content[Self.path]?.bytes = lie.change(Self.blob)
            return HostileRegistry.reply(to: request, content)
        } _: { registry, setting in
            _ = try setting.failure("\(registry.host)/app:1")
            #expect(try setting.scratch.stored("layer-info") == [])
        }
    }

    @Test("A body without end is left when it is longer than the blob")
    func endless() throws {
        try facing { request, _ in
            guard request.path == Self.path else { return nil }
            return HostileRegistry.Reply(body: Self.blob) { connection in
                while connection.write([UInt8](repeating: 0, count: 65_536)) {}
            }
        } _: { registry, setting in
            _ = try setting.failure("\(registry.host)/app:1")
        }
    }

    @Test("A slow drip can be cancelled at any moment")
    func drip() throws {
        try facing { request, _ in
            guard request.path == Self.path else { return nil }
            return HostileRegistry.Reply(announced: Self.blob.count) { connection in
                for byte in Self.blob {
                    guard connection.write([byte]) else { return }
                    usleep(100_000)
                }
            }
        } _: { registry, setting in
            let cancellation = PullCancellation()
            let progress = PullProgress(pace: .zero) { state in
                if (state.layers.first?.received ?? 0) > 2 { cancellation.cancel() }
            }
            #expect(throws: ImageFailure.self) {
                try setting.pull(
                    "\(registry.host)/app:1",
                    progress: progress,
                    cancellation: cancellation
                )
            }
            try setting.expectNothingVisible("\(registry.host)/app:1")
        }
    }

    @Test("Layers that came before a failure are kept, and the next pull fetches only the rest")
    func keepsLayers() throws {
        var image = Self.image
        image.layers += [TestImage.layer("second"), TestImage.layer("third")]
        let (third, whole) = (image.blobPath(image.blobs[2]), image)
        let othersAreHere = Flag()
        try facing(image: image) { request, _ in
            guard request.path == third, request.earlier == 0 else { return nil }
            othersAreHere.wait()
            return .status(404)
        } _: { registry, setting in
            let progress = PullProgress { state in
                if state.layers.count(where: \.isHere) == 2 { othersAreHere.set() }
            }
            #expect(throws: ImageFailure.self) {
                try setting.pull("\(registry.host)/app:1", progress: progress)
            }
            try setting.expectNothingVisible("\(registry.host)/app:1")
            #expect(try setting.scratch.stored("layer-info").count == 2)
            let loaded = try setting.pull("\(registry.host)/app:1")
            #expect(loaded.newLayers == 1)
            try setting.expect("\(registry.host)/app:1", is: whole)
            #expect(whole.blobs.map(registry.fetches) == [1, 1, 2])
        }
    }
}
