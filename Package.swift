// swift-tools-version: 6.2
import PackageDescription

/// The shim is linked statically without a start file of its own; sanitizers need the ordinary runtime, so
/// builds made with `PODAGENT_SANITIZE=1` (see the Makefile) leave those flags out.
let sanitizing = Context.environment["PODAGENT_SANITIZE"] != nil

let package = Package(
    name: "PodAgent",
    products: [
        .executable(name: "podagent", targets: ["PodAgent"]),
        .executable(name: "podshim", targets: ["podshim"]),
    ],
    dependencies: [],
    targets: [
        .target(name: "PodCore"),
        .target(
            name: "CNamespaces",
            cSettings: [
                .define("_GNU_SOURCE"), .unsafeFlags(["-Wall", "-Wextra", "-Wno-unused-parameter", "-O2"]),
            ]
        ),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .executableTarget(
            name: "PodAgent",
            dependencies: ["PodCore", "CNamespaces", "CYAML", "CArchive", "CCrypto", "CCurl"]
        ),
        .executableTarget(
            name: "podshim",
            dependencies: ["CNamespaces"],
            swiftSettings: [
                .enableExperimentalFeature("Embedded"),
                .unsafeFlags(["-wmo", "-Osize"]),
            ],
            linkerSettings: sanitizing
                ? []
                : [.unsafeFlags(["-nostartfiles", "-static-executable", "-Xlinker", "--gc-sections"])]
        ),
        .testTarget(name: "PodCoreTests", dependencies: ["PodCore"]),
        .testTarget(name: "PodAgentTests", dependencies: ["PodAgent", "PodCore", "CNamespaces"]),
    ],
    swiftLanguageModes: [.v6]
)
