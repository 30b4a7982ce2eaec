import LMDB
import Synchronization
import TestSupport
import Testing

@testable import Larder

@Suite struct `An entry that expires` {
    let scratch = ScratchDirectory()
    let clock = ManualClock()
    let store: Store
    let cache: Cache<Int, String>

    init() throws {
        store = try Store(at: scratch.store, options: .init(clock: clock.wallClock))
        cache = try store.cache("c", key: .int, value: .string)
    }

    /// How many records the durable tier holds, expired or not.
    private func records() throws -> Int {
        try store.withReadTransaction { try $0.statistics(of: cache.keyspace.table).entries }
    }

    @Test(arguments: [true, false])
    func `is there until its moment and not at it, in either tier`(memory: Bool) async throws {
        try await cache.set("v", for: 1, expiresIn: .milliseconds(1_000))
        for (moment, isThere) in [(0, true), (999, true), (1_000, false), (5_000, false)] {
            clock.set(1_700_000_000_000 + UInt64(moment))
            if !memory { store.memory.removeAll() }
            #expect(try cache.value(for: 1) == (isThere ? "v" : nil), "at \(moment)")
            #expect(try cache.contains(1) == isThere)
            #expect(try cache.withBytes(for: 1) { $0.count } == (isThere ? 1 : nil))
            #expect(try cache.entries().count == (isThere ? 1 : 0))
            #expect(try cache.count() == (isThere ? 1 : 0))
            let remaining: Duration? = isThere ? .milliseconds(1_000 - moment) : nil
            #expect(try cache.remainingTimeToLive(for: 1) == remaining)
        }
    }

    @Test func `is as absent as any other to what depends on that`() async throws {
        for key in 0..<6 { try await cache.set("old", for: key, expiresIn: .seconds(1)) }
        clock.advance(milliseconds: 1_000)
        #expect(try await cache.setIfAbsent("new", for: 0))
        #expect(try cache.value(for: 0) == "new")
        #expect(try await cache.remove(1) == false)
        #expect(try await cache.touch(2, expires: .never) == false)
        #expect(try cache.value(for: 2) == nil)
        #expect(try await cache.update(3) { $0 == nil })
        #expect(try await cache.value(for: 4) { _ in "loaded" } == "loaded")
        #expect(try await cache.removeAll(from: 5, to: 6) == 0)
    }

    @Test func `leaves the disk when expired entries are removed, and others stay`() async throws {
        for key in 0..<600 {
            let expiration: Expiration = key % 3 == 0 ? .never : .after(.seconds(key % 3 == 1 ? 10 : 20))
            try await store.write { [cache] in try $0.set("v", for: key, in: cache, expires: expiration) }
        }
        #expect(try await store.removeExpired() == 0)
        clock.advance(milliseconds: 10_000)
        #expect(try cache.count() == 400)
        #expect(try await removeAndCount() == 400)
        clock.advance(milliseconds: 10_000)
        #expect(try await removeAndCount() == 200)
        #expect(try store.statistics().durable.expired == 400)
        #expect(try store.withReadTransaction { try store.durable.expiryIndex.isEmpty(in: $0) })
    }

    /// Removes what has expired, here or in the store's own thread, and returns how many records are left.
    private func removeAndCount() async throws -> Int {
        try await store.removeExpired()
        return try records()
    }

    @Test func `leaves the disk behind a damaged entry of the index`() async throws {
        try await cache.set("v", for: 1, expiresIn: .seconds(1))
        try store.close()
        try RawStore.change("expiry", at: scratch.store) { $0[[0]] = [0] }
        let store = try Store(at: scratch.store, options: .init(clock: clock.wallClock))
        let cache = try store.cache("c", key: .int, value: .string)
        let deadline = try store.withReadTransaction { try store.durable.expiryIndex.earliestDeadline(in: $0) }
        #expect(deadline == 1_700_000_001_000)
        clock.advance(milliseconds: 1_000)
        try await store.removeExpired()
        #expect(try store.withReadTransaction { try $0.statistics(of: cache.keyspace.table).entries } == 0)
        try store.close()
    }

    @Test func `leaves the disk by itself`() async throws {
        for key in 0..<100 { try await cache.set("v", for: key, expiresIn: .milliseconds(1)) }
        clock.advance(milliseconds: 10)
        // The store looks by itself; how soon is not what is tested.
        try await inThread { [store] in
            try waitUntil { try store.statistics().durable.expired == 100 }
        }
        #expect(try records() == 0)
    }

    @Test(.timeLimit(.minutes(10))) func `leaves the disk while one thread writes without a pause`() async throws {
        for key in 0..<10 { try await cache.set("v", for: key, expiresIn: .seconds(1)) }
        clock.advance(milliseconds: 2_000)
        try await inThread { [store, cache] in
            repeat {
                for key in 100..<200 { try cache.setBlocking("w", for: key) }
            } while try store.statistics().durable.expired < 10
        }
        #expect(try records() == 100)
    }

    @Test func `leaves the disk after a reopen as well`() async throws {
        try await cache.set("v", for: 1, expiresIn: .milliseconds(1))
        try await cache.set("kept", for: 2)
        try store.close()
        clock.advance(milliseconds: 10)
        let again = try Store(at: scratch.store, options: .init(clock: clock.wallClock))
        try await inThread {
            try waitUntil { try again.statistics().durable.expired == 1 }
        }
        let reopened = try again.cache("c", key: .int, value: .string)
        #expect(try reopened.entries().map(\.key) == [2])
    }

    @Test func `that was written anew is not removed at its former moment`() async throws {
        try await cache.set("old", for: 1, expiresIn: .seconds(1))
        try await cache.set("forever", for: 1)
        try await cache.set("old", for: 2, expiresIn: .seconds(1))
        try await cache.set("later", for: 2, expiresIn: .seconds(100))
        try await cache.set("old", for: 3, expiresIn: .seconds(1))
        try await cache.touch(3, expires: .after(.seconds(100)))
        clock.advance(milliseconds: 1_000)
        #expect(try await store.removeExpired() == 0)
        #expect(try cache.entries().map(\.value) == ["forever", "later", "old"])
    }

    @Test func `keeps nothing in the index once it is removed or all of its cache is`() async throws {
        let other = try store.cache("other", key: .int, value: .string)
        for key in 0..<10 {
            try await cache.set("v", for: key, expiresIn: .seconds(1))
            try await other.set("v", for: key, expiresIn: .seconds(1))
        }
        for key in 0..<5 { try await cache.remove(key) }
        try await cache.removeAll()
        try store.dropCache("other")
        clock.advance(milliseconds: 2_000)
        #expect(try await store.removeExpired() == 0)
        #expect(try store.withReadTransaction { try store.durable.expiryIndex.isEmpty(in: $0) })
    }

    @Test func `comes back if the clock is set back before it was removed, and lives to its moment`() async throws {
        try await cache.set("v", for: 1, expires: .at(millisecondsSince1970: clock.now + 60_000))
        clock.advance(milliseconds: 60_000)
        #expect(try cache.value(for: 1) == nil)
        clock.set(1_700_000_000_000 + 30_000)
        // Either it was removed meanwhile, or it is the value it was; nothing else.
        let value = try cache.value(for: 1)
        #expect(value == nil || value == "v")
        #expect(try cache.contains(1) == (value != nil))
    }

    @Test func `lives longer if the clock is set back, by as much`() async throws {
        try await cache.set("v", for: 1, expiresIn: .seconds(10))
        clock.set(clock.now - 50_000)
        #expect(try cache.remainingTimeToLive(for: 1) == .seconds(60))
        clock.advance(milliseconds: 59_999)
        #expect(try cache.value(for: 1) == "v")
        clock.advance(milliseconds: 1)
        #expect(try cache.value(for: 1) == nil)
    }

    @Test func `is absent at once if its moment has passed`() async throws {
        for moment in [0, 1, clock.now - 1, clock.now] {
            try await cache.set("old", for: 1)
            try await cache.set("v", for: 1, expires: .at(millisecondsSince1970: moment))
            #expect(try cache.value(for: 1) == nil, "until \(moment)")
            store.memory.removeAll()
            #expect(try cache.value(for: 1) == nil)
        }
    }

    @Test func `is touched to another moment, and keeps its value`() async throws {
        try await cache.set("v", for: 1, expiresIn: .seconds(1))
        #expect(try await cache.touch(1, expires: .after(.seconds(5))))
        clock.advance(milliseconds: 4_999)
        #expect(try cache.value(for: 1) == "v")
        #expect(try await cache.touch(1, expires: .never))
        clock.advance(milliseconds: 1_000_000)
        #expect(try cache.value(for: 1) == "v")
        #expect(try cache.remainingTimeToLive(for: 1) == nil)
        #expect(try await cache.touch(1, expires: .after(.seconds(1))))
        #expect(try cache.remainingTimeToLive(for: 1) == .seconds(1))
        #expect(try await cache.touch(7) == false)
    }
}

@Suite struct `A cache with a default time to live` {
    let clock = ManualClock()
    let store: Store
    let cache: Cache<Int, String>

    init() throws {
        store = try Store.temporary(options: .init(clock: clock.wallClock))
        cache = try store.cache("c", key: .int, value: .string, options: .init(timeToLive: .seconds(10)))
    }

    @Test func `gives it to every entry that has none of its own`() async throws {
        try await cache.set("v", for: 1)
        _ = try await cache.setIfAbsent("v", for: 2)
        try await store.write { [cache] in try $0.set("v", for: 3, in: cache) }
        _ = try await cache.value(for: 4) { _ in "v" }
        try await cache.update(5) { $0 = "v" }
        await store.waitForLoads()
        for key in 1...5 { #expect(try cache.remainingTimeToLive(for: key) == .seconds(10), "key \(key)") }
        clock.advance(milliseconds: 10_000)
        #expect(try cache.count() == 0)
    }

    @Test func `leaves alone an entry with a time of its own, or none`() async throws {
        try await cache.set("v", for: 1, expires: .never)
        try await cache.set("v", for: 2, expiresIn: .seconds(3))
        #expect(try cache.remainingTimeToLive(for: 1) == nil)
        #expect(try cache.remainingTimeToLive(for: 2) == .seconds(3))
        clock.advance(milliseconds: 1_000_000_000)
        #expect(try cache.entries().map(\.key) == [1])
    }

    @Test func `gives it anew with every write and touch, and not with a read`() async throws {
        try await cache.set("v", for: 1)
        clock.advance(milliseconds: 6_000)
        _ = try cache.value(for: 1)
        #expect(try cache.remainingTimeToLive(for: 1) == .seconds(4))
        try await cache.touch(1)
        #expect(try cache.remainingTimeToLive(for: 1) == .seconds(10))
        clock.advance(milliseconds: 6_000)
        try await cache.set("w", for: 1)
        #expect(try cache.remainingTimeToLive(for: 1) == .seconds(10))
    }

    @Test func `is each opener's own: another one writes without`() async throws {
        let plain = try store.cache("c", key: .int, value: .string)
        try await plain.set("v", for: 1)
        #expect(try cache.remainingTimeToLive(for: 1) == nil)
    }
}

/// Counts what it decodes.
private final class CountingCoding: ValueCoding {
    private let count = Atomic<Int>(0)
    var decoded: Int { count.load(ordering: .relaxed) }
    var identifier: String { "counting" }
    func encode(_ value: Int) -> [UInt8] { [UInt8(value)] }
    func decode(_ bytes: Span<UInt8>) -> Int {
        count.add(1, ordering: .relaxed)
        return Int(bytes[0])
    }
}

@Suite struct `A cache that expires after access` {
    let clock = ManualClock()
    let store: Store
    let cache: Cache<Int, String>

    init() throws {
        store = try Store.temporary(options: .init(clock: clock.wallClock))
        cache = try store.cache("c", key: .int, value: .string, options: .init(expiresAfterAccess: .seconds(10)))
    }

    /// Waits until every commit that is queued has happened.
    private func settle() async throws {
        try await store.write { _ in }
    }

    @Test func `keeps what is read again and again, and drops what is not`() async throws {
        try await cache.set("read", for: 1)
        try await cache.set("unread", for: 2)
        for _ in 0..<10 {
            clock.advance(milliseconds: 5_000)
            #expect(try cache.value(for: 1) == "read")
            try await settle()
        }
        #expect(try cache.value(for: 2) == nil)
        #expect(try cache.entries().map(\.key) == [1])
    }

    @Test func `keeps what is read decoded in memory, and what it has earned there`() async throws {
        let coding = CountingCoding()
        let counted = try store.cache(
            "counted", key: .int, value: coding, options: .init(expiresAfterAccess: .seconds(10)))
        try await counted.set(7, for: 1)
        for round in 1...10 {
            let commits = try store.statistics().commits.commits
            clock.advance(milliseconds: 5_000)
            #expect(try counted.value(for: 1) == 7)
            try await settle()
            #expect(try counted.value(for: 1) == 7)
            #expect(try store.statistics().commits.commits == commits + 1)
            #expect(try store.statistics().memory.hits == 2 * round)
            let entry = try #require(try store.hottestEntries(1).first)
            #expect(entry.hits > 0)
        }
        #expect(coding.decoded == 0)
    }

    @Test func `brings back nothing that was written before in the same transaction, or in the same commit`()
        async throws
    {
        for key in 1...3 { try await cache.set("old", for: key) }
        clock.advance(milliseconds: 5_000)
        try await store.write { transaction in
            try transaction.set("new", for: 1, in: cache)
            let wasThere = try transaction.touch(1, in: cache)
            #expect(wasThere)
            try transaction.remove(3, in: cache)
            let isThere = try transaction.touch(3, in: cache)
            #expect(!isThere)
        }
        let outcomes = store.writeThrough.commit([
            WriteRequest { try $0.set("new", for: 2, in: cache) },
            WriteRequest { transaction in
                let wasThere = try transaction.touch(2, in: cache)
                #expect(wasThere)
            },
        ])
        #expect(outcomes.allSatisfy { $0 == nil })
        for key in 1...2 { #expect(try cache.value(for: key) == "new") }
        #expect(try cache.value(for: 3) == nil)
        store.memory.removeAll()
        for key in 1...2 { #expect(try cache.value(for: key) == "new") }
    }

    @Test func `extends the deadline on disk, not only in memory`() async throws {
        try await cache.set("v", for: 1)
        clock.advance(milliseconds: 9_000)
        _ = try cache.value(for: 1)
        try await settle()
        store.memory.removeAll()
        clock.advance(milliseconds: 9_000)
        #expect(try cache.value(for: 1) == "v")
    }

    @Test func `drops an entry between that time and a tenth more after its last access`() async throws {
        try await cache.set("v", for: 1)
        clock.advance(milliseconds: 9_999)
        #expect(try cache.contains(1))
        clock.advance(milliseconds: 1_001)
        #expect(try cache.contains(1) == false)
    }

    @Test func `writes no extension until a tenth of the time has passed`() async throws {
        try await cache.set("v", for: 1)
        let commits = try store.statistics().commits.commits
        for _ in 0..<50 { _ = try cache.value(for: 1) }
        clock.advance(milliseconds: 1_000)
        for _ in 0..<50 { _ = try cache.value(for: 1) }
        try await settle()
        #expect(try store.statistics().commits.commits == commits)
        clock.advance(milliseconds: 1)
        for _ in 0..<50 { _ = try cache.value(for: 1) }
        try await settle()
        #expect(try store.statistics().commits.commits == commits + 1)
    }

    @Test func `is not accessed by asking whether and how long`() async throws {
        try await cache.set("v", for: 1)
        clock.advance(milliseconds: 5_000)
        _ = try cache.contains(1)
        _ = try cache.remainingTimeToLive(for: 1)
        try await settle()
        #expect(try cache.remainingTimeToLive(for: 1) == .seconds(6))
        try cache.withBytes(for: 1) { _ in }
        try await settle()
        #expect(try cache.remainingTimeToLive(for: 1) == .seconds(11))
    }

    @Test func `does not bring back an entry that was removed since it was read`() async throws {
        try await cache.set("v", for: 1)
        clock.advance(milliseconds: 5_000)
        _ = try cache.value(for: 1)
        try await cache.remove(1)
        try await settle()
        #expect(try cache.value(for: 1) == nil)
    }
}
