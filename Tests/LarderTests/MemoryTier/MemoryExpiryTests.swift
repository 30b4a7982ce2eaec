import TestSupport
import Testing

@testable import Larder

/// That entries leave memory when their time has come, though nobody asks for them.
@Suite struct MemoryExpiryTests {
    private static let day: UInt64 = 86_400_000

    private func store(_ clock: ManualClock) throws -> (Store, Cache<Int, [UInt8]>) {
        let store = try Store.temporary(options: .init(removesExpired: false, clock: clock.wallClock))
        return (store, try store.cache("c", key: .int, value: .bytes))
    }

    private func fill(_ cache: Cache<Int, [UInt8]>, _ keys: Range<Int>, _ expiration: Expiration) throws {
        try cache.store.writeBlocking { transaction in
            for key in keys { try transaction.set([1, 2, 3], for: key, in: cache, expires: expiration) }
        }
        // What was appended in bulk is not kept in memory until it is read.
        for key in keys { #expect(try cache.value(for: key) != nil) }
    }

    @Test func `a commit frees what has expired`() throws {
        let clock = ManualClock()
        let (store, cache) = try store(clock)
        try fill(cache, 0..<500, .after(.seconds(10)))
        try fill(cache, 500..<600, .never)
        #expect(store.memory.statistics.entries == 600)
        clock.advance(milliseconds: 12_100)
        try cache.setBlocking([4], for: 1_000)
        #expect(store.memory.statistics.entries == 101)
        #expect(store.memory.removalCounts[.expired] == 500)
    }

    @Test func `a read from the disk frees what has expired`() throws {
        let clock = ManualClock()
        let (store, cache) = try store(clock)
        try fill(cache, 0..<500, .after(.seconds(10)))
        try cache.setBlocking([4], for: 1_000)
        store.memory.mark(try cache.memoryKey(1_000))
        store.memory.unmark(try cache.memoryKey(1_000).hash)
        clock.advance(milliseconds: 12_100)
        #expect(try cache.value(for: 1_000) == [4])
        #expect(store.memory.statistics.entries == 1)
    }

    @Test func `what a turn leaves the next takes`() throws {
        let clock = ManualClock()
        let (store, cache) = try store(clock)
        let count = MemoryUpkeep.stepsPerTurn + 2_000
        try fill(cache, 0..<count, .after(.seconds(10)))
        clock.advance(milliseconds: 12_100)
        store.writeThrough.memoryUpkeep.runIfDue()
        let left = store.memory.statistics.entries
        #expect(left > 0 && left < count)
        // The clock stands still, and yet the rest is due.
        store.writeThrough.memoryUpkeep.runIfDue()
        store.writeThrough.memoryUpkeep.runIfDue()
        #expect(store.memory.statistics.entries == 0)
    }

    @Test func `a clock that jumps years ahead frees everything that expires`() throws {
        let clock = ManualClock()
        let (store, cache) = try store(clock)
        for days in 1...100 { try fill(cache, days * 10..<days * 10 + 10, .after(.seconds(days * 86_400))) }
        clock.advance(milliseconds: 20 * 365 * Self.day)
        store.writeThrough.memoryUpkeep.runIfDue()
        #expect(store.memory.statistics.entries == 0)
    }

    @Test func `after a jump back what is written then goes in its own time`() throws {
        let clock = ManualClock()
        let (store, cache) = try store(clock)
        try fill(cache, 0..<10, .after(.seconds(60)))
        clock.set(clock.now - Self.day)
        try fill(cache, 10..<110, .after(.seconds(60)))
        #expect(store.memory.statistics.entries == 110)
        clock.advance(milliseconds: 62_100)
        store.writeThrough.memoryUpkeep.runIfDue()
        // The first ten were given their deadline by a clock a day ahead.
        #expect(store.memory.statistics.entries == 10)
        clock.advance(milliseconds: Self.day)
        // The wheels of all shards turn through a day, some steps at a time.
        for _ in 0..<20 { store.writeThrough.memoryUpkeep.runIfDue() }
        #expect(store.memory.statistics.entries == 0)
    }

    @Test func `the thread that removes records from the disk frees memory too when nothing else happens`() throws {
        let clock = ManualClock()
        let store = try Store.temporary(options: .init(clock: clock.wallClock))
        let cache = try store.cache("c", key: .int, value: .bytes)
        try fill(cache, 0..<5_000, .after(.seconds(10)))
        clock.advance(milliseconds: 20_000)
        // Any deadline wakes the thread, which then looks at the clock.
        store.groupCommit.noteDeadline(clock.now)
        try waitUntil { store.memory.statistics.entries == 0 }
    }
}
