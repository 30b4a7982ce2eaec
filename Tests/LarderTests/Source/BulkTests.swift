import TestSupport
import Testing

@testable import Larder

@Suite(.timeLimit(.minutes(10))) struct `Several keys at once` {
    let clock = ManualClock()
    let store: Store
    let cache: Cache<Int, String>
    let database = Database(Dictionary(uniqueKeysWithValues: (0..<20).map { ($0, "value \($0)") }))

    init() throws {
        store = try Store.temporary(options: .init(clock: clock.wallClock))
        cache = try store.cache("c", key: .int, value: .string)
    }

    private func expected(_ keys: some Sequence<Int>) -> [Int: String] {
        Dictionary(uniqueKeysWithValues: keys.map { ($0, "value \($0)") })
    }

    @Test(arguments: [LoadSharing.withinProcess, .amongProcesses])
    func `are loaded in one call, those that are missing, and kept in one transaction`(sharing: LoadSharing)
        async throws
    {
        let sourced = try cache.through(database, options: .init(sharing: sharing))
        _ = try await sourced.values(for: 0..<3)
        await store.waitForLoads()
        store.memory.removeAll()
        _ = try await sourced.value(for: 0)
        let before = try store.statistics()
        let keys = Array(0..<10) + [5, 5, 99]
        #expect(try await sourced.values(for: keys) == expected(0..<10))
        await store.waitForLoads()
        let after = try store.statistics()
        #expect(database.calls.map { $0.sorted() } == [[0, 1, 2], [3, 4, 5, 6, 7, 8, 9, 99]])
        #expect(after.commits.commits - before.commits.commits == (sharing == .withinProcess ? 1 : 2))
        #expect(after.memory.hits - before.memory.hits == 1)
        #expect(after.durable.hits - before.durable.hits == 2)
        #expect(after.loads - before.loads == 8)
        #expect(try store.claimCount() == 0)
        #expect(try await sourced.values(for: 0..<10) == expected(0..<10))
        #expect(try await sourced.values(for: []) == [:])
        #expect(database.calls.count == 2)
    }

    @Test func `join loads that are under way, and are joined`() async throws {
        let sourced = try cache.through(database, options: .init(loadTimeout: nil))
        database.hold()
        let single = Task { try await sourced.value(for: 1) }
        await database.waitForHeld(1)
        let several = Task { try await sourced.values(for: [1, 2, 3]) }
        await database.waitForHeld(2)
        let another = Task { try await sourced.value(for: 3) }
        for _ in 0..<100 { await Task.yield() }
        database.release()
        #expect(try await single.value == "value 1")
        #expect(try await several.value == expected(1...3))
        #expect(try await another.value == "value 3")
        #expect(database.calls.map { $0.sorted() } == [[1], [2, 3]])
    }

    @Test func `fail together, but for those that may be stale`() async throws {
        let sourced = try cache.through(
            database,
            options: .init(freshness: .init(timeToLive: .seconds(10), jitter: 0, staleIfError: .seconds(100))))
        _ = try await sourced.values(for: 0..<5)
        await store.waitForLoads()
        clock.advance(milliseconds: 10_000)
        database.failure = Database.Down()
        #expect(try await sourced.values(for: 0..<5) == expected(0..<5))
        await #expect(throws: Database.Down.self) { try await sourced.values(for: 0..<6) }
        database.failure = nil
        database[0] = "new"
        clock.advance(milliseconds: 1_000)
        #expect(try await sourced.values(for: [0]) == [0: "new"])
    }

    @Test func `are refreshed in one call`() async throws {
        let sourced = try cache.through(
            database,
            options: .init(freshness: .init(timeToLive: .seconds(10), jitter: 0, refreshAhead: .seconds(5))))
        _ = try await sourced.values(for: 0..<5)
        await store.waitForLoads()
        clock.advance(milliseconds: 5_000)
        #expect(try await sourced.values(for: 0..<5) == expected(0..<5))
        await store.waitForLoads()
        #expect(database.calls.map { $0.sorted() } == [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]])
    }

    @Test func `are no longer loaded when nobody wants any of them`() async throws {
        let sourced = try cache.through(database)
        database.hold()
        let first = Task { try await sourced.values(for: [1, 2]) }
        await database.waitForHeld(1)
        let second = Task { try await sourced.value(for: 2) }
        while try load(of: 2)?.interested != 2 { await Task.yield() }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(database.cancellations == 0)
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        while database.cancellations == 0 { await Task.yield() }
        database.release()
        #expect(try await sourced.values(for: [1, 2]) == expected(1...2))
    }

    @Test func `are loaded one by one by a source that knows no better`() async throws {
        let sourced = try cache.through { key in key == 3 ? nil : "loaded \(key)" }
        #expect(try await sourced.values(for: 1...4) == [1: "loaded 1", 2: "loaded 2", 4: "loaded 4"])
    }

    private func load(of key: Int) throws -> Load<String>? {
        store.loads.current(try cache.memoryKey(key)) as? Load<String>
    }
}
