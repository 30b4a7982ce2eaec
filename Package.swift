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
        .library(name: "LarderPostgreSQL", targets: ["LarderPostgreSQL"]),
        .executable(name: "kvtool", targets: ["kvtool"]),
    ],
    traits: [
        .trait(name: "PostgreSQL", description: "PostgreSQL as a source, through libpq: LarderPostgreSQL."),
        .default(enabledTraits: []),
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
        .systemLibrary(
            name: "CPostgreSQL", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),

        // What Swift has no word for.
        .target(name: "CProcessor"),

        // The library: each layer knows only the one below it.
        .target(name: "LMDB", dependencies: ["CLMDB", "CProcessor"], swiftSettings: strict),
        .target(name: "Larder", dependencies: ["LMDB", "CXXHash", "CProcessor"], swiftSettings: strict),
        .target(name: "LarderFoundation", dependencies: ["Larder"], swiftSettings: strict),

        // Only with its trait is there anything in it, and libpq needed.
        .target(
            name: "LarderPostgreSQL",
            dependencies: ["Larder", .target(name: "CPostgreSQL", condition: .when(traits: ["PostgreSQL"]))],
            swiftSettings: strict),

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
        .testTarget(
            name: "LarderPostgreSQLTests", dependencies: ["LarderPostgreSQL", "Larder", "TestSupport"],
            swiftSettings: strict),
        .testTarget(name: "KVToolTests", dependencies: ["kvtool", "Larder", "TestSupport"], swiftSettings: strict),

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
