import TestSupport
import Testing

@testable import Larder

@Suite struct `The shadows' memory` {
    @Test(arguments: [1, 3, 17, 100, 512])
    func `is what is reckoned for it, whatever the weights`(entryCount: Int) throws {
        let reckoned = ConfigurationChooser.byteCount(entryCount: entryCount, parameters: .standard)
        var chooser = ConfigurationChooser(capacity: entryCount * 1_000, entryCount: entryCount)
        #expect(chooser.byteCount == reckoned)
        var random = SeededGenerator(seed: UInt64(entryCount))
        for largest in [1_000, 10, 2_000, 1, entryCount * 1_100, 100] {
            for step in 0..<4_000 {
                let key = Int.random(in: 0..<Int.random(in: 1...20 * entryCount, using: &random), using: &random)
                let weight = Int.random(in: 1...largest, using: &random)
                _ = chooser.observe(MemoryKey.number(key).hash, weight: weight, isHit: false)
                if step % 50 == 0 { try #require(allocated(by: chooser) <= reckoned) }
            }
        }
        #expect(chooser.byteCount == reckoned)
    }

    @Test(arguments: [17, 100])
    func `holds as many small entries as there may be, and then what it was made for again`(entryCount: Int) {
        let (large, small) = (24, 1)
        var shadow = ShadowCache(
            capacity: entryCount * large, entryCount: entryCount, mostEntries: entryCount + entryCount / 4 + 8,
            configuration: PolicyParameters.standard.configurations[0], keepsFrequencies: false)
        for key in 0..<3 * entryCount { _ = shadow.access(MemoryKey.number(key).hash, weight: small) }
        #expect(shadow.count == entryCount + entryCount / 4 + 8)
        var hits = 0
        for step in 0..<20 * entryCount {
            let hit = shadow.access(MemoryKey.number(10_000 + step % (entryCount / 2)).hash, weight: large)
            if hit { hits += 1 }
        }
        #expect(hits >= 19 * entryCount)
        #expect(shadow.weight <= entryCount * large)
    }

    @Test(arguments: [32 << 10, 64 << 10, 1 << 20, 3 << 20, 64 << 20])
    func `stays within what the shards leave of the budget, whatever is done to the tier`(capacity: Int) throws {
        let tier = MemoryTier(capacity: capacity)
        var random = SeededGenerator(seed: UInt64(capacity))
        let value = DecodedValue(0)
        for round in 0..<12 {
            // So many entries fit, or hardly fewer.
            let count = [600, 800, 2_000, 300, 1_100, 1_500][round % 6]
            for _ in 0..<4_000 {
                let key = MemoryKey.number(Int.random(in: 0..<3 * count, using: &random))
                if tier.find(key) == nil {
                    let cost = Int.random(in: 0...2 * capacity / count, using: &random)
                    tier.populate(.object(value, cost: cost), for: key, version: 1, expiry: 0) { 0 }
                }
                let left = tier.capacity - tier.shards.indices.reduce(0) { $0 + tier.shards.withLock($1) { $0.budget } }
                try #require(tier.bytesBesideShards <= left)
            }
            #expect(tier.statistics.bytes <= tier.capacity)
            tier.resize(capacity: round % 3 == 2 ? capacity : Int.random(in: capacity / 3...capacity, using: &random))
            // Where there is room for them, they are there, and a change of the budget makes them anew.
            #expect(tier.capacity < 1 << 20 || tier.bytesBesideShards > 32 << 10)
        }
        #expect(tier.statistics.highestBytes <= capacity)
        #expect(tier.brokenInvariant() == nil)
    }
}

/// The memory of the arrays that a value owns, what is reserved in them included, in bytes.
private func allocated(by value: Any) -> Int {
    // The parameters' array belongs to all.
    if value is PolicyParameters { return 0 }
    let own = (value as? any Allocated)?.byteCount ?? 0
    // There is nothing to own in arrays of numbers.
    if own > 0, !(value is [ShadowCache]) { return own }
    return Mirror(reflecting: value).children.reduce(own) { $0 + allocated(by: $1.value) }
}

private protocol Allocated {
    var byteCount: Int { get }
}

extension Array: Allocated {
    fileprivate var byteCount: Int { 32 + capacity * MemoryLayout<Element>.stride }
}
