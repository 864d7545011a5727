import CCrypto
import PodCore

/// A digest being computed, by libcrypto.
final class ContentHash {
    private let context: OpaquePointer
    private let algorithm: Digest.Algorithm

    init(_ algorithm: Digest.Algorithm) {
        let function =
            switch algorithm {
            case .sha256: EVP_sha256()
            case .sha512: EVP_sha512()
            }
        // Both fail only when memory or libcrypto itself is broken; there is no image work without them.
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, function, nil) == 1 else {
            fatalError("libcrypto cannot compute \(algorithm.rawValue)")
        }
        self.context = context
        self.algorithm = algorithm
    }

    deinit { EVP_MD_CTX_free(context) }

    func update(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        let updated = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(updated == 1, "EVP_DigestUpdate failed on a context that was initialised")
    }

    /// The digest of all that was added. Only once.
    func finish() -> Digest {
        var value = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        let finished = EVP_DigestFinal_ex(context, &value, &length)
        precondition(finished == 1, "EVP_DigestFinal_ex failed on a context that was initialised")
        return Digest(algorithm: algorithm, bytes: value.prefix(Int(length)))
    }
}

extension Digest {
    /// The digest of some bytes.
    init(of bytes: [UInt8], _ algorithm: Algorithm = .sha256) {
        let hash = ContentHash(algorithm)
        bytes.withUnsafeBytes { hash.update($0) }
        self = hash.finish()
    }
}
