// swift-tools-version: 6.2
import PackageDescription

// The benchmarks are a package of their own so that the peers they measure never become dependencies of Larder's users.
//
// A peer whose library is missing is left out by its trait (see the Makefile, which asks pkg-config): the build still works, and the run says
// which peer it skipped.

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
    name: "larder-benchmarks",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "larder-bench", targets: ["LarderBench"]),
        // Preloaded into a measured process; counts what it flushes and writes.
        .library(name: "FlushCounter", type: .dynamic, targets: ["FlushCounter"]),
    ],
    traits: [
        .trait(name: "RocksDB", description: "Measure RocksDB (librocksdb-dev)"),
        .trait(name: "SQLite", description: "Measure SQLite through GRDB (libsqlite3-dev)"),
        .default(enabledTraits: ["RocksDB", "SQLite"]),
    ],
    dependencies: [
        .package(name: "larder", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.6.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.0.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CRocksDB", pkgConfig: "rocksdb", providers: [.apt(["librocksdb-dev"]), .brew(["rocksdb"])]),
        .target(name: "CRawLMDB", linkerSettings: [.linkedLibrary("lmdb")]),
        .target(name: "CBenchSystem", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(name: "FlushCounter", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .executableTarget(
            name: "LarderBench",
            dependencies: [
                "CBenchSystem", "CRawLMDB",
                .product(name: "Larder", package: "larder"),
                .product(name: "LarderFoundation", package: "larder"),
                .target(name: "CRocksDB", condition: .when(traits: ["RocksDB"])),
                .product(name: "GRDB", package: "GRDB.swift", condition: .when(traits: ["SQLite"])),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .testTarget(name: "LarderBenchTests", dependencies: ["LarderBench"], swiftSettings: strict),
    ]
)
