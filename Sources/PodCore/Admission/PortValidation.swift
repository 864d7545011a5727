extension PodValidator {
    mutating func validatePorts(_ ports: [ContainerPort], at path: FieldPath) {
        var names: Set<String> = []
        for (index, port) in ports.enumerated() {
            let portPath = path[index]
            if !port.name.isEmpty {
                let broken = NameRules.portName(port.name)
                reportInvalid(portPath.field("name"), port.name, broken)
                if broken.isEmpty, !names.insert(port.name).inserted {
                    report(.duplicate(portPath.field("name"), port.name))
                }
            }
            if port.containerPort == 0 {
                report(.required(portPath.field("containerPort")))
            } else {
                let broken = NameRules.portNumber(port.containerPort)
                reportInvalid(portPath.field("containerPort"), port.containerPort, broken)
            }
            if port.hostPort != 0 {
                reportInvalid(portPath.field("hostPort"), port.hostPort, NameRules.portNumber(port.hostPort))
            }
            if !port.hostIP.isEmpty {
                // The kubelet lets anything through, to fail when the sandbox is made.
                let broken = AddressRules.address(port.hostIP)
                reportInvalid(portPath.field("hostIP"), port.hostIP, broken)
                if broken.isEmpty, !pod.spec.hostNetwork, HostPort.Place(port.hostIP)?.isOfNode == false {
                    let detail =
                        "must be an address that a node can have, and that packets from it can leave by"
                    report(.invalid(portPath.field("hostIP"), port.hostIP, detail))
                }
            }
            if pod.spec.hostNetwork, port.hostPort != port.containerPort {
                let detail = "must match `containerPort` when `hostNetwork` is true"
                report(.invalid(portPath.field("hostPort"), port.hostPort, detail))
            }
        }
    }

    /// A port of the node can lead to one container only. One address may lead elsewhere than all the others do; but all
    /// addresses, and all of one family, are in each other's way.
    mutating func validateHostPorts(_ containers: [Container], at path: FieldPath, firstIndex: Int = 0) {
        var taken: Set<String> = []
        var claims: [HostPort] = []
        for (index, container) in containers.enumerated() {
            for (portIndex, port) in container.ports.enumerated() where port.hostPort != 0 {
                let key = "\(port.protocol.rawValue)/\(port.hostIP)/\(port.hostPort)"
                let claim = HostPort(port)
                let isInTheWay = claim.map { new in claims.contains { new.isInTheWay(of: $0) } } ?? false
                if let claim { claims.append(claim) }
                if !taken.insert(key).inserted || isInTheWay {
                    let portPath = path[firstIndex + index].field("ports")[portIndex]
                    report(.duplicate(portPath.field("hostPort"), key))
                }
            }
        }
    }
}
