import LMDB
import TestSupport
import Testing

@testable import Larder

@Suite struct `Coherence of the two tiers` {
    let scratch = ScratchDirectory()
    let clock = ManualClock()

    /// Sets key 1 of cache `c` to "theirs", in another process.
    private func writeElsewhere() async {
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let store = try Store(at: path)
            let cache = try store.cache("c", key: .int, value: .string)
            try await cache.set("theirs", for: 1)
        }
    }

    @Test func `is not deceived by a sweep that finds nothing left to remove`() async throws {
        let store = try Store(at: scratch.store, options: .init(clock: clock.wallClock))
        let cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("ours", for: 1)
        try await cache.set("brief", for: 2, expiresIn: .milliseconds(1))
        clock.advance(milliseconds: 1)
        // Two sweeps plan the same; the second then changes nothing. If it were published, the next commit of another process would pass
        // for one of ours.
        let plan = try store.sweep.plan(now: clock.now)
        try await store.removeExpired()
        let removed = try await store.write { [sweep = store.sweep] in try sweep.remove(plan.entries, in: $0) }
        #expect(removed == 0)
        #expect(try cache.value(for: 1) == "ours")
        let again = try await store.write { [sweep = store.sweep] in try sweep.remove(plan.entries, in: $0) }
        #expect(again == 0)
        await writeElsewhere()
        #expect(try cache.value(for: 1) == "theirs")
    }

    @Test func `is not deceived by transactions that change nothing`() async throws {
        let store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("ours", for: 1)
        let before = store.durable.environment.lastTransactionID
        try await cache.remove(2)
        try await store.write { transaction in _ = try transaction.value(for: 1, in: cache) }
        #expect(try await cache.setIfAbsent("other", for: 1) == false)
        #expect(try await cache.touch(3, expires: .after(.seconds(1))) == false)
        #expect(try await cache.removeAll(from: 100, to: 200) == 0)
        await #expect(throws: Refusal.self) {
            try await store.write { transaction in
                try transaction.set("undone", for: 1, in: cache)
                throw Refusal()
            }
        }
        #expect(store.durable.environment.lastTransactionID == before)
        #expect(try cache.value(for: 1) == "ours")
        await writeElsewhere()
        #expect(try cache.value(for: 1) == "theirs")
    }

    @Test func `keeps a value out of memory that was read before a write`() async throws {
        let store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("old", for: 1)
        let old = store.durable.environment.lastTransactionID
        try await cache.set("new", for: 1)
        let key = try cache.memoryKey(1)
        // As a reader would that began before the write, and was not scheduled until after it.
        store.memory.populate(cache.memoryValue("old", payloadSize: 3), for: key, version: old, expiry: 0) {
            store.coherence.floorNow
        }
        #expect(try cache.value(for: 1) == "new")
        try await cache.remove(1)
        store.memory.populate(cache.memoryValue("new", payloadSize: 3), for: key, version: old + 1, expiry: 0) {
            store.coherence.floorNow
        }
        #expect(try cache.value(for: 1) == nil)
    }

    @Test func `keeps a value out of memory while a write of its key is pending`() async throws {
        let store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("old", for: 1)
        let key = try cache.memoryKey(1)
        let last = store.durable.environment.lastTransactionID
        store.memory.mark(key)
        let populate = {
            store.memory.populate(cache.memoryValue("old", payloadSize: 3), for: key, version: last, expiry: 0) {
                store.coherence.floorNow
            }
        }
        func isInMemory() throws -> Bool {
            try cache.withEncoded(1) { bytes, hash in
                store.memory.lookup(
                    bytes, hash: hash, keyspace: cache.keyspace.memoryNumber,
                    floor: 0)
                    != nil
            }
        }
        populate()
        #expect(try !isInMemory())
        store.memory.unmark(key.hash)
        populate()
        #expect(try isInMemory())
    }

    @Test func `forgets what was read before another process wrote`() async throws {
        let store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("ours", for: 1)
        let version = store.durable.environment.lastTransactionID
        await writeElsewhere()
        #expect(try cache.value(for: 1) == "theirs")
        store.memory.populate(
            cache.memoryValue("ours", payloadSize: 4), for: try cache.memoryKey(1), version: version, expiry: 0
        ) { store.coherence.floorNow }
        #expect(try cache.value(for: 1) == "theirs")
    }

    @Test func `answers with what was committed while readers and writers race, tier by tier`() async throws {
        // A writer sets all keys to one number, then to the next; a reader that has seen a number sees no smaller one again, of any key.
        let store = try Store(at: scratch.store, options: .init(memoryCapacity: .kibibytes(64)))
        let cache = try store.cache("c", key: .int, value: .int)
        try await store.write { transaction in for key in 0..<50 { try transaction.set(0, for: key, in: cache) } }
        let isDone = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for reader in 0..<3 {
                group.addTask {
                    try await inThread {
                        var seen = 0
                        var generator = SeededGenerator(seed: UInt64(reader))
                        while !isDone.isOpenNow {
                            let key = Int.random(in: 0..<50, using: &generator)
                            let value = try cache.value(for: key) ?? -1
                            if value < seen { return #expect(value >= seen) }
                            seen = value
                        }
                    }
                }
            }
            group.addTask {
                defer { isDone.open() }
                for number in 1...150 {
                    try await store.write { transaction in
                        for key in 0..<50 { try transaction.set(number, for: key, in: cache) }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try cache.value(for: 49) == 150)
    }
}
