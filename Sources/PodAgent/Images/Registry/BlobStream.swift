import PodCore

/// A blob as it comes from a registry. When the connection breaks, the rest is asked for, for as long as the attempts
/// bring something. What it amounts to is judged by whoever reads it.
final class BlobStream: ByteStream {
    /// Attempts in a row that bring nothing to speak of.
    private static let vainAttemptsMax = 5
    private static let worthwhileBytes: Int64 = 64 << 10

    private let session: RegistrySession
    private let fetcher: HTTPFetcher
    private let blob: ContentDescriptor
    private let onBytes: (Int64) -> Void
    private var answer: HTTPFetchAnswer?
    private var position: Int64 = 0
    private var vainAttempts = 0
    /// Where the last attempt began.
    private var attemptedAt: Int64 = 0
    /// Bytes to pass over: the server began anew although it was asked for the rest.
    private var surplus: Int64 = 0

    /// `onBytes` is told how many bytes have come altogether.
    init(
        _ blob: ContentDescriptor,
        _ session: RegistrySession,
        _ fetcher: HTTPFetcher,
        onBytes: @escaping (Int64) -> Void
    ) {
        (self.blob, self.session, self.fetcher, self.onBytes) = (blob, session, fetcher, onBytes)
    }

    func next() throws(StreamProblem) -> UnsafeRawBufferPointer {
        while true {
            do throws(RegistryProblem) {
                // All is here; a connection that breaks now takes nothing away.
                if position == blob.size, answer == nil, position > 0 {
                    return UnsafeRawBufferPointer(start: nil, count: 0)
                }
                let bytes = try piece()
                if bytes.isEmpty, position < blob.size {
                    throw .unreachable(
                        url: "\(session.endpoint.base)/blobs/\(blob.digest)",
                        reason: "the answer ended after \(position) of \(blob.size) bytes"
                    )
                }
                return bytes
            } catch {
                answer = nil
                if position == blob.size, error.isPassing { continue }
                if position - attemptedAt >= Self.worthwhileBytes { vainAttempts = 0 }
                attemptedAt = position
                guard error.isPassing, vainAttempts < Self.vainAttemptsMax else { throw .registry(error) }
                // At once the first time, then after 1, 2, 4, 8 seconds.
                if vainAttempts > 0 { try pause(milliseconds: 500 << vainAttempts) }
                vainAttempts += 1
            }
        }
    }

    private func pause(milliseconds: Int32) throws(StreamProblem) {
        do throws(RegistryProblem) { try fetcher.pause(milliseconds: milliseconds) } catch {
            throw .registry(error)
        }
    }

    private func piece() throws(RegistryProblem) -> UnsafeRawBufferPointer {
        let answer: HTTPFetchAnswer = if let current = self.answer { current } else { try begin() }
        while true {
            var bytes = try answer.next()
            if surplus > 0, !bytes.isEmpty {
                let passed = min(surplus, Int64(bytes.count))
                surplus -= passed
                bytes = UnsafeRawBufferPointer(rebasing: bytes[Int(passed)...])
                if bytes.isEmpty { continue }
            }
            position += Int64(bytes.count)
            onBytes(position)
            return bytes
        }
    }

    private func begin() throws(RegistryProblem) -> HTTPFetchAnswer {
        let new = try session.get("blobs/\(blob.digest)", from: position, on: fetcher)
        surplus = 0
        if position > 0, new.status == 206 {
            let range = new.headers["content-range"].flatMap(ContentRange.init)
            guard range?.start == position else {
                throw .malformed(
                    url: new.url,
                    reason: "it gives another part of the blob than it was asked for"
                )
            }
        } else {
            surplus = position
        }
        answer = new
        return new
    }
}
