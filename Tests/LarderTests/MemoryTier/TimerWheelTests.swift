import TestSupport
import Testing

@testable import Larder

@Suite struct TimerWheelTests {
    private static let start: UInt64 = 1_790_000_000_000

    @Test(arguments: [UInt64](1...4))
    func `every entry goes within two seconds of its time and none before`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let tier = MemoryTier(capacity: 1 << 20, shardCount: 1)
        tier.removeExpired(now: Self.start)
        var deadlines: [Int: UInt64] = [:]
        for number in 0..<2_000 {
            let magnitude = Int.random(in: 8..<34, using: &random)
            deadlines[number] = Self.start + UInt64.random(in: 1...(1 << UInt64(magnitude)), using: &random)
            tier.keep([1], for: .number(number), expiry: deadlines[number]!)
        }
        #expect(tier.statistics.entries == 2_000)
        var now = Self.start
        for _ in 0..<400 {
            now += UInt64.random(in: 0...(1 << UInt64.random(in: 0..<28, using: &random)), using: &random)
            while !tier.removeExpired(now: now, budget: 64) {}
            let left = tier.statistics.entries
            #expect(left >= deadlines.values.count { $0 > now })
            #expect(left <= deadlines.values.count { $0 + 2_048 > now })
        }
        tier.removeExpired(now: Self.start + 1 << 40)
        #expect(tier.statistics.entries == 0)
        #expect(tier.removalCounts[.expired] == 2_000)
    }

    @Test func `an expired entry is not returned even if nobody turns the wheel`() {
        let clock = ManualClock(4_999)
        let tier = MemoryTier(capacity: 1 << 20, clock: clock.wallClock)
        tier.keep([7], for: .number(1), expiry: 5_000)
        #expect(tier.find(.number(1))?.bytes == [7])
        clock.advance(milliseconds: 1)
        #expect(tier.find(.number(1)) == nil)
        #expect(tier.statistics.entries == 0)
    }

    @Test func `a clock that jumps back keeps entries and one that jumps ahead expires them`() {
        let tier = MemoryTier(capacity: 1 << 20, shardCount: 1)
        tier.removeExpired(now: Self.start)
        for number in 0..<100 { tier.keep([1], for: .number(number), expiry: Self.start + 60_000) }
        tier.removeExpired(now: Self.start - 86_400_000)
        #expect(tier.statistics.entries == 100)
        tier.removeExpired(now: Self.start + 20 * 365 * 86_400_000)
        #expect(tier.statistics.entries == 0)
    }

    @Test func `expired entries make room without evictions`() {
        let tier = MemoryTier(capacity: 1 << 20, shardCount: 1)
        tier.removeExpired(now: Self.start)
        for round in 0..<20 {
            let now = Self.start + UInt64(round) * 120_000
            tier.removeExpired(now: now)
            for number in 0..<2_000 {
                tier.keep([UInt8](repeating: 1, count: 100), for: .number(round * 2_000 + number), expiry: now + 60_000)
            }
        }
        #expect(tier.removalCounts[.size] == 0)
        #expect(tier.removalCounts[.expired] == 38_000)
    }
}
