import Glibc
import PodCore

/// Taking away what nobody needs.
extension ImageStore {
    /// What was taken away, and how many bytes of layers went with it.
    struct Pruned: Hashable, Sendable {
        var images: [StoredImage] = []
        var freedBytes: Int64 = 0
    }

    /// Takes away the images that nobody needs and nothing pins: those without a name, or all.
    ///
    /// - Parameter inUse: IDs of images that are needed, beside those that ``uses`` knows of.
    func prune(all: Bool = false, inUse: Set<String> = []) throws(ImageFailure) -> Pruned {
        var pruned = Pruned()
        for image in try list() where all || image.names.isEmpty {
            if try removeUnneeded(image.id, inUse: inUse) { pruned.images.append(image) }
        }
        pruned.freedBytes = try collectGarbage()
        return pruned
    }

    /// What came of a look at the disk.
    struct Collection: Sendable {
        /// The disk as it was found.
        var disk: DiskSpace
        var removed: [StoredImage] = []
        /// What went, in bytes of layers.
        var freedBytes: Int64 = 0
        /// How much was to go; 0 when the disk was not full enough.
        var wantedBytes: Int64 = 0
        /// Images that could not be removed.
        var failures: [ImageFailure] = []
        /// Whether the disk is as empty as it was to become.
        var isEnough = true
    }

    /// Takes images away until the disk is no fuller than the limits say, if it is too full.
    ///
    /// How much goes is counted by layers, each once; and the disk is asked after each image, for files need more room
    /// than their bytes: whatever first says that it is enough ends it. A file system that frees in the background must
    /// not cost more images than needed.
    ///
    /// - Parameter space: tells how full the disk is; another than the layers' for tests.
    func collect(
        _ limits: ImageCollection.Limits,
        at now: Timestamp,
        space: (ImageStore) throws(SystemFailure) -> DiskSpace = { store throws(SystemFailure) in
            try store.diskSpace()
        }
    ) throws(ImageFailure) -> Collection {
        func look() throws(ImageFailure) -> DiskSpace {
            do throws(SystemFailure) { return try space(self) } catch { throw .store(error) }
        }
        let disk = try look()
        let images = try list()
        let users = try users()
        let plan = ImageCollection(
            of: images.map { image in
                ImageCollection.Image(
                    id: image.id,
                    layers: image.layers,
                    lastUsed: image.lastUsed,
                    loaded: image.loaded,
                    isNeeded: image.isPinned || users[image.id] != nil
                )
            },
            on: disk,
            limits: limits,
            at: now
        )
        var result = Collection(disk: disk, wantedBytes: plan.wantedBytes)
        guard plan.wantedBytes > 0 else { return result }
        let target = disk.available + plan.wantedBytes
        result.isEnough = false
        for removal in plan.removals {
            do throws(ImageFailure) {
                guard try removeUnneeded(removal.id) else { continue }
                result.removed += images.filter { $0.id == removal.id }
                result.freedBytes += try collectGarbage()
            } catch {
                result.failures.append(error)
            }
            let available = try look().available
            result.isEnough = result.freedBytes >= plan.wantedBytes || available >= target
            if result.isEnough { break }
        }
        return result
    }

    /// The file system that the layers lie on.
    func diskSpace() throws(SystemFailure) -> DiskSpace {
        var status = statvfs()
        try check("fstatvfs", layersPath) { fstatvfs(layers.raw, &status) }
        let unit = Int64(clamping: status.f_frsize)
        func bytes(_ blocks: fsblkcnt_t) -> Int64 {
            Int64(clamping: blocks).multipliedReportingOverflow(by: unit).partialValue
        }
        return DiskSpace(capacity: bytes(status.f_blocks), available: bytes(status.f_bavail))
    }

    /// Notes that the images that containers have are in use now.
    func noteUses() throws(SystemFailure) {
        for id in uses.holders.keys { try noteUse(of: id) }
    }
}
