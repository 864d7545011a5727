import Testing

@testable import PodCore

/// From spec and image to the process that is run.
struct ContainerProcessTests {
    private static let accounts = AccountFiles(
        passwd: Array("root:x:0:0::/root:/bin/sh\nweb:x:33:34::/var/www:/bin/sh\n".utf8),
        group: Array("root:x:0:\nweb:x:34:\naudio:x:29:web\n".utf8)
    )

    private func launch(
        image: ImageConfig = ImageConfig(entrypoint: ["/entry"], cmd: ["serve"]),
        tty: Bool = false,
        _ change: (inout Pod, inout Container) -> Void = { _, _ in }
    ) throws(ContainerProcess.Failure) -> ProcessLaunch {
        var pod = Pod()
        pod.metadata.name = "web-node1"
        pod.metadata.namespace = "default"
        pod.metadata.uid = "1234"
        var container = Container()
        container.name = "c"
        container.tty = tty
        change(&pod, &container)
        return try ContainerProcess(
            pod: pod,
            container: container,
            image: image,
            accounts: Self.accounts,
            hostname: "web",
            addresses: PodAddresses(
                of: pod.spec,
                own: ["10.88.0.2", "fd00:88::2"],
                node: ["192.0.2.1", "2001:db8::1"]
            ),
            nodeMemory: 16 << 30
        ).launch()
    }

    @Test("variables that multiply each other are stopped before they fill the memory")
    func bomb() throws {
        let failure = #expect(throws: ContainerProcess.Failure.self) {
            _ = try launch { _, container in
                container.env = [Self.variable("E0", "xxxxxxxxxx")]
                for level in 1...13 {
                    let inner = String(repeating: "$(E\(level - 1))", count: 10)
                    container.env.append(Self.variable("E\(level)", inner))
                }
            }
        }
        #expect(failure?.waiting.reason == "CreateContainerError")
        #expect(failure?.waiting.message.hasPrefix("the environment variable E5 is too long") == true)
    }

    @Test("what execve would not take is refused", arguments: [(131_071, true), (131_072, false)])
    func limit(_ size: Int, _ isTaken: Bool) {
        let text = String(repeating: "x", count: size)
        #expect((Expansion.expand(text, with: [:]) != nil) == isTaken)
        #expect((Expansion.expand("$(A)", with: ["A": text]) != nil) == isTaken)
    }

    // MARK: Addresses (reference §8.3)

    private static func reference(_ field: String) -> EnvVar {
        var variable = EnvVar()
        variable.name = "A"
        var selector = ObjectFieldSelector()
        selector.fieldPath = field
        variable.valueFrom = EnvVarSource()
        variable.valueFrom?.fieldRef = selector
        return variable
    }

    @Test(
        "The Pod's and the node's addresses are those of the start; on the node's network the Pod has the node's",
        arguments: [
            ("status.podIP", false, "10.88.0.2"), ("status.podIPs", false, "10.88.0.2,fd00:88::2"),
            ("status.hostIP", false, "192.0.2.1"), ("status.hostIPs", false, "192.0.2.1,2001:db8::1"),
            ("status.podIP", true, "192.0.2.1"), ("status.podIPs", true, "192.0.2.1,2001:db8::1"),
        ]
    )
    func addresses(field: String, isHostNetwork: Bool, value: String) throws {
        let launch = try launch { pod, container in
            pod.spec.hostNetwork = isHostNetwork
            container.env = [Self.reference(field)]
        }
        #expect(launch.environment.contains("A=\(value)"))
    }

    // MARK: Command (reference §8.6)

    @Test(
        "command and args against the image's entrypoint and cmd",
        arguments: [
            ([], [], ["/entry", "serve"]), ([], ["a"], ["/entry", "a"]), (["/x"], [], ["/x"]),
            (["/x"], ["a"], ["/x", "a"]),
            (["/x", "$(A)"], ["$(B)$$(A)"], ["/x", "1", "two$(A)"]),
        ] as [([String], [String], [String])]
    )
    func command(_ command: [String], _ args: [String], _ expected: [String]) throws {
        let process = try launch { _, container in
            container.command = command
            container.args = args
            container.env = [("A", "1"), ("B", "two")].map { Self.variable($0.0, $0.1) }
        }
        #expect(process.arguments == expected)
    }

    @Test("nothing to run is said", arguments: [[], [""]])
    func noCommand(_ entrypoint: [String]) {
        let failure = #expect(throws: ContainerProcess.Failure.self) {
            try launch(image: ImageConfig(entrypoint: entrypoint, cmd: []))
        }
        #expect(failure?.waiting == Waiting("CreateContainerError", "no command specified"))
    }

    // MARK: Environment (reference §8.1)

    private static func variable(_ name: String, _ value: String) -> EnvVar {
        var variable = EnvVar()
        variable.name = name
        variable.value = value
        return variable
    }

    @Test(
        "defaults, then the image's variables, then the Pod's; later ones win and each sees those before it"
    )
    func environment() throws {
        var image = ImageConfig(entrypoint: ["/entry"], cmd: [])
        image.env = ["PATH=/image", "FROM=image", "BARE"]
        let process = try launch(image: image, tty: true) { _, container in
            container.env = [
                Self.variable("A", "1"), Self.variable("B", "$(A)-$(C)-$(FROM)"), Self.variable("C", "x"),
                Self.variable("A", "2"), Self.variable("FROM", "pod"),
            ]
        }
        #expect(
            process.environment == [
                "PATH=/image", "HOSTNAME=web", "TERM=xterm", "FROM=pod", "BARE=", "A=2", "B=1-$(C)-$(FROM)",
                "C=x",
                "HOME=/root",
            ]
        )
        #expect(process.searchPath == "/image")
        #expect(try launch().searchPath == "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    }

    // MARK: Identity (reference §11.1)

    struct Who: CustomTestStringConvertible {
        var image = ""
        var user: Int64?
        var group: Int64?
        var podUser: Int64?
        var expected: (user: UInt32, group: UInt32, groups: [UInt32], home: String)
        var testDescription: String {
            "image \(image), user \(user ?? -1), group \(group ?? -1), Pod \(podUser ?? -1)"
        }
    }

    static let identities = [
        Who(expected: (0, 0, [0], "/root")),
        Who(image: "web", expected: (33, 34, [34, 29], "/var/www")),
        Who(image: "33", expected: (33, 34, [34, 29], "/var/www")),
        Who(image: "web:audio", expected: (33, 29, [29], "/var/www")),
        Who(image: "4000:5000", expected: (4000, 5000, [5000], "/")),
        Who(image: "web", user: 0, expected: (0, 0, [0], "/root")),
        Who(image: "web", user: 1000, expected: (1000, 0, [0], "/")),
        Who(image: "web", user: 1000, group: 7, expected: (1000, 7, [7], "/")),
        Who(image: "web", podUser: 1001, expected: (1001, 0, [0], "/")),
        Who(user: 5, podUser: 1001, expected: (5, 0, [0], "/")),
        Who(
            user: 2_147_483_647,
            group: 2_147_483_647,
            expected: (2_147_483_647, 2_147_483_647, [2_147_483_647], "/")
        ),
    ]

    @Test("the container's word before the Pod's, both before the image's", arguments: identities)
    func identity(_ who: Who) throws {
        var image = ImageConfig(entrypoint: ["/entry"], cmd: [])
        image.user = who.image
        let process = try launch(image: image) { pod, container in
            var context = SecurityContext()
            context.runAsUser = who.user
            context.runAsGroup = who.group
            container.securityContext = context
            pod.spec.securityContext.runAsUser = who.podUser
        }
        #expect(process.user == who.expected.user)
        #expect(process.group == who.expected.group)
        #expect(process.groups == who.expected.groups)
        #expect(process.environment.contains("HOME=\(who.expected.home)"), "\(process.environment)")
    }

    @Test(
        "who must not be root and would be is refused in the kubelet's words",
        arguments: [
            ("web", Int64?(0), "container's runAsUser breaks non-root policy"),
            ("", nil, "container has runAsNonRoot and image will run as root"),
            ("0", nil, "container has runAsNonRoot and image will run as root"),
            ("0:34", nil, "container has runAsNonRoot and image will run as root"),
            ("00", nil, "container has runAsNonRoot and image will run as root"),
            (
                "web", nil,
                "container has runAsNonRoot and image has non-numeric user (web), cannot verify user is non-root"
            ),
        ]
    )
    func nonRoot(_ imageUser: String, _ user: Int64?, _ message: String) {
        var image = ImageConfig(entrypoint: ["/entry"], cmd: [])
        image.user = imageUser
        let failure = #expect(throws: ContainerProcess.Failure.self) {
            try launch(image: image) { pod, container in
                pod.spec.securityContext.runAsNonRoot = true
                pod.spec.securityContext.runAsUser = user
            }
        }
        let whole = "\(message) (pod: \"web-node1_default(1234)\", container: c)"
        #expect(failure?.waiting == Waiting("CreateContainerConfigError", whole))
    }

    @Test("a capability that does not exist keeps the container from being made")
    func unknownCapability() {
        let failure = #expect(throws: ContainerProcess.Failure.self) {
            try launch { _, container in
                var context = SecurityContext()
                var capabilities = Capabilities()
                capabilities.add = ["SYS_MAGIC"]
                context.capabilities = capabilities
                container.securityContext = context
            }
        }
        #expect(failure?.waiting.reason == "CreateContainerConfigError")
        #expect(failure?.waiting.message.contains("SYS_MAGIC") == true)
    }

    @Test(
        "the working directory is the container's, else the image's, else the root, and always absolute",
        arguments: [("", "", "/"), ("", "/img", "/img"), ("/own", "/img", "/own"), ("own", "", "/own")]
    )
    func workingDirectory(_ own: String, _ image: String, _ expected: String) throws {
        var config = ImageConfig(entrypoint: ["/entry"], cmd: [])
        config.workingDir = image
        #expect(try launch(image: config) { $1.workingDir = own }.workingDirectory == expected)
    }
}
