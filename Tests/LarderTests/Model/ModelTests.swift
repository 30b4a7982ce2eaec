import Foundation
import Testing

/// Random operations on a store, each compared with a plain dictionary: both tiers, three caches of different codings, expiry by a manual
/// clock, transactions, reopening, tiny memory, tiny maps. `LARDER_MODEL_SEEDS=1000..<2000` runs other seeds.
@Suite struct `A store behaves as a dictionary` {
    static let seeds: Range<UInt64> = {
        let bounds = (ProcessInfo.processInfo.environment["LARDER_MODEL_SEEDS"] ?? "")
            .split(separator: "..<").compactMap { UInt64($0) }
        return bounds.count == 2 && bounds[0] < bounds[1] ? bounds[0]..<bounds[1] : 0..<32
    }()

    @Test(arguments: seeds) func `whatever is done to it`(seed: UInt64) async throws {
        try await ModelRun(seed: seed).run(steps: 400)
    }
}
