// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that no user ever builds it. `Sources` links to Larder's own sources: every module must be built with the
// sanitizers, and the parsers are internal.
let instrumented: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing"]),
]

let package = Package(
    name: "fuzzing",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.6.0")
    ],
    targets: [
        .systemLibrary(name: "CLMDB", pkgConfig: "lmdb"),
        .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CLibFuzzer"),
        .target(name: "CProcessor"),
        .target(name: "LMDB", dependencies: ["CLMDB", "CProcessor"], swiftSettings: instrumented),
        .target(name: "Larder", dependencies: ["LMDB", "CXXHash", "CProcessor"], swiftSettings: instrumented),
        .target(name: "LarderFoundation", dependencies: ["Larder"], swiftSettings: instrumented),
        .target(
            name: "kvtool",
            dependencies: ["Larder", "CZlib", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: instrumented + [
                .unsafeFlags(["-Xfrontend", "-entry-point-function-name", "-Xfrontend", "kvtool_main"])
            ]),
        .executableTarget(
            name: "Fuzzing",
            dependencies: [
                "CLibFuzzer", "Larder", "LarderFoundation", "LMDB", "kvtool",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            // Debian's gold cannot link the sanitizers.
            swiftSettings: instrumented, linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),
    ]
)
