/// One streamed answer: a task that produces it beside one that watches for the client's hang-up.
struct StreamProduction {
    let writer: HTTPBodyWriter
    /// How many bytes of further requests a client may send while a stream is under way.
    let readAheadMax: Int

    struct Outcome: Sendable {
        /// Whether the body was sent to its end.
        var isComplete: Bool
        /// What the client sent meanwhile: its next requests.
        var readAhead: [UInt8]
    }

    private enum Part: Sendable {
        case produced(isComplete: Bool)
        case watched(readAhead: [UInt8])
    }

    func run(
        watchingForHangUp isWatching: Bool,
        _ produce: @escaping @Sendable (HTTPBodyWriter) async throws -> Void
    ) async -> Outcome {
        await withTaskGroup(of: Part.self) { group in
            group.addTask { .produced(isComplete: await self.produce(produce)) }
            if isWatching { group.addTask { .watched(readAhead: await self.watch()) } }
            var outcome = Outcome(isComplete: false, readAhead: [])
            // Whichever ends first ends the other.
            for await part in group {
                switch part {
                case .produced(let isComplete): outcome.isComplete = isComplete
                case .watched(let readAhead): outcome.readAhead = readAhead
                }
                group.cancelAll()
            }
            return outcome
        }
    }

    private func produce(_ body: @Sendable (HTTPBodyWriter) async throws -> Void) async -> Bool {
        do {
            try await body(writer)
            try await writer.finish()
            return true
        } catch {
            // Without the last chunk the client sees that the answer was cut short.
            return false
        }
    }

    /// Returns when the client has closed its side, sends too much or the stream is over.
    private func watch() async -> [UInt8] {
        var readAhead: [UInt8] = []
        while readAhead.count < readAheadMax {
            guard let bytes = try? await writer.descriptor.read(atMost: 4_096), !bytes.isEmpty else { break }
            readAhead += bytes
        }
        return readAhead
    }
}
