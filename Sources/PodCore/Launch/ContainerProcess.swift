/// What a container's process is made from: the spec, the image and what the node knows.
public struct ContainerProcess: Sendable {
    /// Why a process cannot be described; the waiting reason is `CreateContainerConfigError` unless it says otherwise.
    public struct Failure: Error, Hashable, Sendable {
        /// What the status shows.
        public var waiting: Waiting
    }

    private let pod: Pod
    private let container: Container
    private let image: ImageConfig
    private let accounts: AccountFiles
    private let hostname: String
    private let addresses: PodAddresses
    private let nodeMemory: Int64

    /// Gathers the sources.
    ///
    /// - Parameters:
    ///   - hostname: The kernel host name that the container will see.
    ///   - addresses: Those that the Pod and the node have by now.
    ///   - nodeMemory: The node's memory in bytes.
    public init(
        pod: Pod,
        container: Container,
        image: ImageConfig,
        accounts: AccountFiles,
        hostname: String,
        addresses: PodAddresses,
        nodeMemory: Int64
    ) {
        self.pod = pod
        self.container = container
        self.image = image
        self.accounts = accounts
        self.hostname = hostname
        self.addresses = addresses
        self.nodeMemory = nodeMemory
    }

    /// The first process of the container.
    public func launch() throws(Failure) -> ProcessLaunch {
        let variables = try environmentOfSpec()
        let arguments = try arguments(expandedWith: variables.values)
        guard let program = arguments.first, !program.isEmpty else {
            throw Failure(waiting: Waiting("CreateContainerError", "no command specified"))
        }
        return try process(arguments: arguments, tty: container.tty, variables.list)
    }

    /// A further process in the container: the same identity, environment and directory.
    public func exec(_ command: [String], tty: Bool) throws(Failure) -> ProcessLaunch {
        try process(arguments: command, tty: tty, try environmentOfSpec().list)
    }

    private func process(
        arguments: [String],
        tty: Bool,
        _ variables: [(name: String, value: String)]
    ) throws(Failure) -> ProcessLaunch {
        let identity = try identity()
        let context = container.securityContext
        let capabilities = CapabilitySet.standard(
            adding: context?.capabilities?.add ?? [],
            dropping: context?.capabilities?.drop ?? []
        )
        let set: CapabilitySet
        switch capabilities {
        case .success(let value): set = value
        case .failure(let unknown): throw configuration(unknown.description)
        }
        return ProcessLaunch(
            arguments: arguments,
            environment: environment(tty: tty, home: identity.home, variables),
            workingDirectory: workingDirectory,
            user: identity.uid,
            group: identity.gid,
            groups: supplementaryGroups(identity),
            capabilities: set,
            forbidsNewPrivileges: context?.allowPrivilegeEscalation == false,
            oomScoreAdjustment: OOMScore.adjustment(of: container, in: pod, nodeMemory: nodeMemory)
        )
    }

    private func configuration(_ message: String) -> Failure {
        Failure(waiting: Waiting("CreateContainerConfigError", message))
    }

    // MARK: Command

    /// Reference §8.6: a command replaces the image's entrypoint and its arguments, arguments replace the latter only.
    private func arguments(expandedWith values: [String: String]) throws(Failure) -> [String] {
        let command = try expand(container.command, "command", values)
        let args = try expand(container.args, "args", values)
        if !command.isEmpty { return command + args }
        return image.entrypoint + (args.isEmpty ? image.cmd : args)
    }

    private func expand(
        _ texts: [String],
        _ field: String,
        _ values: [String: String]
    ) throws(Failure) -> [String] {
        var expanded: [String] = []
        for (index, text) in texts.enumerated() {
            guard let result = Expansion.expand(text, with: values) else {
                throw tooLong("\(field)[\(index)]")
            }
            expanded.append(result)
        }
        return expanded
    }

    private func tooLong(_ what: String) -> Failure {
        let limit = "the kernel takes at most \(Expansion.sizeMax) bytes"
        return Failure(waiting: Waiting("CreateContainerError", "\(what) is too long: \(limit)"))
    }

    private var workingDirectory: String {
        let wanted = container.workingDir.isEmpty ? image.workingDir : container.workingDir
        if wanted.isEmpty { return "/" }
        return wanted.hasPrefix("/") ? wanted : "/" + wanted
    }

    // MARK: Environment

    /// The Pod's own variables, later ones over earlier ones; each sees those before it.
    private func environmentOfSpec() throws(Failure) -> (
        list: [(name: String, value: String)], values: [String: String]
    ) {
        var order: [String] = []
        var values: [String: String] = [:]
        for variable in container.env {
            let value =
                variable.valueFrom?.fieldRef.map(fieldValue) ?? Expansion.expand(variable.value, with: values)
            guard let value, variable.name.utf8.count + 1 + value.utf8.count <= Expansion.sizeMax else {
                throw tooLong("the environment variable \(variable.name)")
            }
            if values.updateValue(value, forKey: variable.name) == nil { order.append(variable.name) }
        }
        return (order.map { ($0, values[$0] ?? "") }, values)
    }

    /// Reference §8.3, the fields that admission lets through.
    private func fieldValue(_ selector: ObjectFieldSelector) -> String {
        switch selector.fieldPath {
        case "metadata.name": return pod.metadata.name
        case "metadata.namespace": return pod.metadata.namespace
        case "metadata.uid": return pod.metadata.uid
        case "spec.nodeName": return pod.spec.nodeName
        case "spec.serviceAccountName": return pod.spec.serviceAccountName
        case "status.podIP": return addresses.pod.first ?? ""
        case "status.podIPs": return addresses.pod.joined(separator: ",")
        case "status.hostIP": return addresses.node.first ?? ""
        case "status.hostIPs": return addresses.node.joined(separator: ",")
        default: break
        }
        let subscripts = [
            ("metadata.labels['", pod.metadata.labels), ("metadata.annotations['", pod.metadata.annotations),
        ]
        for (prefix, map) in subscripts where selector.fieldPath.hasPrefix(prefix) {
            let key = selector.fieldPath.dropFirst(prefix.utf8.count).dropLast(2)
            return map[String(key)] ?? ""
        }
        return ""
    }

    /// Reference §8.1.7: a default PATH, HOSTNAME, the image's variables, then the Pod's; later ones win.
    private func environment(
        tty: Bool,
        home: String,
        _ variables: [(name: String, value: String)]
    ) -> [String] {
        var order: [String] = []
        var values: [String: String] = [:]
        func set(_ name: String, _ value: String) {
            if values.updateValue(value, forKey: name) == nil { order.append(name) }
        }
        set("PATH", ProcessLaunch.defaultPath)
        set("HOSTNAME", hostname)
        if tty { set("TERM", "xterm") }
        for entry in image.env {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            set(String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
        }
        for (name, value) in variables { set(name, value) }
        if values["HOME"] == nil { set("HOME", home) }  // runc and crun do the same from /etc/passwd
        return order.map { "\($0)=\(values[$0] ?? "")" }
    }

    // MARK: Identity

    private struct Identity {
        var uid: UInt32
        var gid: UInt32
        var imageGroups: [UInt32]
        var home: String
    }

    /// Reference §11.1: the container's word before the Pod's, both before the image's.
    private func identity() throws(Failure) -> Identity {
        let podContext = pod.spec.securityContext
        let user = container.securityContext?.runAsUser ?? podContext.runAsUser
        let group = container.securityContext?.runAsGroup ?? podContext.runAsGroup
        try checkNonRoot(user)
        let wanted = user.map { String($0) } ?? image.user
        let known: AccountFiles.Identity
        do throws(AccountFailure) {
            known = try accounts.identity(of: wanted)
        } catch {
            throw configuration(error.description)
        }
        let gid = group.map { UInt32(clamping: $0) } ?? known.gid
        return Identity(uid: known.uid, gid: gid, imageGroups: known.groups, home: known.home)
    }

    private func checkNonRoot(_ user: Int64?) throws(Failure) {
        let required = container.securityContext?.runAsNonRoot ?? pod.spec.securityContext.runAsNonRoot
        guard required == true else { return }
        let reference = "\(pod.metadata.name)_\(pod.metadata.namespace)(\(pod.metadata.uid))"
        let place = "(pod: \"\(reference)\", container: \(container.name))"
        if let user {
            guard user == 0 else { return }
            throw configuration("container's runAsUser breaks non-root policy \(place)")
        }
        let imageUser =
            image.user.split(separator: ":", omittingEmptySubsequences: false).first.map(String.init) ?? ""
        if imageUser.isEmpty || UInt64(imageUser) == 0 {
            throw configuration("container has runAsNonRoot and image will run as root \(place)")
        }
        if UInt64(imageUser) == nil {
            throw configuration(
                "container has runAsNonRoot and image has non-numeric user (\(imageUser)), "
                    + "cannot verify user is non-root \(place)"
            )
        }
    }

    /// The primary group, the Pod's, and with the policy `Merge` those that the image gives the user.
    private func supplementaryGroups(_ identity: Identity) -> [UInt32] {
        var groups = [identity.gid]
        let wanted = pod.spec.securityContext.supplementalGroups.map { UInt32(clamping: $0) }
        let fromImage =
            pod.spec.securityContext.supplementalGroupsPolicy == .strict ? [] : identity.imageGroups
        for group in wanted + fromImage where !groups.contains(group) { groups.append(group) }
        return groups
    }
}
