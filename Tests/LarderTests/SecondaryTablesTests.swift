import TestSupport
import Testing

@testable import Larder

@Suite struct `What is known of the tables beside the records` {
    let scratch = ScratchDirectory()
    let store: Store
    let cache: Cache<Int, String>

    init() throws {
        store = try Store(at: scratch.store, options: .init(removesExpired: false))
        cache = try store.cache("c", key: .int, value: .string)
    }

    private func isAnythingIndexed() throws -> Bool {
        try store.withReadTransaction { transaction in
            let (durable, tags) = (store.durable, store.durable.tagIndex)
            return try !durable.expiryIndex.isEmpty(in: transaction) || !tags.isEmpty(in: transaction)
        }
    }

    @Test func `does not outlive what this process puts there`() async throws {
        for round in 0..<3 {
            try await cache.set("stays", for: round)
            try await cache.set("expires", for: 1, expires: .after(.seconds(60)))
            #expect(try isAnythingIndexed())
            try await cache.set("stays", for: 1)
            #expect(try !isAnythingIndexed())
        }
        // Nor what a transaction puts there that is undone.
        struct Undone: Error {}
        await #expect(throws: Undone.self) {
            try await store.write { transaction in
                try transaction.set("expires", for: 2, in: cache, expires: .after(.seconds(60)))
                throw Undone()
            }
        }
        try await store.write { transaction in
            try transaction.set("expires", for: 2, in: cache, expires: .after(.seconds(60)))
            try transaction.set("stays", for: 2, in: cache)
        }
        #expect(try !isAnythingIndexed())
    }

    @Test func `does not outlive what another process puts there`() async throws {
        try await cache.set("ours", for: 1)
        try await cache.set("ours", for: 1)
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let cache = try Store(at: path, options: .init(removesExpired: false)).cache("c", key: .int, value: .string)
            try await cache.set("theirs", for: 1, expires: .after(.seconds(60)))
        }
        #expect(try isAnythingIndexed())
        try await cache.set("ours", for: 1)
        #expect(try !isAnythingIndexed())
        #expect(try cache.remainingTimeToLive(for: 1) == nil)
    }
}
