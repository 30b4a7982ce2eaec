import Synchronization
import TestSupport
import Testing

@testable import Larder

/// Removal notices from any thread.
final class NoticeBox: Sendable {
    private let notices = Mutex<[RemovalNotice]>([])

    func add(_ notice: RemovalNotice) { notices.withLock { $0.append(notice) } }
    var all: [RemovalNotice] { notices.withLock { $0 } }
}

@Suite struct MemoryTierTests {
    @Test func `values of every size and kind come back as they were`() {
        let tier = MemoryTier(capacity: 8 << 20)
        for size in [0, 1, 7, 8, 99, 1_023, 1_024, 1_025, 5_000, 100_000] {
            let value = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
            tier.keep(value, for: .number(size))
            #expect(tier.find(.number(size))?.bytes == value)
            let key = MemoryKey.number(size)
            let borrowed = tier.withBytes(
                for: key.bytes.span, hash: key.hash, keyspace: 1, floor: 0
            ) {
                bytes, _ in [UInt8](copying: bytes)
            }
            #expect(borrowed == value)
        }
        let object = DecodedValue("a decoded value")
        tier.populate(.object(object, cost: 500), for: .number(999_999), version: 1, expiry: 0) { 0 }
        guard case .object(let found, let cost)? = tier.find(.number(999_999))?.value else {
            Issue.record("the object is not there")
            return
        }
        #expect(ObjectIdentifier(found) == ObjectIdentifier(object))
        #expect(cost == 504)
        #expect(tier.brokenInvariant() == nil)
    }

    @Test(arguments: [0, 1_000, 32_767])
    func `a tier that is too small uses no memory and keeps nothing`(capacity: Int) {
        let tier = MemoryTier(capacity: capacity)
        tier.mark(.number(1))
        tier.install(.bytes([1]), for: .number(1), version: 1, expiry: 0) { 0 }
        #expect(tier.find(.number(1)) == nil)
        #expect(tier.statistics.bytes == 0)
    }

    @Test func `a tier of the least size keeps some entries`() {
        let tier = MemoryTier(capacity: MemoryTier.leastCapacity)
        for number in 0..<1_000 { tier.keep([1], for: .number(number)) }
        #expect(tier.statistics.entries > 50)
        #expect(tier.statistics.highestBytes <= MemoryTier.leastCapacity)
    }

    @Test func `the same key in two caches is two keys`() {
        let tier = MemoryTier(capacity: 1 << 20)
        let one = MemoryKey.number(1, keyspace: 1)
        let two = MemoryKey(keyspace: 2, hash: one.hash, bytes: one.bytes)
        tier.keep([1], for: one)
        tier.keep([2], for: two)
        #expect(tier.find(one)?.bytes == [1])
        #expect(tier.find(two)?.bytes == [2])
    }

    @Test func `objects are let go when their entry leaves`() {
        weak var evicted: DecodedValue<Int>?
        weak var kept: DecodedValue<Int>?
        do {
            let tier = MemoryTier(capacity: 1 << 20)
            do {
                let first = DecodedValue(1)
                let second = DecodedValue(2)
                (evicted, kept) = (first, second)
                tier.populate(.object(first, cost: 8), for: .number(1), version: 1, expiry: 0) { 0 }
                tier.populate(.object(second, cost: 8), for: .number(2), version: 1, expiry: 0) { 0 }
            }
            tier.mark(.number(1))
            #expect(evicted == nil)
            #expect(kept != nil)
        }
        #expect(kept == nil)
    }

    @Test(arguments: [64 << 10, 1 << 20, 3 << 20])
    func `memory never exceeds the budget whatever many threads write`(capacity: Int) async {
        let tier = MemoryTier(capacity: capacity)
        await withTaskGroup(of: Int.self) { group in
            for thread in 0..<8 {
                group.addTask {
                    var random = SeededGenerator(seed: UInt64(thread))
                    var highest = 0
                    for step in 0..<8_000 {
                        // One thread changes the budget now and then.
                        if thread == 0, step % 400 == 399 {
                            tier.resize(capacity: step % 800 == 799 ? capacity : capacity / 2)
                        }
                        let key = MemoryKey.number(Int.random(in: 0..<30_000, using: &random))
                        let size = Int.random(in: 0...(step % 50 == 0 ? 60_000 : 600), using: &random)
                        if tier.find(key) == nil { tier.keep([UInt8](repeating: 3, count: size), for: key) }
                        if step % 64 == 0 { highest = max(highest, tier.statistics.bytes) }
                    }
                    return highest
                }
            }
            for await highest in group { #expect(highest <= capacity) }
        }
        #expect(tier.statistics.highestBytes <= capacity)
        #expect(tier.statistics.highestBytes > capacity / 2)
        #expect(tier.removalCounts[.size] > 0)
        #expect(tier.brokenInvariant() == nil)
    }

    @Test(arguments: [UInt64](1...3))
    func `large shards keep to the budget with what is touched besides for huge pages`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let tier = MemoryTier(capacity: 16 << 20, shardCount: 1)
        for step in 0..<40_000 {
            let key = MemoryKey.number(Int.random(in: 0..<20_000, using: &random))
            switch Int.random(in: 0..<40, using: &random) {
            case 0: tier.populate(.object(DecodedValue(step), cost: 60_000), for: key, version: 1, expiry: 0) { 0 }
            case 1:
                tier.mark(key)
                tier.unmark(key.hash)
            default: tier.keep([UInt8](repeating: 1, count: Int.random(in: 0...1_800, using: &random)), for: key)
            }
            if step % 13_000 == 12_999 { tier.removeAll() }
            if step % 1_000 == 0 { try #require(tier.brokenInvariant() == nil) }
        }
        #expect(tier.statistics.highestBytes <= 16 << 20)
    }

    @Test(arguments: [
        (1 << 20, 64, 1), (8 << 20, 64, 2), (15 << 20, 64, 2), (64 << 20, 64, 16), (1 << 40, 64, 32),
        (1 << 40, 2, 4), (1 << 40, 3, 8), (1 << 40, 1, 2), (8 << 20, 1, 2),
    ])
    func `has two shards for each processor at most, and no small ones`(capacity: Int, processors: Int, count: Int) {
        #expect(MemoryTier.shardCount(for: capacity, processors: processors) == count)
    }

    @Test func `bookkeeping takes at most 64 bytes for each entry even when ghosts and sketch are there`() {
        let capacity = 24 << 20
        let tier = MemoryTier(capacity: capacity, shardCount: 4)
        for number in 0..<200_000 { tier.keep([UInt8](repeating: 1, count: 100), for: .number(number)) }
        let statistics = tier.statistics
        #expect(statistics.evictions > 0)
        let ofEntries = statistics.bytes - tier.bytesBesideShards
        let beyond = Double(ofEntries) / Double(statistics.entries) - 116
        #expect(beyond <= 64, "\(beyond) bytes for each entry")
    }

    @Test func `the listener hears of each entry that leaves and why`() {
        let notices = NoticeBox()
        let clock = ManualClock(10)
        let tier = MemoryTier(capacity: 1 << 20, clock: clock.wallClock, removalListener: { notices.add($0) })
        let key = MemoryKey.number(1)
        tier.keep([1], for: key)
        tier.keep([2], for: key)
        tier.mark(key)
        tier.install(.bytes([3]), for: key, version: 2, expiry: 11) { 0 }
        clock.set(11)
        #expect(tier.find(key) == nil)
        tier.keep([4], for: key, version: 3)
        #expect(tier.find(key, floor: 4) == nil)
        tier.populate(.bytes([5]), for: key, version: 4, expiry: 0) { 4 }
        #expect(notices.all.map(\.cause) == [.replaced, .written, .expired, .outdated])
        #expect(notices.all.allSatisfy { $0.key == key.bytes && $0.keyspace == 1 })
    }

    @Test func `the hottest keys are those that are used`() {
        let tier = MemoryTier(capacity: 1 << 20, shardCount: 1)
        for round in 0..<40 {
            for number in 0..<100 where tier.find(.number(number)) == nil { tier.keep([1], for: .number(number)) }
            for number in 0..<400 { tier.keep([1], for: .number(10_000 + round * 400 + number)) }
        }
        let hot = Set((0..<100).map { MemoryKey.number($0).bytes })
        #expect(tier.hottest(100).count { hot.contains($0.key) } >= 95)
        // By the bytes of their keys: the same ones, in the order of their ranks, and no more than was asked for.
        for bytes in [0, 15, 100 * 18, 1_000 * 18, .max] {
            let found = tier.hottest(keyBytes: bytes, overhead: 2)
            #expect(found.count == min(bytes / 18, tier.statistics.entries))
            #expect(Set(found.map(\.key)).count == found.count)
            if found.count >= 100 { #expect(found.prefix(100).count { hot.contains($0.key) } >= 95) }
        }
        #expect(tier.coldest(1_000).count { hot.contains($0.key) } == 0)
        #expect(tier.sizeHistogram.reduce(0, +) == tier.statistics.entries)
        #expect(tier.ageHistogram.reduce(0, +) == tier.statistics.entries)
    }

    @Test func `few entries of great cost are held and evicted as many small ones are`() {
        for count in [10, 37, 300] {
            let unit = 4 << 20
            let tier = MemoryTier(capacity: count * unit + unit / 2, shardCount: 1)
            let value = DecodedValue(0)
            for number in 0..<count * 20 {
                let key = MemoryKey.number(number % (count * 3) * (number % 7 + 1))
                if tier.find(key) == nil {
                    tier.populate(.object(value, cost: unit - 48), for: key, version: 0, expiry: 0) { 0 }
                }
                #expect(tier.brokenInvariant() == nil)
                #expect(tier.statistics.entries <= count)
            }
            #expect(tier.statistics.entries == count)
        }
    }

    @Test func `an index in which entries come and go for long stays as it was built`() {
        var random = SeededGenerator(seed: 5)
        var index = EntryIndex(largestByteCount: 64 << 10)
        // Blocks in which nobody's key stands.
        let blocks = MappedMemory(byteCount: 1 << 20)
        var held: [(entry: EntryReference, fingerprint: UInt32)] = []
        for entry in 1...20_000 as ClosedRange<EntryReference> {
            let fingerprint = UInt32.random(in: .min ... .max, using: &random)
            if held.count == 392 {
                let victim = held.remove(at: Int.random(in: 0..<held.count, using: &random))
                index.remove(victim.entry, victim.fingerprint)
            }
            index.insert(entry, fingerprint, mark: UseMark(byte: 0))
            held.append((entry, fingerprint))
            let broken = entry % 100 == 0 ? index.brokenInvariant() : nil
            #expect(broken == nil)
            let view = ShardView(
                index: index.address, rows: index.rows, arena: blocks.address, arenaByteCount: blocks.byteCount)
            let absent = view.find([1].span, fingerprint ^ 0x5555_5555, keyspace: 0).isThere
            #expect(!absent)
        }
        for (entry, fingerprint) in held {
            index.setMark(UseMark(hits: 2, epoch: 9), of: entry, fingerprint)
            #expect(index.mark(of: entry, fingerprint) == UseMark(hits: 2, epoch: 9))
        }
    }
}
