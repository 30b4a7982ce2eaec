import LMDB
import TestSupport
import Testing

@testable import Larder

@Suite struct `A write transaction of a store` {
    let scratch = ScratchDirectory()
    let store: Store
    let a: Cache<Int, String>
    let b: Cache<String, [UInt8]>

    init() throws {
        store = try Store(at: scratch.store)
        a = try store.cache("a", key: .int, value: .string)
        b = try store.cache("b", key: .string, value: .bytes)
    }

    @Test func `commits over several caches, and is there after a reopen`() async throws {
        let result = try await store.write { transaction in
            for key in 0..<10 { try transaction.set("v\(key)", for: key, in: a) }
            try transaction.set([1, 2, 3], for: "k", in: b)
            return "done"
        }
        #expect(result == "done")
        #expect(try a.count() == 10)
        #expect(try b.value(for: "k") == [1, 2, 3])
        try store.close()
        let again = try Store(at: scratch.store)
        #expect(try again.cache("a", key: .int, value: .string).value(for: 7) == "v7")
        #expect(try again.cache("b", key: .string, value: .bytes).value(for: "k") == [1, 2, 3])
    }

    @Test func `that throws leaves no trace in either tier`() async throws {
        try await a.set("before", for: 1)
        try await b.set([9], for: "kept")
        let commits = try store.statistics().commits.commits
        await #expect(throws: Refusal.self) {
            try await store.write { transaction in
                try transaction.set("undone", for: 1, in: a)
                try transaction.set("undone", for: 2, in: a)
                try transaction.remove("kept", in: b)
                try transaction.removeAll(in: b)
                throw Refusal()
            }
        }
        for memory in [true, false] {
            if !memory { store.memory.removeAll() }
            #expect(try a.value(for: 1) == "before")
            #expect(try a.value(for: 2) == nil)
            #expect(try b.value(for: "kept") == [9])
            #expect(try a.count() == 1)
        }
        #expect(try store.statistics().commits.commits == commits)
    }

    @Test func `sees its own writes, in every way of reading, and no one else does`() async throws {
        try await a.set("old", for: 1)
        try await a.set("old", for: 2)
        try await store.write { transaction in
            try transaction.set("new", for: 1, in: a)
            try transaction.set("new", for: 3, in: a)
            let removed = try transaction.remove(2, in: a)
            #expect(removed)
            #expect(try transaction.value(for: 1, in: a) == "new")
            #expect(try transaction.value(for: 2, in: a) == nil)
            #expect(try transaction.contains(3, in: a))
            #expect(try transaction.count(of: a) == 2)
            var keys: [Int] = []
            try transaction.forEach(in: a, order: .descending) { key, _ in keys.append(key) }
            #expect(keys == [3, 1])
            let wasAbsent = try transaction.setIfAbsent("other", for: 1, in: a)
            #expect(!wasAbsent)
            // Readers see the state before: memory, disk, and a snapshot.
            #expect(try a.value(for: 1) == "old")
            #expect(try a.value(for: 2) == "old")
            #expect(try a.contains(3) == false)
            #expect(try store.read { try $0.count(of: a) } == 2)
        }
        #expect(try a.entries().map(\.value) == ["new", "new"])
    }

    @Test func `keeps the last of several writes of a key`() async throws {
        try await store.write { transaction in
            try transaction.set("first", for: 1, in: a)
            try transaction.remove(1, in: a)
            try transaction.set("last", for: 1, in: a)
            try transaction.set("gone", for: 2, in: a)
            try transaction.remove(2, in: a)
            try transaction.set("swept", for: 3, in: a)
            try transaction.removeAll(in: a, from: 2, to: 10)
            try transaction.set("after", for: 4, in: a)
        }
        for memory in [true, false] {
            if !memory { store.memory.removeAll() }
            #expect(try (1...4).map { try a.value(for: $0) } == ["last", nil, nil, "after"])
        }
    }

    @Test func `keeps what it writes after it removed everything`() async throws {
        try await a.set("old", for: 1)
        try await a.set("old", for: 2)
        try await store.write { transaction in
            try transaction.set("before", for: 3, in: a)
            try transaction.removeAll(in: a)
            try transaction.set("after", for: 2, in: a)
        }
        for memory in [true, false] {
            if !memory { store.memory.removeAll() }
            #expect(try (1...3).map { try a.value(for: $0) } == [nil, "after", nil])
        }
    }

    @Test func `of more keys than memory takes lets go of them and of no others`() async throws {
        try await a.set("hot", for: -1)
        try await a.set("old", for: 700)
        #expect(try a.value(for: -1) == "hot")
        #expect(try a.value(for: 700) == "old")
        try await store.write { transaction in
            for key in 0..<1_000 { try transaction.set("\(key)", for: key, in: a) }
            try transaction.set("first again", for: 0, in: a)
            try transaction.remove(1, in: a)
            try transaction.remove(999, in: a)
        }
        let before = try store.statistics().durable
        #expect(try a.value(for: -1) == "hot")
        #expect(try a.value(for: 2) == "2")
        #expect(try store.statistics().durable == before, "both are in memory")
        #expect(try a.value(for: 0) == "first again")
        #expect(try [1, 700, 998, 999].map { try a.value(for: $0) } == [nil, "700", "998", nil])
        #expect(try store.statistics().durable.hits == before.hits + 3)
    }

    @Test func `of more keys than memory is told of one by one leaves both tiers one`() async throws {
        let count = ChangeSet.maximumChanges + 1_000
        try await a.set("old", for: 5)
        #expect(try a.value(for: 5) == "old")
        try await store.write { transaction in
            for key in 0..<count { try transaction.set("\(key)", for: key, in: a) }
            try transaction.set("last", for: 5, in: a)
        }
        #expect(try a.value(for: 5) == "last")
        #expect(try a.value(for: count - 1) == "\(count - 1)")
        #expect(try a.count() == count)
        try await a.set("again", for: 5)
        #expect(try a.value(for: 5) == "again")
    }

    @Test func `runs again where the map must grow, and happens once`() async throws {
        let small = try Store.temporary(options: .init(mapSize: .kibibytes(128)))
        let cache = try small.cache("c", key: .int, value: .string)
        let runs = Counter()
        try await small.write { transaction in
            runs.increment()
            let before = try transaction.value(for: 0, in: cache) ?? ""
            try transaction.set(before + "x", for: 0, in: cache)
            for key in 1..<60 { try transaction.set(String(repeating: "y", count: 20_000), for: key, in: cache) }
        }
        #expect(runs.value > 1)
        #expect(try cache.value(for: 0) == "x")
        #expect(try cache.count() == 60)
    }

    @Test func `of a raw cache or another type writes what the typed one reads`() async throws {
        let raw = try store.rawCache("a")
        try await a.set("typed", for: 1)
        let key = try #require(try raw.entries().first?.key)
        #expect(try raw.value(for: key) == "typed".bytes)
        try await store.write { transaction in
            try transaction.set("raw".bytes, for: key, in: raw)
            #expect(try transaction.value(for: 1, in: a) == "raw")
        }
        #expect(try a.value(for: 1) == "raw")
        try await a.set("typed again", for: 1)
        #expect(try raw.value(for: key) == "typed again".bytes)
    }
}

@Suite struct `Misuse of transactions` {
    let store: Store
    let cache: Cache<Int, String>

    init() throws {
        store = try Store.temporary()
        cache = try store.cache("c", key: .int, value: .string)
    }

    @Test func `by a write inside a write is refused, and the outer one commits`() async throws {
        try await store.write { [store, cache] transaction in
            try transaction.set("outer", for: 1, in: cache)
            #expect(code { try cache.setBlocking("inner", for: 2) } == .nestedWrite)
            #expect(code { _ = try cache.setIfAbsentBlocking("inner", for: 2) } == .nestedWrite)
            #expect(code { try cache.removeBlocking(1) } == .nestedWrite)
            #expect(code { try cache.removeAllBlocking() } == .nestedWrite)
            #expect(code { try cache.touchBlocking(1) } == .nestedWrite)
            #expect(code { try cache.updateBlocking(1) { $0 = "inner" } } == .nestedWrite)
            #expect(code { _ = try cache.compareAndSetBlocking(1, expected: nil, desired: "inner") } == .nestedWrite)
            #expect(code { try store.writeBlocking { _ in } } == .nestedWrite)
            #expect(code { try store.close() } == .nestedWrite)
        }
        #expect(try cache.entries().map(\.value) == ["outer"])
    }

    @Test func `by a write inside a blocking write is refused, too`() throws {
        try store.writeBlocking { [store, cache] transaction in
            try transaction.set("outer", for: 1, in: cache)
            #expect(code { try cache.setBlocking("inner", for: 2) } == .nestedWrite)
            #expect(code { try store.close() } == .nestedWrite)
        }
        #expect(try cache.entries().map(\.value) == ["outer"])
    }

    @Test func `by a write inside a read is refused, and the read goes on`() async throws {
        try await cache.set("v", for: 1)
        try store.read { snapshot throws in
            #expect(code { try cache.setBlocking("inner", for: 2) } == .writeInsideRead)
            #expect(code { try store.writeBlocking { _ in } } == .writeInsideRead)
            #expect(code { try store.close() } == .writeInsideRead)
            #expect(try snapshot.value(for: 1, in: cache) == "v")
        }
        try cache.forEach { _, _ in
            #expect(code { try cache.removeBlocking(1) } == .writeInsideRead)
        }
        try await cache.set("after", for: 2)
        #expect(try cache.entries().map(\.value) == ["v", "after"])
    }

    @Test func `by a cache of another store is refused, in every operation`() async throws {
        let other = try Store.temporary()
        let stranger = try other.cache("c", key: .int, value: .string)
        try await stranger.set("theirs", for: 1)
        try await store.write { [cache] transaction in
            try transaction.set("ours", for: 1, in: cache)
            #expect(code { _ = try transaction.value(for: 1, in: stranger) } == .otherStore)
            #expect(code { _ = try transaction.contains(1, in: stranger) } == .otherStore)
            #expect(code { try transaction.set("v", for: 1, in: stranger) } == .otherStore)
            #expect(code { _ = try transaction.setIfAbsent("v", for: 2, in: stranger) } == .otherStore)
            #expect(code { try transaction.remove(1, in: stranger) } == .otherStore)
            #expect(code { try transaction.removeAll(in: stranger) } == .otherStore)
            #expect(code { try transaction.removeAll(in: stranger, from: 0, to: 9) } == .otherStore)
            #expect(code { try transaction.touch(1, in: stranger) } == .otherStore)
            #expect(code { try transaction.update(1, in: stranger) { $0 = "v" } } == .otherStore)
            #expect(code { _ = try transaction.count(of: stranger) } == .otherStore)
            #expect(code { try transaction.forEach(in: stranger) { _, _ in } } == .otherStore)
        }
        try store.read { snapshot in
            #expect(code { _ = try snapshot.value(for: 1, in: stranger) } == .otherStore)
            #expect(code { _ = try snapshot.contains(1, in: stranger) } == .otherStore)
            #expect(code { _ = try snapshot.count(of: stranger) } == .otherStore)
            #expect(code { try snapshot.forEach(in: stranger) { _, _ in } } == .otherStore)
        }
        #expect(try stranger.value(for: 1) == "theirs")
        #expect(try cache.value(for: 1) == "ours")
    }
}

@Suite struct `Transactions that share a commit` {
    let store: Store
    let cache: Cache<Int, Int>

    init() throws {
        store = try Store.temporary()
        cache = try store.cache("c", key: .int, value: .int)
    }

    @Test func `are undone alone if they throw`() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<200 {
                group.addTask { [store, cache] in
                    let fails = task % 3 == 0
                    let outcome = await Result {
                        try await store.write { transaction in
                            try transaction.set(task, for: task, in: cache)
                            try transaction.set(task, for: 1_000 + task, in: cache)
                            if fails { throw Refusal() }
                        }
                    }
                    #expect((try? outcome.get()) == nil ? fails : !fails)
                }
            }
            try await group.waitForAll()
        }
        let expected = (0..<200).filter { $0 % 3 != 0 }
        #expect(try cache.entries(to: 1_000).map(\.key) == expected)
        #expect(try cache.entries(from: 1_000).map(\.value) == expected)
        let commits = try store.statistics().commits
        #expect(commits.commits < commits.transactions)
    }

    @Test func `see each other one after the other`() async throws {
        // Each takes one from a key and gives it to another; the sum stays, and none goes below zero.
        try await store.write { [cache] transaction in
            for key in 0..<10 { try transaction.set(100, for: key, in: cache) }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<300 {
                group.addTask { [store, cache] in
                    var random = SeededGenerator(seed: UInt64(task))
                    let (from, to) = (Int.random(in: 0..<10, using: &random), Int.random(in: 0..<10, using: &random))
                    let amount = Int.random(in: 1...80, using: &random)
                    do {
                        try await store.write { transaction in
                            let rest = (try transaction.value(for: from, in: cache) ?? 0) - amount
                            try transaction.set(rest, for: from, in: cache)
                            let sum = (try transaction.value(for: to, in: cache) ?? 0) + amount
                            try transaction.set(sum, for: to, in: cache)
                            if rest < 0 { throw Refusal() }
                        }
                    } catch is Refusal {}
                    let total = try store.read { snapshot in
                        var total = 0
                        try snapshot.forEach(in: cache) { total += $1 }
                        return total
                    }
                    #expect(total == 1_000)
                }
            }
            try await group.waitForAll()
        }
        let values = try cache.entries().map(\.value)
        #expect(values.reduce(0, +) == 1_000)
        #expect(values.allSatisfy { $0 >= 0 })
    }

    @Test func `of single keys and blocking ones mix with them`() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<60 {
                group.addTask { [store, cache] in
                    switch task % 4 {
                    case 0: try await cache.set(task, for: task)
                    case 1: try await inThread { try cache.setBlocking(task, for: task) }
                    case 2: try await store.write { try $0.set(task, for: task, in: cache) }
                    default: try await inThread { try store.writeBlocking { try $0.set(task, for: task, in: cache) } }
                    }
                    #expect(try cache.value(for: task) == task)
                }
            }
            try await group.waitForAll()
        }
        #expect(try cache.entries().map(\.key) == Array(0..<60))
    }
}

extension Result where Failure == any Error {
    /// What `body` returns or throws.
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

@Suite struct `Cancelling a task that waits for its write` {
    let store: Store
    let cache: Cache<Int, String>

    init() throws {
        store = try Store.temporary()
        cache = try store.cache("c", key: .int, value: .string)
    }

    /// Holds up every commit until the gate is opened, while `body` runs.
    private func whileCommitting(_ body: (Gate) async throws -> Void) async throws {
        let (isWriting, mayEnd) = (Gate(), Gate())
        async let writer: Void = inThread { [store, cache] in
            try store.writeBlocking { transaction in
                try transaction.set("holding", for: 0, in: cache)
                isWriting.open()
                mayEnd.wait()
            }
        }
        try await inThread { isWriting.wait() }
        try await body(mayEnd)
        mayEnd.open()
        try await writer
    }

    @Test func `withdraws a write that has not begun, which then did not happen`() async throws {
        try await whileCommitting { _ in
            let waiting = Task { [cache] in try await cache.set("withdrawn", for: 1) }
            // Cancelled before or after it is queued, it is never begun, as nobody commits.
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
        }
        try await cache.set("after", for: 2)
        #expect(try cache.entries().map(\.value) == ["holding", "after"])
    }

    @Test func `does not take back a write that has begun`() async throws {
        let (isWriting, mayEnd) = (Gate(), Gate())
        let task = Task { [store, cache] in
            try await store.write { transaction in
                try transaction.set("committed", for: 1, in: cache)
                isWriting.open()
                mayEnd.wait()
            }
        }
        try await inThread { isWriting.wait() }
        task.cancel()
        mayEnd.open()
        try await task.value
        #expect(try cache.value(for: 1) == "committed")
    }

    @Test func `before the write throws at once`() async throws {
        let task = Task { [cache] in
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            try await cache.set("v", for: 1)
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try cache.contains(1) == false)
    }

    @Test func `leaves each of many writes either done or undone, as it was told`() async throws {
        try await withThrowingTaskGroup(of: (Int, Bool).self) { group in
            for key in 1...200 {
                group.addTask { [cache] in
                    let task = Task { try await cache.set("v", for: key) }
                    if key % 2 == 0 { task.cancel() }
                    do {
                        try await task.value
                        return (key, true)
                    } catch is CancellationError {
                        return (key, false)
                    }
                }
            }
            for try await (key, isDone) in group {
                #expect(try cache.contains(key) == isDone)
                if key % 2 == 1 { #expect(isDone) }
            }
        }
    }
}
