// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "larder",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Larder", targets: ["Larder"]),
        .library(name: "LarderFoundation", targets: ["LarderFoundation"]),
        .executable(name: "kvtool", targets: ["kvtool"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.6.0")
    ],
    targets: [
        // The doors to C.
        .systemLibrary(
            name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"]), .brew(["lmdb"])]),
        .systemLibrary(
            name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"]), .brew(["xxhash"])]),
        .systemLibrary(
            name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),

        // What Swift has no word for.
        .target(name: "CPrefetch"),

        // The library: each layer knows only the one below it.
        .target(name: "LMDB", dependencies: ["CLMDB"], swiftSettings: strict),
        .target(name: "Larder", dependencies: ["LMDB", "CXXHash", "CPrefetch"], swiftSettings: strict),
        .target(name: "LarderFoundation", dependencies: ["Larder"], swiftSettings: strict),

        // The operator's tool.
        .executableTarget(
            name: "kvtool",
            dependencies: [
                "Larder", "CZlib",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        // What the test targets share: scratch directories, threads, processes.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(name: "LMDBTests", dependencies: ["LMDB", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "LarderTests", dependencies: ["Larder", "LarderFoundation", "LMDB", "TestSupport"],
            swiftSettings: strict),
        .testTarget(name: "KVToolTests", dependencies: ["kvtool", "Larder"], swiftSettings: strict),

        // Crashes and histories: what checks them, and the program that the tests start and kill.
        .target(name: "DurabilityKit", dependencies: ["Larder"], path: "Tests/DurabilityKit", swiftSettings: strict),
        .executableTarget(
            name: "DurabilityWorker", dependencies: ["DurabilityKit", "Larder", "CLMDB"],
            path: "Tests/DurabilityWorker", swiftSettings: strict),
        .executableTarget(
            name: "PowerCutWorker", dependencies: ["DurabilityKit", "Larder", "CLMDB"], path: "Tests/PowerCutWorker",
            swiftSettings: strict),
        .testTarget(
            name: "DurabilityTests", dependencies: ["DurabilityKit", "DurabilityWorker", "Larder", "LMDB"],
            swiftSettings: strict),
    ]
)
