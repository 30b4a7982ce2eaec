import LMDB
import Synchronization
import TestSupport
import Testing

@testable import Larder

@Suite(.timeLimit(.minutes(10))) struct `Invalidating` {
    let scratch = ScratchDirectory()
    let store: Store
    let cache: Cache<Int, String>
    let database = Database([1: "one", 2: "two", 3: "three"]) { value in
        EntryAttributes(tags: ["all", "length \(value.count)"])
    }
    let sourced: SourcedCache<Database>

    init() throws {
        store = try Store(at: scratch.store)
        cache = try store.cache("c", key: .int, value: .string)
        sourced = try cache.through(database, options: .init(loadTimeout: nil))
    }

    private func loadAll() async throws {
        #expect(try await sourced.values(for: 1...3).count == 3)
        await store.waitForLoads()
    }

    @Test func `a key leaves the source and the others alone`() async throws {
        try await loadAll()
        #expect(try await sourced.invalidate(1))
        #expect(try await sourced.invalidate(1) == false)
        #expect(try cache.entries().map(\.key) == [2, 3])
        #expect(database[1] == "one")
    }

    @Test func `a tag forgets the entries that have it, and no others`() async throws {
        try await loadAll()
        #expect(try await sourced.invalidate(tag: "length 4") == 0)
        #expect(try await sourced.invalidate(tag: "length 3") == 2)
        #expect(try cache.entries().map(\.key) == [3])
        try await loadAll()
        #expect(try await sourced.invalidate(tag: "all") == 3)
        #expect(try cache.count() == 0)
        #expect(try tagEntries() == 0)
    }

    @Test func `by prefix forgets the keys that begin so`() async throws {
        let names = try store.cache("names", key: .string, value: .int)
        let sourced = try names.through { $0.utf8.count }
        for key in ["ab", "abc", "b", "a"] { _ = try await sourced.value(for: key) }
        await store.waitForLoads()
        #expect(try await sourced.invalidate(prefix: "ab") == 2)
        #expect(try names.entries().map(\.key) == ["a", "b"])
        try await sourced.invalidateAll()
        #expect(try names.count() == 0)
        let bytes = try store.cache("bytes", key: .bytes, value: .int)
        try await bytes.set(1, for: [1, 2])
        try await bytes.set(1, for: [2])
        #expect(try await bytes.through { _ in nil }.invalidate(prefix: [1]) == 1)
    }

    @Test func `tags come and go with their record`() async throws {
        try await cache.set("v", for: 1, tags: ["a", "b"])
        #expect(try tagEntries() == 2)
        // A new deadline keeps them, a new value does not.
        try await cache.touch(1, expires: .after(.seconds(100)))
        #expect(try tagEntries() == 2)
        try await cache.set("w", for: 1, tags: ["b"])
        #expect(try tagEntries() == 1)
        #expect(try await cache.removeAll(tagged: "a") == 0)
        try await store.write { [cache] in try $0.set("x", for: 2, in: cache, tags: ["b", "c"]) }
        #expect(try tagEntries() == 3)
        try await cache.set("y", for: 1)
        #expect(try tagEntries() == 2)
        try await cache.remove(2)
        #expect(try tagEntries() == 0)
        try await store.write { [cache] transaction in
            try transaction.set("v", for: 3, in: cache, tags: ["z"])
            #expect(try transaction.removeAll(in: cache, tagged: "z") == 1)
        }
        try await cache.set("v", for: 4, tags: ["d"])
        try await cache.removeAll()
        #expect(try tagEntries() == 0)
        try await cache.set("v", for: 5, tags: ["e"])
        try store.dropCache("c")
        #expect(try tagEntries() == 0)
        try store.close()
        #expect(try StoreVerification.run(at: scratch.store).isHealthy)
    }

    @Test func `tags survive a restart, and leave with records that expire`() async throws {
        let clock = ManualClock()
        try store.close()
        let store = try Store(at: scratch.store, options: .init(removesExpired: false, clock: clock.wallClock))
        let cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("v", for: 1, tags: ["a"], expires: .after(.seconds(1)))
        try await cache.set("v", for: 2, tags: ["a"])
        try store.close()
        let again = try Store(at: scratch.store, options: .init(removesExpired: false, clock: clock.wallClock))
        clock.advance(milliseconds: 1_000)
        #expect(try await again.removeExpired() == 1)
        let reopened = try again.cache("c", key: .int, value: .string)
        #expect(try await reopened.removeAll(tagged: "a") == 1)
        #expect(try reopened.count() == 0)
        try again.close()
    }

    @Test func `more than 255 tags are refused`() async throws {
        let tags = Set((0..<256).map(String.init))
        #expect(await code { try await cache.set("v", for: 1, tags: tags) } == .invalidOption)
        try await cache.set("v", for: 1, tags: Set(tags.prefix(255)))
        #expect(try await cache.removeAll(tagged: tags.sorted().first { tags.contains($0) } ?? "") <= 1)
    }

    enum Change: String, CaseIterable, Sendable {
        case set, remove, tag, range, all
    }

    @Test(arguments: Change.allCases, [LoadSharing.withinProcess, .amongProcesses])
    func `in another process stops a load under way here`(change: Change, sharing: LoadSharing) async throws {
        let sourced = try cache.through(database, options: .init(sharing: sharing))
        database.hold()
        let reader = Task { try await sourced.value(for: 1) }
        await database.waitForHeld(1)
        // There is nothing to remove yet.
        await #expect(processExitsWith: .success) {
            [path = scratch.store as String, change = change.rawValue as String] in
            let store = try Store(at: path)
            let cache = try store.cache("c", key: .int, value: .string)
            switch Change(rawValue: change) {
            case .set: try await cache.set("theirs", for: 1)
            case .remove: try await cache.remove(1)
            case .tag: try await cache.removeAll(tagged: "all")
            case .range: try await cache.removeAll(from: 0, to: 9)
            default: try await cache.removeAll()
            }
        }
        // Who asks now is not given what was read before.
        database[1] = "newer"
        let later = Task { try await sourced.value(for: 1) }
        if change != .set { await database.waitForHeld(2) }
        database.release()
        #expect(try await reader.value == "one")
        #expect(try await later.value == (change == .set ? "theirs" : "newer"))
        await store.waitForLoads()
        #expect(try cache.value(for: 1) == (change == .set ? "theirs" : "newer"))
    }

    @Test func `a key that is loaded elsewhere leaves a load of another key alone`() async throws {
        database.hold()
        let reader = Task { [sourced] in try await sourced.value(for: 1) }
        await database.waitForHeld(1)
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let store = try Store(at: path)
            let cache = try store.cache("c", key: .int, value: .string)
            try await cache.set("theirs", for: 2)
            try await cache.remove(2)
        }
        let joining = Task { [sourced] in try await sourced.value(for: 1) }
        for _ in 0..<100 { await Task.yield() }
        database.release()
        #expect(try await reader.value == "one")
        #expect(try await joining.value == "one")
        await store.waitForLoads()
        #expect(try cache.value(for: 1) == "one")
        #expect(database.loads == 1)
    }

    @Test(arguments: [LoadSharing.withinProcess, .amongProcesses])
    func `is for one who hears of changes: while it cannot, what is loaded or written is an answer, and is not kept`(
        sharing: LoadSharing
    ) async throws {
        let hears = Mutex(false)
        let sourced = try cache.through(
            database, options: .init(sharing: sharing, mayKeep: { hears.withLock { $0 } }))
        #expect(try await sourced.value(for: 1) == "one")
        #expect(try await sourced.values(for: 1...3).count == 3)
        #expect(try await sourced.refresh(2) == "two")
        try await sourced.set("uno", for: 1)
        try await sourced.remove(2)
        await store.waitForLoads()
        #expect(try cache.count() == 0)
        #expect(database[1] == "uno")
        hears.withLock { $0 = true }
        #expect(try await sourced.value(for: 1) == "uno")
        try await sourced.set("tres", for: 3)
        await store.waitForLoads()
        #expect(try cache.entries().map(\.key) == [1, 3])
    }

    @Test func `at the moment at which one may not keep any more ends a load that was just allowed to`() async throws {
        let hears = Mutex(true)
        let sourced = try cache.through(
            database,
            options: .init(
                sharing: .withinProcess,
                mayKeep: { [cache] in
                    let answer = hears.withLock { $0 }
                    // Right after it has answered.
                    if answer {
                        hears.withLock { $0 = false }
                        _ = try? cache.store.writeBlocking { try $0.removeAll(in: cache) }
                    }
                    return answer
                }))
        #expect(try await sourced.value(for: 1) == "one")
        await store.waitForLoads()
        #expect(hears.withLock { $0 } == false)
        #expect(try cache.count() == 0)
    }

    @Test func `by prefix in a transaction is undone with it`() async throws {
        let names = try store.cache("names", key: .string, value: .int)
        let bytes = try store.cache("bytes", key: .bytes, value: .int)
        for key in ["ab", "abc", "b"] { try await names.set(1, for: key) }
        try await bytes.set(1, for: [1, 2])
        await #expect(throws: CancellationError.self) {
            try await store.write { transaction in
                #expect(try transaction.removeAll(in: names, prefix: "ab") == 2)
                throw CancellationError()
            }
        }
        #expect(try names.count() == 3)
        let removed = try await store.write { transaction in
            try transaction.removeAll(in: names, prefix: "ab") + transaction.removeAll(in: bytes, prefix: [1])
        }
        #expect(removed == 3)
        #expect(try names.entries().map(\.key) == ["b"])
    }

    private func tagEntries() throws -> Int {
        try store.withReadTransaction { try $0.statistics(of: store.durable.tagIndex.table).entries }
    }
}
