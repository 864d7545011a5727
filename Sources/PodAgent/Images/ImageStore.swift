import CNamespaces
import Glibc
import PodCore

/// The images of this node, in `<state-dir>/images`.
///
/// ```
/// names/      a name → the image it stands for      records/    an image → its layers, by its ID
/// blobs/      configs, by digest                     layers/     each layer, unpacked once, whatever image it is of
/// layer-info/ what each of layers/ is                work/       what is being unpacked; nothing refers to it
/// uses/       when each image was last run from      preloads/   archives that were loaded because of where they lie
/// expected/   layers on their way to an image        lock        held while any of these changes
/// loading     held shared while layers are unpacked
/// ```
///
/// Several processes may use one store. Whatever they see is whole: layers are moved into place when they have been
/// verified, records are replaced by renaming, and a record is written only after all that it refers to is on the disk.
/// What no record refers to is garbage. Only root may look inside, since
/// layers hold setuid programs.
///
/// All calls block; the daemon makes them on ``Worker``.
final class ImageStore: Sendable {
    static let lockLeaf = "lock"
    static let loadingLeaf = "loading"
    /// The lower directory of an image without layers.
    static let emptyLayer = "empty"

    /// The absolute path of the directory that holds the layers, from which their names are relative.
    let layersPath: String
    let limits: ImageLimits
    let root: RootedDirectory
    let names: RootedDirectory
    let records: RootedDirectory
    let layerInfo: RootedDirectory
    let layers: RootedDirectory
    let blobs: RootedDirectory
    let expected: RootedDirectory
    let work: RootedDirectory
    let useTimes: RootedDirectory
    let preloads: RootedDirectory
    /// Who needs the images, as far as this process knows.
    let uses = ImageUses()
    /// Whose turn it is to bring a layer.
    let turns = LayerTurns()
    /// Of this boot, from the kernel; empty if it does not say.
    let bootID: String

    /// Opens the store, makes it if there is none, and clears away what a crash has left.
    init(stateDirectory: RootedDirectory, limits: ImageLimits = ImageLimits()) throws(ImageFailure) {
        self.limits = limits
        bootID = Self.readBootID()
        do throws(SystemFailure) {
            let root = try stateDirectory.makeDirectory(
                "images",
                mode: 0o700,
                resolution: .beneathWithoutLinks
            )
            func part(_ name: String) throws(SystemFailure) -> RootedDirectory {
                try root.makeDirectory(name, mode: 0o700, resolution: .beneathWithoutLinks)
            }
            self.root = root
            names = try part("names")
            records = try part("records")
            layerInfo = try part("layer-info")
            blobs = try part("blobs")
            expected = try part("expected")
            work = try part("work")
            useTimes = try part("uses")
            preloads = try part("preloads")
            let layers = try part("layers")
            self.layers = layers
            layersPath = try layers.hostPath()
            _ = try layers.makeDirectory(Self.emptyLayer, mode: 0o755, resolution: .beneathWithoutLinks)
        } catch {
            throw .store(error)
        }
        try collectGarbage()
    }
}

extension ImageStore {
    private static func readBootID() -> String {
        let path = "/proc/sys/kernel/random/boot_id"
        let raw = cns_openat(AT_FDCWD, path, O_RDONLY, 0)
        guard raw >= 0,
            let bytes = try? readRegularFile(Descriptor(adopting: raw), subject: path, limit: 4096)
        else { return "" }
        return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
    }
}

extension RootedDirectory {
    /// The absolute path of this directory, from the kernel. (proc_pid_fd(5))
    func hostPath() throws(SystemFailure) -> String {
        let link = "/proc/self/fd/\(raw)"
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = try check("readlink", link) { readlink(link, &buffer, buffer.count - 1) }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
