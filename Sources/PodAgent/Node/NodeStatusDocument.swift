import Glibc
import PodCore

/// The node itself as a v1.Node.
struct NodeStatusDocument {
    let context: NodeContext
    let isShuttingDown: Bool
    /// Those of the store, as they were when it last changed.
    let images: [StoredImage]

    /// As many images, and names of each, as the kubelet shows.
    private static let (imagesMax, imageNamesMax) = (50, 5)

    var document: Document {
        var system = utsname()
        uname(&system)
        let kernel = text(of: system.release)
        let architecture = Self.architecture(text(of: system.machine))
        let name = context.nodeName
        return .map([
            "kind": "Node",
            "apiVersion": "v1",
            "metadata": .map([
                "name": Document(.string(name)),
                "creationTimestamp": Document(.string(context.startedAt.rfc3339)),
                "labels": .map([
                    "kubernetes.io/arch": Document(.string(architecture)),
                    "kubernetes.io/hostname": Document(.string(name)),
                    "kubernetes.io/os": "linux",
                ]),
            ]),
            "status": .map([
                "addresses": Document(.list(addresses)),
                "capacity": capacity,
                "conditions": Document(.list([ready, enforced])),
                "images": Document(.list(shownImages)),
                "nodeInfo": .map([
                    "architecture": Document(.string(architecture)),
                    "bootID": Document(.string(context.bootID)),
                    "containerRuntimeVersion": Document(.string("podagent://\(PodAgentVersion.text)")),
                    "kernelVersion": Document(.string(kernel)),
                    "kubeletVersion": Document(.string(PodAgentVersion.text)),
                    "operatingSystem": "linux",
                ]),
            ]),
        ])
    }

    private var addresses: [Document] {
        let own = context.addresses.map { ("InternalIP", $0) } + [("Hostname", context.nodeName)]
        return own.map { .map(["type": Document(.string($0.0)), "address": Document(.string($0.1))]) }
    }

    /// The largest first, by digests and then by tags.
    private var shownImages: [Document] {
        let largest = images.sorted { ($1.size, $0.id) < ($0.size, $1.id) }.prefix(Self.imagesMax)
        return largest.map { image in
            let names = (image.digests + image.names).prefix(Self.imageNamesMax)
            return .map([
                "names": Document(.list(names.map { Document(.string($0)) })),
                "sizeBytes": Document(.integer(image.size)),
            ])
        }
    }

    private var capacity: Document {
        return .map([
            "cpu": Document(.string("\(NodeProcessors.online)")),
            "memory": Document(.string("\(NodeMemory.bytes / 1024)Ki")),
        ])
    }

    private var ready: Document {
        if isShuttingDown {
            return .map([
                "type": "Ready", "status": "False", "reason": "PodAgentNotReady",
                "message": "node is shutting down",
            ])
        }
        return .map([
            "type": "Ready", "status": "True", "reason": "PodAgentReady",
            "message": "podagent answers on its socket",
        ])
    }

    /// A condition of our own: whether requests and limits of Pods hold on this node.
    private var enforced: Document {
        let missing = context.cgroups.missing
        let reasons = CgroupController.allCases.compactMap { controller in
            missing[controller].map { "\(controller.rawValue): \($0)" }
        }
        if reasons.isEmpty {
            return .map([
                "type": "ResourcesEnforced", "status": "True", "reason": "CgroupControllersEnabled",
                "message": "cgroup v2 has the controllers cpu, memory and pids",
            ])
        }
        return .map([
            "type": "ResourcesEnforced", "status": "False", "reason": "CgroupControllersMissing",
            "message": Document(.string(reasons.joined(separator: "; "))),
        ])
    }

    /// Go's names, which Kubernetes uses.
    private static func architecture(_ machine: String) -> String {
        ["x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"][machine] ?? machine
    }

    private func text<Tuple>(of tuple: Tuple) -> String {
        withUnsafeBytes(of: tuple) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

/// This program's version.
enum PodAgentVersion {
    static let text = "0.1.0"
}
