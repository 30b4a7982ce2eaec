import Synchronization
import TestSupport
import Testing

@testable import Larder

@Suite struct `The capacity of memory, changed while it is used` {
    private func fill(_ tier: MemoryTier, _ count: Int = 40_000) {
        for number in 0..<count { tier.keep([UInt8](repeating: 1, count: 100), for: .number(number)) }
    }

    @Test func `if smaller, evicts; if larger, is used`() {
        let tier = MemoryTier(capacity: 2 << 20, shardCount: 1)
        fill(tier)
        let before = tier.statistics.entries
        tier.resize(capacity: 1 << 20)
        #expect(tier.statistics.bytes <= 1 << 20)
        #expect(tier.statistics.entries < before * 6 / 10)
        #expect(tier.brokenInvariant() == nil)
        tier.resize(capacity: 4 << 20)
        fill(tier)
        #expect(tier.statistics.entries > before * 3 / 2)
        #expect(tier.brokenInvariant() == nil)
    }

    @Test(arguments: [1, 4])
    func `keeps as many entries as a tier that always had it`(shardCount: Int) {
        let (small, large) = (1 << 20, 64 << 20)
        let reference = MemoryTier(capacity: small, shardCount: shardCount)
        fill(reference)
        let tier = MemoryTier(capacity: large, shardCount: shardCount)
        fill(tier, 400_000)
        tier.resize(capacity: small)
        // The tables of the many would take nearly all of it.
        #expect(tier.statistics.entries > reference.statistics.entries * 8 / 10)
        #expect(tier.statistics.bytes <= small)
        #expect(tier.brokenInvariant() == nil)
        fill(tier)
        #expect(tier.statistics.entries > reference.statistics.entries * 95 / 100)
        #expect(tier.brokenInvariant() == nil)
    }

    @Test func `evicts what is worth least`() {
        let tier = MemoryTier(capacity: 4 << 20, shardCount: 1)
        for number in 0..<10_000 {
            tier.keep([UInt8](repeating: 1, count: 100), for: .number(number))
            // What is used again and again, beside what is seen once.
            for used in 0..<20 { _ = tier.find(.number(used * 10)) }
        }
        tier.resize(capacity: 256 << 10)
        let kept = (0..<20).count { tier.find(.number($0 * 10)) != nil }
        #expect(kept == 20)
        #expect(tier.statistics.entries < 2_000)
    }

    @Test func `brings shadows where they have room now`() {
        let tier = MemoryTier(capacity: 100 << 10, shardCount: 1)
        fill(tier)
        let counters = tier.bytesBesideShards
        tier.resize(capacity: 140 << 10)
        #expect(tier.bytesBesideShards > counters)
        // Not before it was full for the first time.
        let young = MemoryTier(capacity: 100 << 10, shardCount: 1)
        young.resize(capacity: 140 << 10)
        #expect(young.bytesBesideShards == counters)
    }

    @Test func `is never told to have been exceeded`() {
        // Without shadows the shards have all of it; with them, more in all is less for the shards.
        let tier = MemoryTier(capacity: 116 << 10, shardCount: 1)
        fill(tier)
        var largest = tier.capacity
        for capacity in [118 << 10, 60 << 10, 122 << 10, 119 << 10] {
            tier.resize(capacity: capacity)
            largest = max(largest, capacity)
            fill(tier)
            #expect(tier.statistics.bytes <= capacity)
            #expect(tier.statistics.highestBytes <= largest)
            #expect(tier.statistics.highestBytes > largest * 3 / 4)
        }
    }

    @Test func `may be changed by several threads at once`() async throws {
        let tier = MemoryTier(capacity: 1 << 20, shardCount: 4)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for thread in 0..<3 {
                group.addTask {
                    try await inThread {
                        var random = SeededGenerator(seed: UInt64(thread))
                        for _ in 0..<200 {
                            tier.resize(capacity: Int.random(in: 80_000...2_000_000, using: &random))
                            for _ in 0..<200 {
                                let key = MemoryKey.number(Int.random(in: 0..<8_000, using: &random))
                                if tier.find(key) == nil { tier.keep([UInt8](repeating: 1, count: 200), for: key) }
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(tier.brokenInvariant() == nil)
        #expect(tier.statistics.bytes <= tier.capacity)
        #expect(tier.statistics.highestBytes <= 2_000_000)
        tier.resize(capacity: 300_000)
        #expect(tier.capacity == 300_000)
        #expect(tier.statistics.bytes <= 300_000)
    }

    // MARK: Of a store

    @Test func `of a store loses nothing, and the listener hears of what goes`() throws {
        let removals = Mutex(0)
        let options = StoreOptions(
            memoryCapacity: .mebibytes(8),
            removalListener: { removed in if removed.cause == .size { removals.withLock { $0 += 1 } } })
        let store = try Store.temporary(options: options)
        let cache = try store.cache("c", key: .int, value: .bytes)
        @Sendable func value(_ key: Int) -> [UInt8] { [UInt8](repeating: UInt8(key % 251), count: 200) }
        try store.writeBlocking { transaction in
            for key in 0..<10_000 { try transaction.set(value(key), for: key, in: cache) }
        }
        for key in 0..<10_000 { _ = try cache.value(for: key) }
        #expect(try store.statistics().memory.entries == 10_000)
        try store.setMemoryCapacity(.kibibytes(512))
        let memory = try store.statistics().memory
        #expect(memory.capacity == 512 << 10)
        #expect(memory.bytes <= 512 << 10)
        #expect(memory.entries + memory.evictions == 10_000)
        for key in 0..<10_000 { #expect(try cache.value(for: key) == value(key)) }
        try store.setMemoryCapacity(.mebibytes(16))
        for _ in 0..<2 { for key in 0..<10_000 { _ = try cache.value(for: key) } }
        #expect(try store.statistics().memory.entries == 10_000)
        try store.close()
        #expect(removals.withLock { $0 } >= memory.evictions)
    }

    @Test func `is refused where memory cannot have it`() throws {
        let store = try Store.temporary(options: .init(memoryCapacity: .mebibytes(1)))
        for count in [-1, 0, 1, 16 << 10] {
            #expect(code { try store.setMemoryCapacity(.bytes(count)) } == .invalidOption)
        }
        #expect(try store.statistics().memory.capacity == 1 << 20)
        try store.setMemoryCapacity(.kibibytes(32))
        #expect(try store.statistics().memory.capacity == 32 << 10)
        try store.close()
        #expect(code { try store.setMemoryCapacity(.mebibytes(1)) } == .closed)
        let off = try Store.temporary(options: .init(memoryCapacity: .bytes(0)))
        #expect(code { try off.setMemoryCapacity(.mebibytes(1)) } == .invalidOption)
    }

    @Test func `leaves room for what is known of the reads in a store with a budget on disk`() throws {
        let store = try Store.temporary(
            options: .init(purpose: .cache(diskBudget: .mebibytes(16)), memoryCapacity: .mebibytes(4)))
        let opened = try store.statistics().memory.capacity
        #expect(opened < 4 << 20)
        try store.setMemoryCapacity(.mebibytes(2))
        #expect(try store.statistics().memory.capacity == opened - (2 << 20))
    }
}
