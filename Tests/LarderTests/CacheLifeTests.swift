import LMDB
import TestSupport
import Testing

@testable import Larder

@Suite struct `Dropping a cache` {
    let scratch = ScratchDirectory()

    @Test func `removes its entries from both tiers, and those of no other`() async throws {
        let store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: .string)
        let other = try store.cache("other", key: .int, value: .string)
        for key in 0..<10 {
            try await cache.set("v", for: key, expiresIn: .seconds(100))
            try await other.set("w", for: key)
        }
        #expect(try cache.value(for: 1) == "v")
        #expect(try store.dropCache("c"))
        #expect(code { _ = try cache.value(for: 1) } == .cacheDropped)
        #expect(code { _ = try cache.contains(1) } == .cacheDropped)
        #expect(code { _ = try cache.count() } == .cacheDropped)
        #expect(code { _ = try cache.entries() } == .cacheDropped)
        #expect(await code { try await cache.set("v", for: 1) } == .cacheDropped)
        #expect(await code { try await cache.remove(1) } == .cacheDropped)
        #expect(await code { try await cache.removeAll() } == .cacheDropped)
        #expect(await code { _ = try await cache.value(for: 99) { _ in "v" } } == .cacheDropped)
        #expect(try other.value(for: 1) == "w")
        #expect(try other.count() == 10)
        #expect(try store.caches().map(\.name) == ["other"])
        #expect(try store.dropCache("c") == false)
        try store.close()
        #expect(try Store(at: scratch.store).caches().map(\.name) == ["other"])
    }

    @Test func `lets another of that name be made, of other types, and it is empty`() async throws {
        let store = try Store(at: scratch.store)
        let old = try store.cache("c", key: .int, value: .string)
        try await old.set("old", for: 1)
        try store.dropCache("c")
        let new = try store.cache("c", key: .int, value: .bytes)
        #expect(try new.value(for: 1) == nil)
        #expect(try new.count() == 0)
        try await new.set([1], for: 1)
        #expect(code { _ = try old.value(for: 1) } == .cacheDropped)
        #expect(await code { try await old.set("old", for: 1) } == .cacheDropped)
        #expect(try new.entries().map(\.value) == [[1]])
    }

    @Test func `waits for readers, and races with writers without harm`() async throws {
        let store = try Store(at: scratch.store)
        for round in 0..<15 {
            let cache = try store.cache("c", key: .int, value: .int)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<4 {
                    group.addTask {
                        for key in 0..<30 {
                            let outcome = await code {
                                if task < 2 {
                                    try await cache.set(round, for: key)
                                } else {
                                    let value = try cache.value(for: key)
                                    #expect(value == nil || value == round)
                                }
                            }
                            #expect(outcome == nil || outcome == .cacheDropped)
                        }
                    }
                }
                group.addTask {
                    let wasThere = try await inThread { try store.dropCache("c") }
                    #expect(wasThere)
                }
                try await group.waitForAll()
            }
        }
        #expect(try store.caches().isEmpty)
    }
}

@Suite struct `A cache with a raised version` {
    let scratch = ScratchDirectory()

    @Test func `hides the records of earlier ones, in every way of reading`() async throws {
        let store = try Store(at: scratch.store)
        let old = try store.cache("c", key: .int, value: .string)
        for key in 0..<5 { try await old.set("old", for: key) }
        #expect(try old.value(for: 1) == "old")
        let new = try store.cache("c", key: .int, value: .string, options: .init(version: 1))
        #expect(try new.value(for: 1) == nil)
        #expect(try new.contains(1) == false)
        #expect(try new.entries().isEmpty)
        #expect(try new.count() == 0)
        #expect(try await new.setIfAbsent("new", for: 1))
        #expect(try await new.remove(2) == false)
        #expect(try await new.touch(3, expires: .never) == false)
        #expect(try await new.value(for: 4) { _ in "loaded" } == "loaded")
        await store.waitForLoads()
        #expect(try new.entries().map(\.value) == ["new", "loaded"])
        #expect(try new.count() == 2)
        #expect(try store.caches().map(\.version) == [1])
    }

    @Test func `stays raised over a reopen, and refuses the earlier one's handles`() async throws {
        var store = try Store(at: scratch.store)
        let old = try store.cache("c", key: .int, value: .string, options: .init(version: 4))
        try await old.set("old", for: 1)
        let new = try store.cache("c", key: .int, value: .string, options: .init(version: 7))
        try await new.set("new", for: 2)
        #expect(code { _ = try old.value(for: 1) } == .newerCacheVersion)
        #expect(await code { try await old.set("old", for: 2) } == .newerCacheVersion)
        try store.close()
        store = try Store(at: scratch.store)
        #expect(
            code { _ = try store.cache("c", key: .int, value: .string, options: .init(version: 4)) }
                == .newerCacheVersion)
        let again = try store.cache("c", key: .int, value: .string, options: .init(version: 7))
        #expect(try again.entries().map(\.value) == ["new"])
    }

    @Test func `is no error for another coding that was not recorded`() throws {
        let store = try Store(at: scratch.store)
        _ = try store.cache("c", key: .int, value: .string)
        let refusal = code { _ = try store.cache("c", key: .int, value: .bytes, options: .init(version: 1)) }
        #expect(refusal == .codingMismatch)
        #expect(try store.caches().map(\.version) == [0])
    }
}
