import LMDB
import TestSupport
import Testing

@testable import Larder

@Suite(.enabled(if: canMount, "mounting a file system needs root"))
struct `A store on a full disk` {
    let scratch = ScratchDirectory()

    @Test func `refuses a write whole, keeps both tiers one, and goes on after a removal`() async throws {
        await #expect(processExitsWith: .success) { [path = scratch.path as String] in
            // What is mounted is there for this thread and those it starts.
            try await inThread {
                #expect(mountPrivately(at: path, bytes: 4 << 20))
                let store = try Store(at: path + "/store")
                let cache = try store.cache("c", key: .int, value: .bytes)
                var count = 0
                var outcome: LarderError.Code?
                while outcome == nil {
                    let key = count
                    outcome = code {
                        try store.writeBlocking { transaction in
                            try transaction.set([UInt8](repeating: 1, count: 100_000), for: key, in: cache)
                            try transaction.set([UInt8(key)], for: -1, in: cache)
                        }
                    }
                    if outcome == nil { count += 1 }
                }
                #expect(outcome == .diskFull)
                #expect(try store.statistics().commits.failures == 1)
                for memory in [true, false] {
                    if !memory { store.memory.removeAll() }
                    #expect(try cache.value(for: -1) == [UInt8(count - 1)])
                    #expect(try cache.contains(count) == false)
                    for key in 0..<count { #expect(try cache.value(for: key)?.count == 100_000) }
                }
                for key in 0..<count / 2 { try cache.removeBlocking(key) }
                try cache.setBlocking([9], for: 1_000)
                #expect(try cache.value(for: 1_000) == [9])
                try store.close()
                let again = try Store(at: path + "/store").cache("c", key: .int, value: .bytes)
                #expect(try again.value(for: 1_000) == [9])
            }
        }
    }
}

@Suite struct `A commit that fails` {
    let scratch = ScratchDirectory()

    @Test func `is a typed error, leaves nothing in either tier, and is followed by others`() async {
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let store = try Store(at: path)
            let cache = try store.cache("c", key: .int, value: .string)
            try await cache.set("old", for: 1)
            try await cache.set("old", for: 2)
            let outcomes = try await withFailingWrites {
                (
                    await code { try await cache.set("new", for: 1) },
                    await code {
                        try await store.write { transaction in
                            try transaction.set("new", for: 1, in: cache)
                            try transaction.remove(2, in: cache)
                        }
                    }, await code { try await cache.removeAll() }
                )
            }
            #expect(outcomes.0 == .fileSystem && outcomes.1 == .fileSystem && outcomes.2 == .fileSystem)
            #expect(try store.statistics().commits.failures == 3)
            for memory in [true, false] {
                if !memory { store.memory.removeAll() }
                #expect(try cache.entries().map(\.value) == ["old", "old"])
                #expect(try cache.value(for: 1) == "old")
                #expect(try cache.value(for: 2) == "old")
            }
            try await cache.set("new", for: 1)
            #expect(try cache.value(for: 1) == "new")
        }
    }

    @Test func `tells every task that shared it`() async {
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let store = try Store(at: path)
            let cache = try store.cache("c", key: .int, value: .int)
            let failures = try await withFailingWrites {
                await withTaskGroup(of: Bool.self) { group in
                    for key in 0..<50 {
                        group.addTask { await code { try await cache.set(key, for: key) } == .fileSystem }
                    }
                    return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
                }
            }
            #expect(failures == 50)
            #expect(try cache.count() == 0)
            try await cache.set(1, for: 1)
            #expect(try cache.entries().map(\.key) == [1])
        }
    }

    @Test func `leaves a loaded value unkept, and whoever asked has it all the same`() async {
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let store = try Store(at: path)
            let cache = try store.cache("c", key: .int, value: .string)
            let (loaded, kept) = try await withFailingWrites {
                let loaded = try await cache.value(for: 1) { _ in "loaded" }
                await store.waitForLoads()
                return (loaded, try cache.value(for: 1))
            }
            #expect(loaded == "loaded")
            #expect(kept == nil)
            #expect(try await cache.value(for: 1) { _ in "again" } == "again")
            await store.waitForLoads()
            #expect(try cache.value(for: 1) == "again")
        }
    }

    @Test func `to drop a cache keeps it under its name, to be opened again, and no other takes its place`() async {
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let store = try Store(at: path)
            let cache = try store.cache("c", key: .int, value: .bytes)
            try await cache.set([7], for: 1)
            #expect(try await withFailingWrites { code { _ = try store.dropCache("c") } } == .fileSystem)
            #expect(code { _ = try cache.value(for: 1) } == .cacheDropped, "LMDB has closed its handle all the same")
            let other = try store.cache("other", key: .int, value: .bytes)
            try await other.set([8], for: 1)
            let again = try store.cache("c", key: .int, value: .bytes)
            #expect(try again.value(for: 1) == [7])
            try await again.set([9], for: 2)
            #expect(try again.entries().map(\.value) == [[7], [9]])
            #expect(try other.entries().map(\.value) == [[8]])
        }
    }

    @Test func `to make a cache or to raise its version leaves it as it was`() async {
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let store = try Store(at: path)
            let cache = try store.cache("c", key: .int, value: .int)
            try await cache.set(1, for: 1)
            try await withFailingWrites {
                #expect(code { _ = try store.cache("d", key: .int, value: .int) } == .fileSystem)
                let raised = code { _ = try store.cache("c", key: .int, value: .int, options: .init(version: 1)) }
                #expect(raised == .fileSystem)
            }
            #expect(try store.caches().map(\.name) == ["c"])
            #expect(try cache.value(for: 1) == 1)
            try await cache.set(2, for: 1)
            let made = try store.cache("d", key: .int, value: .int)
            try await made.set(3, for: 1)
            #expect(try cache.value(for: 1) == 2)
        }
    }
}
