import Testing

@testable import Larder

@Suite struct `An index of the memory tier` {
    /// The entries of one fingerprint that fit: seven slots of a row, and its count of passers-by.
    private static let most = EntryIndex.slots + Int(UInt8.max)

    /// Adds entries of a fingerprint until there is no place. Returns how many.
    private func fill(_ index: inout EntryIndex, _ fingerprint: UInt32) -> Int {
        let before = index.count
        while !index.isFull, index.hasPlace(for: fingerprint) {
            let entry = EntryReference(index.count + 1)
            index.insert(entry, fingerprint, mark: UseMark(byte: 0))
            index.setMark(UseMark(hits: 1, epoch: 7), of: entry, fingerprint)
        }
        return index.count - before
    }

    @Test func `has no place for more entries of one fingerprint than their row can count, until one leaves`() {
        var index = EntryIndex(largestByteCount: 256 << 10)
        let hasGrown = index.grow(for: 3_000)
        #expect(hasGrown)
        let count = fill(&index, .max)
        #expect(count == Self.most)
        let hasOtherPlace = index.hasPlace(for: 0x8000_0000)
        #expect(hasOtherPlace)
        var broken = index.brokenInvariant()
        #expect(broken == nil)
        index.remove(5, .max)
        let hasPlace = index.hasPlace(for: .max)
        #expect(hasPlace)
        broken = index.brokenInvariant()
        #expect(broken == nil)
    }

    @Test func `does not grow into a table in which an entry has no place`() {
        var index = EntryIndex(largestByteCount: 256 << 10)
        var hasGrown = index.grow(for: 400)
        #expect(hasGrown)
        let rows = index.rows
        // The last fingerprint of the first row, and the first of the next, which share a row in a table a little larger.
        let boundary = UInt32((UInt64(1) << 32 + UInt64(rows) - 1) / UInt64(rows))
        let first = fill(&index, boundary - 1)
        let second = fill(&index, boundary)
        #expect(first == Self.most)
        #expect(second == EntryIndex.slots)
        hasGrown = index.grow(for: 420)
        #expect(!hasGrown)
        let after = (index.rows, index.count)
        #expect(after == (rows, first + second))
        let broken = index.brokenInvariant()
        #expect(broken == nil)
        let mark = index.mark(of: 3, boundary - 1)
        #expect(mark == UseMark(hits: 1, epoch: 7))
    }

    @Test func `that has no place for an entry makes the tier reject it and harms no other`() {
        let tier = MemoryTier(capacity: 1 << 20, shardCount: 1)
        let alike = (0..<400).map { number in
            MemoryKey(
                keyspace: 1, hash: 0x1234_5678_9ABC_DEF0,
                bytes: [UInt8(truncatingIfNeeded: number), UInt8(number >> 8)])
        }
        for key in alike { tier.keep([1, 2, 3], for: key) }
        #expect(tier.brokenInvariant() == nil)
        #expect(tier.statistics.entries == Self.most)
        #expect(alike.count { tier.find($0) != nil } == Self.most)
        // The index grows meanwhile.
        for number in 0..<3_000 { tier.keep([4], for: .number(number)) }
        #expect(tier.brokenInvariant() == nil)
        #expect(alike.count { tier.find($0) != nil } == Self.most)
        tier.mark(alike[0])
        tier.unmark(alike[0].hash)
        tier.keep([5], for: alike[399])
        #expect(tier.find(alike[399])?.bytes == [5])
        #expect(tier.find(alike[0]) == nil)
        #expect(tier.brokenInvariant() == nil)
    }
}
