import Glibc
import PodCore

/// The node itself as a v1.Node.
struct NodeStatusDocument {
    let context: NodeContext
    let isShuttingDown: Bool

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
                "conditions": Document(.list([ready])),
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

    private var capacity: Document {
        let pages = Int64(sysconf(Int32(_SC_PHYS_PAGES)))
        let memory = pages * Int64(sysconf(Int32(_SC_PAGESIZE))) / 1024
        let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        return .map([
            "cpu": Document(.string("\(processors)")),
            "memory": Document(.string("\(memory)Ki")),
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
