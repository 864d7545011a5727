import PodCore

/// Why an image cannot be had, kept or removed.
enum ImageFailure: Error, Hashable, Sendable {
    /// The name cannot be read.
    case name(ImageReferenceFailure)
    /// The image is not here, and the Pod's policy forbids to fetch it.
    case neverPull(image: String)
    /// The image cannot be fetched.
    case pull(image: String, SourceProblem)
    /// The directory that `rootfs:` names cannot be opened.
    case directory(image: String, SystemFailure)
    /// The image's account files cannot be read.
    case accounts(image: String, SystemFailure)
    /// The store's own records of an image contradict themselves.
    case damaged(image: String, problem: String)
    /// What an image was to be loaded from is refused.
    case source(path: String, SourceProblem)
    /// There is no such image to remove.
    case unknown(image: String)
    /// A container has the image, or a Pod or manifest names it.
    case inUse(image: String)
    /// The image is to be kept: its name is pinned, or it came from an archive to be preloaded.
    case pinned(image: String, archive: String?)
    /// What has no name cannot be pinned by one.
    case nameless(image: String)
    /// The store's directory does not work.
    case store(SystemFailure)

    /// The reason that the waiting state of a container shows (pkg/kubelet/images/types.go).
    var waitingReason: String {
        switch self {
        case .name: "InvalidImageName"
        case .neverPull: "ErrImageNeverPull"
        case .pull, .source: "ErrImagePull"
        case .accounts: "CreateContainerError"
        case .directory, .damaged, .unknown, .inUse, .pinned, .nameless, .store: "ImageInspectError"
        }
    }

    /// What the status of a container shows that cannot be started for it.
    var waiting: Waiting { Waiting(waitingReason, waitingMessage) }

    /// The message beside the reason.
    var waitingMessage: String {
        switch self {
        case .name(let failure): failure.waitingMessage
        case .neverPull(let image): "Container image \"\(image)\" is not present with pull policy of Never"
        case .pull: "\(self)"
        case .directory(let image, _), .damaged(let image, _): "Failed to inspect image \"\(image)\": \(self)"
        case .accounts: "\(self)"
        case .source, .unknown, .inUse, .pinned, .nameless, .store: "Failed to inspect image \"\": \(self)"
        }
    }
}

extension ImageFailure: CustomStringConvertible {
    var description: String {
        switch self {
        case .name(let failure): "\(failure)"
        case .neverPull: waitingMessage
        case .pull(let image, let problem): "\(image): \(problem)"
        case .directory(_, let failure): "\(failure)"
        case .accounts(let image, let failure): "the accounts of \(image) cannot be read: \(failure)"
        case .damaged(let image, let problem):
            "the store's copy of \(image) is damaged (\(problem)): remove the image and load it again"
        case .source(let path, let problem): "\(path): \(problem)"
        case .unknown(let image): "\(image): no such image"
        case .inUse(let image):
            "\(image) is in use: delete the Pods that have or name it first; \"podagent image list -o wide\" has them"
        case .pinned(let image, nil):
            "\(image) is pinned: let go of it first by \"podagent image unpin \(image)\""
        case .pinned(let image, let archive?):
            "\(image) is pinned, because it came from \(archive): move that file away first"
        case .nameless(let image):
            "\(image) has no name, and images are pinned by name: load it again under one by --name"
        case .store(let failure): "the image store does not work: \(failure)"
        }
    }
}

/// What is wrong with the file, directory or registry that an image comes from.
enum SourceProblem: Error, Hashable, Sendable {
    case system(SystemFailure)
    /// Neither a regular file nor a directory.
    case notAFile
    /// Not a form of image that is understood.
    case notAnImage
    /// The bytes cannot be read as an archive.
    case stream(StreamProblem)
    /// Lists something that it does not hold.
    case missing(String)
    /// Holds a file twice, so that readers could disagree on which one counts.
    case twice(String)
    case tooManyEntries(limit: Int)
    case tooManyImages(limit: Int)
    case document(String, ImageDocumentFailure)
    /// A document whose bytes are not those that were announced.
    case blob(String, StreamProblem)
    /// An index without an image for this machine.
    case noPlatform(host: Platform)
    /// No image has a name, and none was given. Tags that were found are listed.
    case noName(tags: [String])
    case name(ImageReferenceFailure)
    /// One name was given, for more than one image.
    case oneNameForSeveral(Int)
    /// A name was given with a digest that is not the image's.
    case otherDigest(given: Digest)
    case layer(Digest, entry: String?, LayerProblem)
    /// The store's own record of a layer.
    case record(RecordProblem)
    /// Two layers of which the file names are the same and the content is to differ.
    case contradictoryLayers(String)
    /// A layer that its registry does not keep, and that would have to come from wherever the manifest says.
    case foreignLayer(Digest)
    /// The registry that the image comes from.
    case registry(RegistryProblem)
}

extension SourceProblem: CustomStringConvertible {
    var description: String {
        switch self {
        case .system(let failure): "\(failure)"
        case .notAFile: "neither a file nor a directory"
        case .notAnImage:
            "neither an OCI layout nor a docker-archive: it has no index.json and no manifest.json"
        case .stream(let problem): "\(problem)"
        case .missing(let name): "lists \(name) but does not hold it"
        case .twice(let name): "holds \(name) twice"
        case .tooManyEntries(let limit): "has more than \(limit) entries"
        case .tooManyImages(let limit):
            "has more than \(limit) images or names, or configs that are too long: split it"
        case .document(let name, let failure): "\(name) \(failure)"
        case .blob(let name, let problem): "\(name) \(problem)"
        case .noPlatform(let host): "has no image for \(host)"
        case .noName(let tags):
            (tags.isEmpty ? "has no name" : "has only a tag (\(tags.joined(separator: ", ")))")
                + ": give one with --name"
        case .name(let failure): "\(failure)"
        case .oneNameForSeveral(let count):
            "holds \(count) images, which cannot all have the name that was given"
        case .otherDigest(let given): "is not the image with the digest \(given)"
        case .layer(let digest, let entry, let problem):
            "layer \(digest): " + (entry.map { "entry \(String(reflecting: $0)): " } ?? "") + "\(problem)"
        case .record(let problem): "the image store: \(problem)"
        case .contradictoryLayers(let name): "lists \(name) as two different layers"
        case .foreignLayer(let digest):
            "layer \(digest) may not be distributed by registries, and is fetched from nowhere else: load the image "
                + "from an archive that has it"
        case .registry(let problem): "\(problem)"
        }
    }
}

/// What is wrong with a stream of bytes.
enum StreamProblem: Error, Hashable, Sendable, Codable {
    case system(SystemFailure)
    /// libarchive's words.
    case archive(String)
    case tooLong(limit: Int64)
    case size(expected: Int64, found: Int64)
    case digest(expected: Digest, found: Digest)
    /// The registry that the bytes come from.
    case registry(RegistryProblem)
}

extension StreamProblem: CustomStringConvertible {
    var description: String {
        switch self {
        case .system(let failure): "\(failure)"
        case .archive(let text): "cannot be read: \(text)"
        case .tooLong(let limit): "expands to more than \(limit) bytes"
        case .size(let expected, let found): "has \(found) bytes instead of \(expected)"
        case .digest(let expected, let found): "has the digest \(found) instead of \(expected)"
        case .registry(let problem): "\(problem)"
        }
    }
}

/// What is wrong with a layer or an entry of one.
enum LayerProblem: Error, Hashable, Sendable, Codable {
    case system(SystemFailure)
    case stream(StreamProblem)
    case name(LayerNameFailure)
    case unreadableName
    case tooManyEntries(limit: Int)
    case tooLarge(limit: Int64)
    case device
    case unknownKind
    case owner(uid: Int64, gid: Int64)
    case tooManyAttributes(limit: Int)
    /// A map of pieces that puts some of them behind the end of the file.
    case contentBehindEnd(size: Int64)
    /// The root of a layer must be a directory.
    case rootIsNotADirectory
    case parentIsNotADirectory
    /// Symbolic links lead in circles or too deep.
    case parentCannotBeReached
    case hardLinkToNothing(String)
    case hardLinkToNoFile(String)
    /// Two layers would share a directory name.
    case nameTaken(by: String)
    /// The process that unpacked it ended otherwise than with an answer.
    case unpacker(UnpackerEnd)
}

extension LayerProblem: CustomStringConvertible {
    var description: String {
        switch self {
        case .system(let failure): "\(failure)"
        case .stream(let problem): "\(problem)"
        case .name(let failure): "\(failure)"
        case .unreadableName: "its name cannot be read"
        case .tooManyEntries(let limit): "more than \(limit) entries"
        case .tooLarge(let limit): "files of more than \(limit) bytes altogether"
        case .device: "it is a device, which images may not bring along"
        case .unknownKind: "it is neither file, directory, link nor FIFO"
        case .owner(let uid, let gid): "its owner \(uid):\(gid) is out of range"
        case .tooManyAttributes(let limit): "it has more than \(limit) extended attributes"
        case .contentBehindEnd(let size): "its map of pieces leads behind its \(size) bytes"
        case .rootIsNotADirectory: "it replaces the layer's root by something other than a directory"
        case .parentIsNotADirectory: "it lies in something that is not a directory"
        case .parentCannotBeReached: "symbolic links on its way lead in circles or too deep"
        case .hardLinkToNothing(let target): "it is a hard link to \(target), which this layer does not have"
        case .hardLinkToNoFile(let target): "it is a hard link to \(target), which is not a regular file"
        case .nameTaken(let digest): "its directory's name is taken by \(digest)"
        case .unpacker(let end): "\(end)"
        }
    }
}
