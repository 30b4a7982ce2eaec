import TestSupport
import Testing

@testable import Larder

/// Random steps against a model that keeps everything: what the tier answers must be what the model holds, and every invariant must hold after each step.
@Suite struct MemoryTierFuzzTests {
    private struct Model {
        var value: [UInt8]
        var version: UInt64
        var expiry: UInt64
    }

    @Test(arguments: [UInt64](1...12))
    func `a tier never answers wrongly whatever the steps`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let capacity = [100_000, 200_000, 500_000, 2_000_000][Int(seed % 4)]
        let clock = ManualClock()
        let tier = MemoryTier(capacity: capacity, shardCount: seed % 2 == 0 ? 1 : 2, clock: clock.wallClock)
        var model: [MemoryKey: Model] = [:]
        var floor: UInt64 = 0
        var version: UInt64 = 1
        let largest = [40, 400, 3_000, 40_000][Int(seed / 4) % 4]

        for step in 0..<3_000 {
            let key = MemoryKey.number(Int.random(in: 0..<600, using: &random))
            let size = Int.random(in: 0...(Int.random(in: 0..<8, using: &random) == 0 ? largest : 60), using: &random)
            let value = [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: size)
            let expiry = Bool.random(using: &random) ? 0 : clock.now + UInt64.random(in: 1...200_000, using: &random)
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<45:
                let hit = tier.find(key, floor: floor)
                if let hit {
                    let held = try #require(model[key], "an entry that nobody gave, step \(step)")
                    #expect(hit.bytes == held.value)
                    #expect(hit.expiry == held.expiry)
                    #expect(held.version >= floor)
                    #expect(held.expiry == 0 || held.expiry > clock.now)
                }
            case 45..<80:
                tier.populate(.bytes(value), for: key, version: version, expiry: expiry) { floor }
                model[key] = Model(value: value, version: version, expiry: expiry)
            case 80..<92:
                version += 1
                tier.mark(key)
                #expect(tier.find(key, floor: floor) == nil)
                tier.populate(.bytes([0xEE]), for: key, version: version - 1, expiry: 0) { floor }
                #expect(tier.find(key, floor: floor) == nil, "populated while a commit was under way")
                if Bool.random(using: &random) {
                    tier.install(.bytes(value), for: key, version: version, expiry: expiry) { floor }
                    model[key] = Model(value: value, version: version, expiry: expiry)
                } else if Bool.random(using: &random) {
                    tier.install(nil, for: key, version: version, expiry: 0) { floor }
                    model[key] = nil
                } else {
                    tier.unmark(key.hash)
                    version -= 1
                    model[key] = nil
                }
            case 92..<96:
                clock.advance(milliseconds: UInt64.random(in: 0...60_000, using: &random))
                tier.removeExpired(now: clock.now, budget: Int.random(in: 1...50, using: &random))
            case 96: floor = version
            case 97: tier.resize(capacity: capacity / Int.random(in: 1...3, using: &random))
            case 98 where Int.random(in: 0..<10, using: &random) == 0:
                tier.removeAll()
                #expect(tier.statistics.entries == 0)
            default:
                clock.advance(milliseconds: 1_000)
            }
            if let broken = tier.brokenInvariant() {
                Issue.record("step \(step): \(broken)")
                return
            }
        }
        #expect(tier.statistics.hits > 0)
        #expect(tier.statistics.highestBytes <= capacity)
    }
}
