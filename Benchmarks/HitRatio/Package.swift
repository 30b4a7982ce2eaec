// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nothing of it reaches a user of Larder. `Sources/HitRatio/Policy` and `Sources/CProcessor` are links to the library's sources:
// what is simulated is the code that runs.
let package = Package(
    name: "hit-ratio",
    platforms: [.macOS(.v15)],
    targets: [
        .target(name: "CProcessor"),
        .executableTarget(
            name: "HitRatio",
            dependencies: ["CProcessor"],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .strictMemorySafety(),
                .treatAllWarnings(as: .error),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
            ])
    ]
)
