import TestSupport
import Testing

@testable import Larder

@Suite struct EvictionPolicyTests {
    private func hits(_ requests: some Sequence<UInt64>, capacity: Int, rule: AdmissionRule, window: Double) -> Int {
        var cache = ShadowCache(
            capacity: capacity, entryCount: capacity,
            configuration: .init(windowShare: window, rule: rule, ignoresCorrelatedHits: rule != .recency),
            keepsFrequencies: true)
        return requests.count { cache.access(MemoryKey.number(Int($0)).hash, weight: 1) }
    }

    @Test func `where recency rules new keys displace used ones that are older`() {
        // Three rounds each over sets of keys that fit: a CLOCK would discard the newcomers first.
        let requests = (0..<10).flatMap { set in (0..<1_200).map { UInt64(set * 400 + $0 % 400) } }
        #expect(hits(requests, capacity: 500, rule: .recency, window: 1) > 7_800)
    }

    @Test func `where recency rules the tier keeps new keys as least recently used does, near enough`() {
        var parameters = PolicyParameters.standard
        parameters.configurations = [.init(windowShare: 1, rule: .recency, ignoresCorrelatedHits: false)]
        parameters.initialConfiguration = 0
        let tier = MemoryTier(capacity: 1 << 20, shardCount: 1, parameters: parameters)
        let value = [UInt8](repeating: 1, count: 200)
        for number in 0..<6_000 { tier.keep(value, for: .number(number)) }
        let size = tier.statistics.entries * 4 / 5
        // Four rounds each over sets of keys that fit: least recently used misses only the first.
        for set in 1...8 {
            let keys = (0..<size).map { MemoryKey.number(set * 10_000 + $0) }
            for _ in 0..<4 {
                for key in keys where tier.find(key) == nil { tier.keep(value, for: key) }
            }
        }
        #expect(tier.statistics.hits > 8 * 3 * size * 97 / 100)
        #expect(tier.brokenInvariant() == nil)
    }

    @Test(arguments: [(0.0, 0.09...0.11), (0.5, 0.12...0.25), (0.8, 0.45...0.65), (1.0, 0.99...1.0)])
    func `the more of what fills memory first was used the wider its window becomes at once`(
        usedShare: Double, expected: ClosedRange<Double>
    ) {
        let tier = MemoryTier(capacity: 4 << 20, shardCount: 2)
        let value = [UInt8](repeating: 1, count: 1_000)
        for number in 0..<5_000 {
            tier.keep(value, for: .number(number))
            if Double(number % 100) < usedShare * 100 { _ = tier.find(.number(number)) }
            if tier.statistics.evictions > 0 { break }
        }
        tier.keep(value, for: .number(5_001))
        tier.keep(value, for: .number(5_002))
        for shard in tier.shards.indices {
            let share = tier.shards.withLock(shard) { $0.policy.configuration.windowShare }
            #expect(expected.contains(share))
        }
    }

    @Test func `of cycles over new keys that fit few more miss than must`() {
        var cache = ReplayedCache(capacity: 4_096)
        var misses = 0
        for cycle in 0..<12 {
            for step in 0..<4 * 3_500 {
                if !cache.access(MemoryKey.number(cycle * 10_000 + step % 3_500).hash) { misses += 1 }
            }
        }
        #expect(misses < 12 * 3_500 + 2_048, "\(misses)")
    }

    @Test(arguments: [true, false])
    func `recency keeps the lead where the cache hits what the sample has too much of`(isHit: Bool) {
        var chooser = ConfigurationChooser(capacity: 100, entryCount: 100, leader: 0)
        for key in (0..<30).flatMap({ _ in 0..<108 }) {
            _ = chooser.observe(MemoryKey.number(key).hash, weight: 1, isHit: isHit)
        }
        #expect((chooser.leader == 0) == isHit)
    }

    @Test func `what was used long ago gives way to what comes back although it has had its second chance`() {
        // Twice over keys that fit, then three times each over sets of new ones. Were the old ones as young after it as a key that has just come, 2,164 would hit.
        let requests = [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3].flatMap { set in (0..<900).map { UInt64(set * 2_000 + $0) } }
        #expect(hits(requests, capacity: 1_000, rule: .age, window: 0.1) > 3_500)
    }

    @Test func `a loop larger than the cache hits as often as the cache is large unless recency rules`() {
        let loop = (0..<40_000).map { UInt64($0 % 1_000) }
        #expect(hits(loop, capacity: 500, rule: .recency, window: 1) == 0)
        #expect(hits(loop, capacity: 500, rule: .age, window: 0.02) > 18_000)
        #expect(hits(loop, capacity: 500, rule: .frequency, window: 0.02) > 15_000)
    }

    @Test func `entries that are used survive a scan`() {
        var requests: [UInt64] = []
        for round in 0..<20 {
            for _ in 0..<5 { requests += (0..<200).map { UInt64($0) } }
            requests += (0..<1_000).map { UInt64(10_000 + round * 1_000 + $0) }
        }
        // After the first round only the scans miss.
        #expect(hits(requests, capacity: 400, rule: .age, window: 0.1) > 20 * 1_000 - 600)
    }

    @Test func `the same requests give the same victims`() {
        func victims() -> [RemovalNotice] {
            let notices = NoticeBox()
            let tier = MemoryTier(capacity: 1 << 18, removalListener: { notices.add($0) })
            var random = SeededGenerator(seed: 9)
            for _ in 0..<40_000 {
                let key = MemoryKey.number(
                    Int.random(in: 0..<Int.random(in: 1...6_000, using: &random), using: &random))
                if tier.find(key) == nil {
                    tier.keep([UInt8](repeating: 1, count: Int.random(in: 0...300, using: &random)), for: key)
                }
            }
            return notices.all
        }
        let first = victims()
        #expect(first.count > 1_000)
        #expect(first == victims())
    }

    @Test func `a large entry is not admitted and hurts nobody`() {
        let tier = MemoryTier(capacity: 1 << 20, shardCount: 1)
        for number in 0..<1_000 { tier.keep([UInt8](repeating: 1, count: 100), for: .number(number)) }
        tier.keep([UInt8](repeating: 2, count: 400_000), for: .number(5_000))
        #expect(tier.find(.number(5_000)) == nil)
        #expect(tier.statistics.entries == 1_000)
        tier.keep([UInt8](repeating: 2, count: 100_000), for: .number(5_001))
        #expect(tier.find(.number(5_001))?.bytes?.count == 100_000)
    }

    @Test func `a sketch never underestimates until it ages`() {
        var random = SeededGenerator(seed: 3)
        var sketch = FrequencySketch(width: 256, agingPeriod: 1_000_000)
        var counts: [UInt32: Int] = [:]
        for _ in 0..<2_000 {
            let key = UInt32.random(in: 0..<300, using: &random) &* 0x9E37_79B1
            sketch.add(1, to: key)
            counts[key, default: 0] += 1
        }
        for (key, count) in counts { #expect(Int(sketch.count(of: key)) >= min(15, count)) }
        #expect(counts.keys.contains { Int(sketch.count(of: $0)) < 15 })
    }

    @Test func `a ghost is remembered once with its age`() {
        var ghosts = GhostTable(capacity: 64, entryCount: 40)
        ghosts.insert(0xDEAD_BEEF, insertedAt: 10, now: 20)
        #expect(ghosts.remove(0xDEAD_BEEF, now: 35) == 25)
        #expect(ghosts.remove(0xDEAD_BEEF, now: 36) == nil)
    }
}
