import LMDB
import TestSupport
import Testing

@testable import Larder

@Suite struct `Statistics` {
    @Test func `count what each tier answered`() async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("v", for: 1)
        let before = try store.statistics()
        _ = try cache.value(for: 1)
        _ = try cache.value(for: 1)
        _ = try cache.value(for: 2)
        store.memory.removeAll()
        _ = try cache.value(for: 1)
        let after = try store.statistics()
        #expect(after.memory.hits - before.memory.hits == 2)
        #expect(after.memory.misses - before.memory.misses == 2)
        #expect(after.durable.hits - before.durable.hits == 1)
        #expect(after.durable.misses - before.durable.misses == 1)
        #expect(after.memory.entries == 1)
        #expect(after.memory.bytes > 0 && after.memory.bytes <= after.memory.capacity)
    }

    @Test func `count commits, transactions, changes and bytes`() async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .bytes)
        let before = try store.statistics().commits
        try await cache.set([1, 2, 3], for: 1)
        try await store.write { transaction in
            try transaction.set([4], for: 2, in: cache)
            try transaction.remove(1, in: cache)
        }
        _ = await code { try await store.write { _ in throw Refusal() } }
        let after = try store.statistics().commits
        #expect(after.commits - before.commits == 2)
        #expect(after.transactions - before.transactions == 2)
        #expect(after.changes - before.changes == 3)
        #expect(after.bytes - before.bytes == 4)
        #expect(after.failures == before.failures)
    }

    @Test func `stay within the memory budget, and count what made room`() async throws {
        let store = try Store.temporary(options: .init(memoryCapacity: .kibibytes(64)))
        let cache = try store.cache("c", key: .int, value: .bytes)
        try await store.write { transaction in
            for key in 0..<500 { try transaction.set([UInt8](repeating: 1, count: 400), for: key, in: cache) }
        }
        for key in 0..<500 { #expect(try cache.value(for: key)?.count == 400) }
        let memory = try store.statistics().memory
        #expect(memory.capacity == 64 << 10)
        #expect(memory.highestBytes <= memory.capacity)
        #expect(memory.entries < 500)
        #expect(memory.evictions > 0)
    }

    @Test func `of memory that is turned off say so, and reads go to the disk`() async throws {
        let store = try Store.temporary(options: .init(memoryCapacity: .bytes(0)))
        let cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("v", for: 1)
        for _ in 0..<3 { #expect(try cache.value(for: 1) == "v") }
        let statistics = try store.statistics()
        #expect(statistics.memory.hits == 0 && statistics.memory.entries == 0 && statistics.memory.bytes == 0)
        #expect(statistics.durable.hits == 3)
    }

    @Test func `count the readers that are active`() throws {
        let store = try Store.temporary()
        try store.read { _ in
            let nested = try store.read { _ in try store.statistics().durable.activeReaders }
            #expect(nested == 2)
        }
        #expect(try store.statistics().durable.activeReaders == 0)
    }
}
