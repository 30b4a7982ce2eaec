import LMDB
import TestSupport
import Testing

@testable import Larder

@Suite struct `The files of a store` {
    let scratch = ScratchDirectory()

    @Test func `are readable by their owner alone`() async throws {
        let path = scratch.path + "/a/b/store"
        let store = try Store(at: path)
        let cache = try store.cache("sessions", key: .string, value: .string)
        try await cache.set("secret", for: "token")
        for directory in ["/a", "/a/b", "/a/b/store"] {
            #expect(try permissions(of: scratch.path + directory) == 0o700, "\(directory)")
        }
        let files = try names(in: path)
        #expect(files.contains("data.mdb"))
        for file in files { #expect(try permissions(of: path + "/" + file) == 0o600, "\(file)") }
    }

    @Test func `go with a temporary store when it is closed`() async throws {
        let store = try Store.temporary()
        try await store.cache("c", key: .int, value: .int).set(1, for: 1)
        #expect(try permissions(of: store.path) == 0o700)
        try store.close()
        #expect(!exists(store.path))
    }

    @Test func `go with a temporary store when it is released`() async throws {
        var path = ""
        do {
            let store = try Store.temporary()
            path = store.path
            try await store.cache("c", key: .int, value: .int).set(1, for: 1)
            #expect(exists(path))
        }
        // The last request may hold the store for a moment longer than its caller waits.
        try await inThread { [path] in try waitUntil { !exists(path) } }
    }

    @Test func `of two temporary stores are two`() async throws {
        let (one, two) = (try Store.temporary(), try Store.temporary())
        let (first, second) = (
            try one.cache("c", key: .int, value: .int), try two.cache("c", key: .int, value: .int)
        )
        try await first.set(1, for: 1)
        #expect(try second.value(for: 1) == nil)
        try one.close()
        #expect(try second.count() == 0)
    }

    @Test func `lie where the environment says, if the store is temporary`() async {
        await #expect(processExitsWith: .success) { [path = scratch.path as String] in
            setTemporaryDirectory(path)
            let store = try Store.temporary()
            #expect(store.path.hasPrefix(path + "/"))
            try store.close()
            #expect(try names(in: path) == [])
        }
    }
}

@Suite struct `Opening a store` {
    let scratch = ScratchDirectory()

    @Test func `twice in a process is refused, by whatever path, and the first works on`() async throws {
        let store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: .int)
        #expect(code { _ = try Store(at: scratch.store) } == .alreadyOpen)
        #expect(code { _ = try Store(at: scratch.store + "/.") } == .alreadyOpen)
        try await cache.set(1, for: 1)
        #expect(try cache.value(for: 1) == 1)
        try store.close()
        #expect(try Store(at: scratch.store).caches().count == 1)
    }

    @Test func `that was released without closing it works once its last request is done`() async throws {
        for round in 0..<20 {
            // The thread of the store before may still hold the file for a moment.
            let store = try await inThread { [path = scratch.store] in
                var store: Store?
                try waitUntil {
                    do {
                        store = try Store(at: path)
                        return true
                    } catch let error as LarderError where error.code == .alreadyOpen {
                        return false
                    }
                }
                return store!
            }
            let cache = try store.cache("c", key: .int, value: .int)
            #expect(try cache.count() == round)
            try await cache.set(round, for: round)
        }
    }
}

@Suite struct `A closed store` {
    let scratch = ScratchDirectory()

    @Test func `refuses every use, and closing it again does nothing`() async throws {
        let store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("v", for: 1)
        try store.close()
        try store.close()
        #expect(code { _ = try cache.value(for: 1) } == .closed)
        #expect(code { _ = try cache.contains(1) } == .closed)
        #expect(code { _ = try cache.remainingTimeToLive(for: 1) } == .closed)
        #expect(code { _ = try cache.count() } == .closed)
        #expect(code { _ = try cache.entries() } == .closed)
        #expect(code { try cache.withBytes(for: 1) { _ in } } == .closed)
        #expect(code { _ = try store.caches() } == .closed)
        #expect(code { _ = try store.statistics() } == .closed)
        #expect(code { _ = try store.cache("c", key: .int, value: .string) } == .closed)
        #expect(code { _ = try store.rawCache("c") } == .closed)
        #expect(code { _ = try store.dropCache("c") } == .closed)
        #expect(code { try store.read { _ in } } == .closed)
        #expect(code { try store.sync() } == .closed)
        #expect(code { try store.writeBlocking { _ in } } == .closed)
        #expect(code { try cache.setBlocking("v", for: 2) } == .closed)
        #expect(await code { try await cache.set("v", for: 2) } == .closed)
        #expect(await code { try await cache.remove(1) } == .closed)
        #expect(await code { try await cache.removeAll() } == .closed)
        #expect(await code { try await store.write { _ in } } == .closed)
        #expect(await code { try await store.removeExpired() } == .closed)
        #expect(await code { _ = try await cache.value(for: 2) { _ in "v" } } == .closed)

        let again = try Store(at: scratch.store)
        #expect(try again.cache("c", key: .int, value: .string).entries().map(\.value) == ["v"])
        try store.close()
        #expect(try again.caches().count == 1)
    }

    @Test func `has waited for the writes under way, which are decided one way or the other`() async throws {
        for round in 0..<10 {
            let store = try Store(at: scratch.store)
            let cache = try store.cache("c\(round)", key: .int, value: .int)
            let acknowledged = await withTaskGroup(of: Int?.self) { group in
                for key in 0..<64 {
                    group.addTask {
                        do {
                            try await cache.set(key, for: key)
                            return key
                        } catch {
                            #expect((error as? LarderError)?.code == .closed)
                            return nil
                        }
                    }
                }
                group.addTask {
                    await Task.yield()
                    do {
                        try await inThread { try store.close() }
                    } catch {
                        Issue.record(error)
                    }
                    return nil
                }
                return await group.reduce(into: Set()) { if let key = $1 { $0.insert(key) } }
            }
            let again = try Store(at: scratch.store)
            let found = try again.cache("c\(round)", key: .int, value: .int).entries().map(\.key)
            #expect(Set(found) == acknowledged)
            try again.close()
        }
    }

    @Test func `has waited for the reads under way`() async throws {
        let store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("v", for: 1)
        let (isReading, mayEnd, isClosed) = (Gate(), Gate(), Gate())
        async let reader: Void = inThread {
            try store.read { snapshot throws in
                isReading.open()
                mayEnd.wait()
                #expect(!isClosed.isOpenNow)
                #expect(try snapshot.value(for: 1, in: cache) == "v")
            }
        }
        try await inThread { isReading.wait() }
        async let closing: Void = inThread {
            try store.close()
            isClosed.open()
        }
        try await inThread { try waitUntil { code { try store.read { _ in } } == .closed } }
        #expect(!isClosed.isOpenNow)
        mayEnd.open()
        try await reader
        try await closing
    }
}

@Suite struct `A store in a forked child` {
    let scratch = ScratchDirectory()

    @Test func `refuses every use, and closing or releasing it there changes nothing for the parent`() async {
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let store = try Store(at: path)
            let cache = try store.cache("c", key: .int, value: .string)
            try await cache.set("v", for: 1)
            let status = inForkedChild {
                let uses: [() throws -> Void] = [
                    { _ = try cache.value(for: 1) }, { _ = try cache.contains(1) }, { _ = try cache.entries() },
                    { try cache.setBlocking("child", for: 1) }, { try store.writeBlocking { _ in } },
                    { try store.read { _ in } }, { _ = try store.caches() }, { _ = try store.statistics() },
                    { _ = try store.cache("d", key: .int, value: .int) }, { _ = try store.dropCache("c") },
                ]
                for (index, use) in uses.enumerated() where code(of: use) != .forked { return Int32(index + 1) }
                return code { try store.close() } == nil ? 0 : 100
            }
            #expect(status == 0)
            #expect(try cache.value(for: 1) == "v")
            try await cache.set("parent", for: 1)
            #expect(try cache.value(for: 1) == "parent")
        }
    }

    @Test func `keeps the files of a temporary store when it is released there`() async {
        await #expect(processExitsWith: .success) { [path = scratch.path as String] in
            setTemporaryDirectory(path)
            var store: Store? = try Store.temporary()
            let directory = try #require(store?.path)
            #expect(
                inForkedChild {
                    store = nil
                    return 0
                } == 0)
            #expect(exists(directory + "/data.mdb"))
            let cache = try #require(try store?.cache("c", key: .int, value: .int))
            try await cache.set(1, for: 1)
            #expect(try cache.value(for: 1) == 1)
        }
    }
}

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
