import CNamespaces
import Glibc
import PodCore

/// What every Pod of the node is given.
final class NodeContext: Sendable {
    /// Those in effect: a reload changes what can change while the agent runs.
    @NodeActor var options: NodeOptions
    let nodeName: String
    let naming: NodeNaming
    let resolver: NodeResolver
    let bootID: String
    let addresses: [String]
    let directories: NodeDirectories
    let cgroups: Cgroups
    let shim: ShimProgram
    let imageStore: ImageStore
    let puller: ImagePuller
    /// The Secrets that Pods name for their pulls.
    let pullSecrets = PullSecrets()
    /// The same, as container starts see it.
    let images: any ImageProvider
    /// Nil when it is not CNI plugins that make the Pods' network.
    let cni: NodeCNI?
    let events: EventStore
    /// Makes the calls of probes and hooks.
    let prober = NetworkProber()
    /// When this podagent began.
    let startedAt = Clock.wall()
    let removal = Removal()
    @NodeActor private var warnings: Set<PodRecord> = []

    /// Fails with one line that says what is missing.
    init(options: NodeOptions) throws {
        guard geteuid() == 0 else {
            throw CommandFailure("podagent serve makes namespaces, mounts and cgroups: run it as root")
        }
        if let missing = cns_kernel_lacks() {
            throw CommandFailure(
                "this kernel lacks \(String(cString: missing)); podagent needs Linux 5.15 or later"
            )
        }
        self.options = options
        cni = try NodeCNI(options: options)
        nodeName = try Self.nodeName(options)
        naming = NodeNaming(
            nodeName: nodeName,
            clusterDomain: options.clusterDomain,
            clusterDNS: options.clusterDNS
        )
        resolver = try NodeResolver(path: options.resolverFile)
        bootID = try Self.readLine("/proc/sys/kernel/random/boot_id")
        addresses = NodeAddresses.current()
        directories = try NodeDirectories(options: options)
        shim = try Self.findShim(options)
        imageStore = try ImageStore(stateDirectory: directories.state)
        images = StoredImages(store: imageStore)
        puller = ImagePuller(store: imageStore)
        events = EventStore(nodeName: nodeName, state: directories.state)
        // Last, so that a start that fails leaves no cgroup behind.
        do {
            cgroups = try Cgroups(name: Self.cgroupName(options))
        } catch {
            throw CommandFailure("podagent needs a writable cgroup2 hierarchy: \(error)")
        }
    }

    /// What there is to open registries with for a Pod.
    @NodeActor func keys(for pod: Pod) -> PullKeys {
        PullKeys(ofPod: pullSecrets.configurations(for: pod).found, ofNode: credentials)
    }

    /// What there is to open registries with for whoever may give orders to the node.
    @NodeActor var keys: PullKeys { PullKeys(ofNode: credentials) }

    /// Pods with the same Secrets share their pulls.
    @NodeActor func pullOwner(of pod: Pod) -> String {
        let secrets = pod.spec.imagePullSecrets.map(\.name)
        return secrets.isEmpty ? "" : ([pod.metadata.namespace] + secrets).joined(separator: "/")
    }

    /// Tells of something that is wrong with the node, the first time that it shows.
    @NodeActor func warnOnce(_ warning: PodRecord) {
        if warnings.insert(warning).inserted { events.recordNode(warning) }
    }

    /// The host name in lower case, as the kubelet has it; validated, because it becomes part of every Pod's name.
    private static func nodeName(_ options: NodeOptions) throws -> String {
        var name = options.nodeName
        if name.isEmpty {
            var system = utsname()
            uname(&system)
            name = withUnsafeBytes(of: &system.nodename) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
        }
        name = name.lowercased()
        if let problem = NameRules.subdomain(name).first {
            throw CommandFailure(
                "the node name \"\(name)\" cannot be part of Pod names: \(problem); set --node-name"
            )
        }
        return name
    }

    /// Agents that run beside each other have run directories of their own, and so cgroups of their own.
    private static func cgroupName(_ options: NodeOptions) -> String {
        if !options.cgroup.isEmpty { return options.cgroup }
        if options.runDirectory == NodeOptions().runDirectory { return "podagent" }
        return "podagent-" + FNV1a64.hexadecimal(options.runDirectory)
    }

    private static func findShim(_ options: NodeOptions) throws -> ShimProgram {
        var path = options.shim
        if path.isEmpty {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let length = readlink("/proc/self/exe", &buffer, buffer.count)
            let own = String(decoding: buffer.prefix(max(0, length)), as: UTF8.self)
            path = own.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/podshim"
        }
        do {
            return try ShimProgram(path: path)
        } catch {
            throw CommandFailure(
                "cannot use podshim at \(path): \(errnoText(error.errno)); name it by --shim"
            )
        }
    }

    private static func readLine(_ path: String) throws -> String {
        let raw = try check("open", path) { cns_openat(AT_FDCWD, path, O_RDONLY, 0) }
        let bytes = try readRegularFile(Descriptor(adopting: raw), subject: path, limit: 4096)
        return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
    }
}

/// The node's own addresses, IPv4 first, loopback and link-local left out.
enum NodeAddresses {
    static func current() -> [String] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var found: (v4: [String], v6: [String]) = ([], [])
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let address = entry.ifa_addr, entry.ifa_flags & UInt32(IFF_LOOPBACK) == 0,
                entry.ifa_flags & UInt32(IFF_UP) != 0
            else { continue }
            let family = Int32(address.pointee.sa_family)
            guard family == AF_INET || family == AF_INET6, let text = text(address, family) else { continue }
            if family == AF_INET {
                found.v4.append(text)
            } else if !text.hasPrefix("fe80:") {
                found.v6.append(text)
            }
        }
        return [found.v4.first, found.v6.first].compactMap { $0 }
    }

    private static func text(_ address: UnsafePointer<sockaddr>, _ family: Int32) -> String? {
        let size = family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
        var buffer = [CChar](repeating: 0, count: 64)
        guard getnameinfo(address, socklen_t(size), &buffer, 64, nil, 0, NI_NUMERICHOST) == 0 else {
            return nil
        }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
