/// Decides which images go when the disk they lie on runs full (reference §13.6).
///
/// When at least `highPercent` of it is used, images go until no more than `lowPercent` would be: first those that no
/// container ever ran from, then the least recently used, the older first among equals. What somebody needs stays, what is
/// pinned, and what came only just now: it was fetched for a container that is about to start.
///
/// Layers are shared, so an image frees only those that no image has that stays. One of which every layer is one of an
/// image that must stay would free nothing, and stays as well.
public struct ImageCollection: Hashable, Sendable {
    /// When images are collected and which are too young for it.
    public struct Limits: Hashable, Sendable {
        /// From so much usage on; 100 switches collection off.
        public var highPercent: Int
        /// Until so little usage.
        public var lowPercent: Int
        /// No image goes that came less than this ago.
        public var minimumAge: Duration

        /// The kubelet's own limits, where nothing else is said.
        public init(highPercent: Int = 85, lowPercent: Int = 80, minimumAge: Duration = .seconds(120)) {
            self.highPercent = highPercent
            self.lowPercent = lowPercent
            self.minimumAge = minimumAge
        }

        /// Whether images are ever collected.
        public var isOn: Bool { highPercent < 100 }
    }

    /// An image of the store.
    public struct Image: Hashable, Sendable {
        /// Its ID.
        public var id: String
        /// Its layers by digest, with the bytes of each.
        public var layers: [String: Int64]
        /// When a container last ran from it; nil if none ever did.
        public var lastUsed: Timestamp?
        /// When it came into the store, if that is known.
        public var loaded: Timestamp?
        /// Whether it is pinned, a container has it, or a Pod or manifest names it.
        public var isNeeded: Bool

        /// Describes an image.
        public init(
            id: String,
            layers: [String: Int64],
            lastUsed: Timestamp?,
            loaded: Timestamp?,
            isNeeded: Bool
        ) {
            self.id = id
            self.layers = layers
            self.lastUsed = lastUsed
            self.loaded = loaded
            self.isNeeded = isNeeded
        }
    }

    /// An image that is to go.
    public struct Removal: Hashable, Sendable {
        /// Its ID.
        public let id: String
        /// What goes with it when those before it have gone, in bytes.
        public let bytes: Int64
    }

    /// How many bytes are to be freed; 0 when the disk is not full enough.
    public let wantedBytes: Int64
    /// Which images free them, or come nearest to it, in the order in which they are to go.
    public let removals: [Removal]

    /// What those free together, in bytes.
    public var freedBytes: Int64 { removals.reduce(0) { $0 + $1.bytes } }

    /// Plans a collection.
    public init(of images: [Image], on disk: DiskSpace, limits: Limits, at now: Timestamp) {
        wantedBytes = Self.wanted(disk, limits)
        removals = wantedBytes > 0 ? Self.removals(images, wantedBytes, limits, now) : []
    }

    /// How many bytes are too few for the limits; 0 while usage is below the high one.
    static func wanted(_ disk: DiskSpace, _ limits: Limits) -> Int64 {
        guard limits.isOn, disk.capacity > 0, disk.usedPercent >= limits.highPercent else { return 0 }
        let free = Double(disk.capacity) * Double(100 - limits.lowPercent) / 100
        return max(0, Int64(free) - disk.available)
    }

    private static func removals(
        _ images: [Image],
        _ wanted: Int64,
        _ limits: Limits,
        _ now: Timestamp
    ) -> [Removal] {
        let stays = { (image: Image) in image.isNeeded || isYoung(image, limits, now) }
        let held = Set(images.filter(stays).flatMap(\.layers.keys))
        let candidates = images.filter { !stays($0) && !$0.layers.keys.allSatisfy(held.contains) }
        // How many images have a layer, for it goes with the last of them.
        var owners: [String: Int] = [:]
        for layer in images.flatMap(\.layers.keys) { owners[layer, default: 0] += 1 }
        var removals: [Removal] = []
        var freed: Int64 = 0
        for image in candidates.sorted(by: isBefore) where freed < wanted {
            var bytes: Int64 = 0
            for (layer, size) in image.layers {
                owners[layer, default: 1] -= 1
                if owners[layer] == 0 { bytes += size }
            }
            removals.append(Removal(id: image.id, bytes: bytes))
            freed += bytes
        }
        return removals
    }

    /// One that seems to come from the future is as old as it seems to be ahead: the clock was set back.
    private static func isYoung(_ image: Image, _ limits: Limits, _ now: Timestamp) -> Bool {
        guard let loaded = image.loaded else { return false }
        return max(now - loaded, loaded - now) < limits.minimumAge
    }

    private static func isBefore(_ a: Image, _ b: Image) -> Bool {
        let earliest = Timestamp(nanoseconds: .min)
        let (first, second) = (a.lastUsed ?? earliest, b.lastUsed ?? earliest)
        if first != second { return first < second }
        let (older, newer) = (a.loaded ?? earliest, b.loaded ?? earliest)
        return older == newer ? a.id < b.id : older < newer
    }
}
