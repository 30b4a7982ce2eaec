import LMDB
import Larder
import TestSupport
import Testing

/// Runs in another process: opens the store and its cache `c` of `Int` keys and `String` values.
private func openElsewhere(_ path: String, version: UInt16 = 0) throws -> (Store, Cache<Int, String>) {
    let store = try Store(at: path)
    return (store, try store.cache("c", key: .int, value: .string, options: .init(version: version)))
}

@Suite struct `Another process on the same store` {
    let scratch = ScratchDirectory()
    let store: Store
    let cache: Cache<Int, String>

    init() throws {
        store = try Store(at: scratch.store)
        cache = try store.cache("c", key: .int, value: .string)
    }

    @Test func `is heard at once by whoever has the value in memory`() async throws {
        try await cache.set("ours", for: 1)
        try await cache.set("ours", for: 2)
        #expect(try cache.value(for: 1) == "ours")
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let (_, cache) = try openElsewhere(path)
            #expect(try cache.value(for: 1) == "ours")
            try await cache.set("theirs", for: 1)
            try await cache.remove(2)
        }
        #expect(try cache.value(for: 1) == "theirs")
        #expect(try cache.value(for: 2) == nil)
        #expect(try cache.contains(2) == false)
        #expect(try store.statistics().foreignCommits > 0)
    }

    @Test func `is not undone in memory by a new deadline`() async throws {
        try await cache.set("ours", for: 1)
        #expect(try cache.value(for: 1) == "ours")
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let (_, cache) = try openElsewhere(path)
            try await cache.set("theirs", for: 1)
        }
        // Nobody has read since, and so noticed.
        #expect(try await cache.touch(1, expires: .after(.seconds(100))))
        #expect(try cache.value(for: 1) == "theirs")
        #expect(try await cache.touch(1, expires: .after(.seconds(200))))
        #expect(try cache.value(for: 1) == "theirs")
    }

    @Test func `and this one see each other's acknowledged writes at once, many times over`() async throws {
        let rounds = 200
        let path = scratch.store
        let (there, back) = (NamedPipe(path + ".there"), NamedPipe(path + ".back"))
        async let other: Void = {
            await #expect(processExitsWith: .success) { [path = path as String, rounds = rounds as Int] in
                let (_, cache) = try openElsewhere(path)
                let (there, back) = (NamedPipe(path + ".there"), NamedPipe(path + ".back"))
                for round in 0..<rounds {
                    try #require(there.receive())
                    #expect(try cache.value(for: 1) == "ours \(round)")
                    #expect(try cache.value(for: round % 7 + 10) == "ours \(round)")
                    try await cache.set("theirs \(round)", for: 1)
                    // The next read answers from memory, unless somebody else has written.
                    #expect(try cache.value(for: 1) == "theirs \(round)")
                    back.send()
                }
            }
        }()
        // On a thread of its own, which waits for nobody: an exit test takes a thread of the pool until its process ends.
        try await inThread { [store, cache] in
            for round in 0..<rounds {
                try store.writeBlocking { transaction in
                    try transaction.set("ours \(round)", for: 1, in: cache)
                    try transaction.set("ours \(round)", for: round % 7 + 10, in: cache)
                }
                #expect(try cache.value(for: 1) == "ours \(round)")
                there.send()
                try #require(back.receive())
                #expect(try cache.value(for: 1) == "theirs \(round)")
            }
        }
        await other
    }

    @Test func `writes together with this one without losing anything`() async throws {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    await #expect(processExitsWith: .success) { [path = scratch.store as String] in
                        let store = try Store(at: path)
                        let counters = try store.cache("counters", key: .string, value: .int)
                        for _ in 0..<100 { try await counters.increment("sum") }
                    }
                }
            }
            group.addTask {
                do {
                    let counters = try store.cache("counters", key: .string, value: .int)
                    for _ in 0..<100 { try await counters.increment("sum") }
                } catch {
                    Issue.record(error)
                }
            }
        }
        let counters = try store.cache("counters", key: .string, value: .int)
        #expect(try counters.value(for: "sum") == 300)
    }

    @Test func `that is killed in the middle of a transaction leaves nothing of it`() async throws {
        try await cache.set("before", for: 1)
        await #expect(processExitsWith: .signal(9)) { [path = scratch.store as String] in
            let (store, cache) = try openElsewhere(path)
            try await store.write { transaction in
                try transaction.set("killed", for: 1, in: cache)
                try transaction.set("killed", for: 2, in: cache)
                killSelf()
            }
        }
        #expect(try cache.value(for: 1) == "before")
        #expect(try cache.value(for: 2) == nil)
        try await cache.set("after", for: 1)
        #expect(try cache.value(for: 1) == "after")
    }

    @Test func `that grows the file is followed`() async throws {
        let small = StoreOptions(mapSize: .kibibytes(256))
        try store.close()
        let store = try Store(at: scratch.store, options: small)
        let cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("ours", for: 1)
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let store = try Store(at: path, options: StoreOptions(mapSize: .kibibytes(256)))
            let cache = try store.cache("c", key: .int, value: .string)
            for key in 100..<200 { try await cache.set(String(repeating: "x", count: 50_000), for: key) }
        }
        #expect(try cache.value(for: 1) == "ours")
        #expect(try cache.value(for: 199)?.count == 50_000)
        try await cache.set("ours again", for: 1)
        #expect(try cache.count() == 101)
    }

    @Test func `can make a cache that is then opened here`() async throws {
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let store = try Store(at: path)
            let theirs = try store.cache("theirs", key: .string, value: .string)
            try await theirs.set("v", for: "k")
        }
        let theirs = try store.cache("theirs", key: .string, value: .string)
        #expect(try theirs.value(for: "k") == "v")
        #expect(try store.caches().map(\.name) == ["c", "theirs"])
    }
}

@Suite struct `A cache that another process has dropped` {
    let scratch = ScratchDirectory()
    let store: Store
    let cache: Cache<Int, String>

    init() async throws {
        store = try Store(at: scratch.store)
        cache = try store.cache("c", key: .int, value: .string)
        for key in 1...3 { try await cache.set("v", for: key) }
        #expect(try cache.value(for: 1) == "v")
        #expect(try cache.count() == 3)
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let wasThere = try Store(at: path).dropCache("c")
            #expect(wasThere)
        }
    }

    @Test func `answers no read any more`() throws {
        #expect(try cache.value(for: 1) == nil)
        #expect(try cache.contains(2) == false)
        #expect(try cache.entries().isEmpty)
        #expect(try cache.count() == 0)
    }

    @Test func `refuses a write`() async throws {
        #expect(await code { try await cache.set("v", for: 1) } == .cacheDropped)
        #expect(await code { try await cache.remove(1) } == .cacheDropped)
        #expect(await code { try await cache.removeAll() } == .cacheDropped)
        #expect(code { _ = try cache.value(for: 1) } == .cacheDropped)
    }

    @Test func `refuses a write also where a read has noticed the other process first`() async throws {
        _ = try cache.value(for: 1)
        #expect(await code { try await cache.set("v", for: 1) } == .cacheDropped)
        #expect(try store.caches().isEmpty)
    }

    @Test func `can be made again, and is empty`() async throws {
        let again = try store.cache("c", key: .string, value: .string)
        #expect(try again.count() == 0)
        try await again.set("new", for: "k")
        #expect(await code { try await cache.set("v", for: 1) } == .cacheDropped)
        #expect(try again.entries().map(\.key) == ["k"])
    }
}

@Suite struct `A cache whose version another process has raised` {
    let scratch = ScratchDirectory()
    let store: Store
    let cache: Cache<Int, String>

    init() async throws {
        store = try Store(at: scratch.store)
        cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("old", for: 1)
        try await cache.set("old", for: 2)
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let (_, cache) = try openElsewhere(path, version: 1)
            #expect(try cache.value(for: 1) == nil)
            try await cache.set("new", for: 1)
        }
    }

    @Test func `refuses a write, which would take the place of a record it cannot see`() async throws {
        #expect(await code { _ = try await cache.setIfAbsent("lost", for: 1) } == .newerCacheVersion)
        #expect(await code { try await cache.set("lost", for: 1) } == .newerCacheVersion)
        #expect(await code { try await cache.remove(1) } == .newerCacheVersion)
        let raised = try store.cache("c", key: .int, value: .string, options: .init(version: 1))
        #expect(try raised.value(for: 1) == "new")
    }

    @Test func `does not show the new records to the earlier version`() throws {
        #expect(try cache.value(for: 1) == nil)
    }

    @Test func `opens with that version, with the new records only`() async throws {
        let raised = try store.cache("c", key: .int, value: .string, options: .init(version: 1))
        #expect(try raised.value(for: 1) == "new")
        #expect(try raised.value(for: 2) == nil)
        #expect(try raised.count() == 1)
        #expect(code { _ = try cache.value(for: 2) } == .newerCacheVersion)
    }
}
