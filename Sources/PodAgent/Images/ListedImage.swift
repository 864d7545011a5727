import PodCore

/// An image as its source lists it, with its documents read and verified and its layers still to come.
struct ListedImage: Sendable {
    /// The names that it will have. Never empty.
    var names: [ImageReference]
    /// The digest of what the names stand for, an index or a manifest; nil when the source has neither.
    let target: Digest?
    /// The digest of the manifest for this machine; nil when the source has none.
    let manifest: Digest?
    /// The digest of the config, which is the image's ID.
    let id: Digest
    let configBytes: [UInt8]
    let configuration: ImageConfiguration
    /// Lowest first.
    let layers: [ListedLayer]
}

extension ImageContent {
    /// The images that the source holds for `host`, under the name that was given or under their own.
    func images(
        named given: ImageReference?,
        host: Platform,
        limits: ImageLimits
    ) throws(SourceProblem) -> [ListedImage] {
        let images = try listing(named: given, host: host, limits: limits)
        guard images.allSatisfy({ $0.names.count <= limits.images }) else {
            throw .tooManyImages(limit: limits.images)
        }
        return images
    }

    private func listing(
        named given: ImageReference?,
        host: Platform,
        limits: ImageLimits
    ) throws(SourceProblem) -> [ListedImage] {
        // `docker save` writes both since its version 25; the index has the digests.
        if let index = try file("index.json", limit: limits.documentBytes) {
            let listing = LayoutListing(content: self, host: host, limits: limits)
            return try listing.images(index: index, named: given)
        }
        if let manifest = try file("manifest.json", limit: limits.documentBytes) {
            let listing = DockerListing(content: self, host: host, limits: limits)
            return try listing.images(manifest: manifest, named: given)
        }
        throw .notAnImage
    }

    /// A file that must be there.
    func required(_ name: String, limit: Int) throws(SourceProblem) -> [UInt8] {
        guard let bytes = try file(name, limit: limit) else { throw .missing(name) }
        return bytes
    }
}

extension [ListedImage] {
    /// Adds an image unless there are too many by now, or their configs fill too much memory.
    mutating func add(_ image: ListedImage, _ limits: ImageLimits) throws(SourceProblem) {
        let bytes = reduce(image.configBytes.count) { $0 + $1.configBytes.count }
        guard count < limits.images, bytes <= limits.configBytes else {
            throw .tooManyImages(limit: limits.images)
        }
        append(image)
    }
}

/// Runs what judges the document of this name.
func judging<Result>(
    _ name: String,
    _ body: () throws(ImageDocumentFailure) -> Result
) throws(SourceProblem) -> Result {
    do { return try body() } catch { throw .document(name, error) }
}
