import LMDB
import Synchronization
import TestSupport
import Testing

@testable import Larder

@Suite(.timeLimit(.minutes(10))) struct `A cache in front of a source` {
    let store: Store
    let cache: Cache<Int, String>
    let database = Database([1: "one", 2: "two"])

    init() throws {
        store = try Store.temporary()
        cache = try store.cache("c", key: .int, value: .string)
    }

    @Test(arguments: [LoadSharing.withinProcess, .amongProcesses])
    func `loads what is missing once, and keeps it in both tiers`(sharing: LoadSharing) async throws {
        let sourced = try cache.through(database, options: .init(sharing: sharing))
        for _ in 0..<3 { #expect(try await sourced.value(for: 1) == "one") }
        await store.waitForLoads()
        #expect(try cache.value(for: 1) == "one")
        store.memory.removeAll()
        #expect(try await sourced.value(for: 1) == "one")
        #expect(database.calls == [[1]])
        #expect(try store.statistics().loads == 1)
        #expect(try store.claimCount() == 0)
    }

    @Test(arguments: [LoadSharing.withinProcess, .amongProcesses])
    func `makes 10 loads for 1,000 tasks that ask for 10 missing keys`(sharing: LoadSharing) async throws {
        let database = Database(Dictionary(uniqueKeysWithValues: (0..<10).map { ($0, "value \($0)") }))
        let sourced = try cache.through(database, options: .init(sharing: sharing))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<1_000 {
                group.addTask {
                    let value = try await sourced.value(for: task % 10)
                    #expect(value == "value \(task % 10)")
                }
            }
            try await group.waitForAll()
        }
        #expect(database.loads == 10)
        #expect(try store.statistics().loads == 10)
    }

    @Test func `is made of closures where that is simpler`() async throws {
        let read = try cache.through { key in "loaded \(key)" }
        #expect(try await read.value(for: 5) == "loaded 5")
        let written = try cache.through { [database] in
            try await database.load($0)
        } store: { [database] in
            try await database.store($1, for: $0)
        } remove: { [database] in
            try await database.remove($0)
        }
        try await written.set("six", for: 6)
        #expect(database[6] == "six")
        try await written.remove(1)
        #expect(database[1] == nil)
        #expect(try await written.value(for: 1) == nil)
    }

    @Test(arguments: [LoadSharing.withinProcess, .amongProcesses])
    func `tells all who wait of a load that fails, and keeps nothing of it`(sharing: LoadSharing) async throws {
        let sourced = try cache.through(database, options: .init(sharing: sharing))
        database.failure = Database.Down()
        database.hold()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    await #expect(throws: Database.Down.self) { try await sourced.value(for: 1) }
                }
            }
            await database.waitForHeld(1)
            database.release()
        }
        #expect(database.loads == 1)
        #expect(try store.statistics().failedLoads == 1)
        #expect(try cache.contains(1) == false)
        database.failure = nil
        #expect(try await sourced.value(for: 1) == "one")
        #expect(try await settledClaims() == 0)
    }

    @Test func `does not keep that there is no value, unless it is told how long`() async throws {
        let sourced = try cache.through(database)
        for _ in 0..<3 {
            #expect(try await sourced.value(for: 9) == nil)
            await store.waitForLoads()
        }
        #expect(database.loads == 3)
        #expect(try await settledClaims() == 0)
    }

    @Test(arguments: [LoadSharing.withinProcess, .amongProcesses])
    func `loads again when it is told to, and forgets what is gone`(sharing: LoadSharing) async throws {
        let sourced = try cache.through(database, options: .init(sharing: sharing))
        _ = try await sourced.value(for: 1)
        database[1] = "uno"
        #expect(try await sourced.value(for: 1) == "one")
        #expect(try await sourced.refresh(1) == "uno")
        await store.waitForLoads()
        #expect(try cache.value(for: 1) == "uno")
        database[1] = nil
        #expect(try await sourced.refresh(1) == nil)
        await store.waitForLoads()
        #expect(try cache.value(for: 1) == nil)
        database.failure = Database.Down()
        _ = try? await sourced.refresh(2)
        #expect(try await settledClaims() == 0)
    }

    @Test func `keeps what it held when a load that was asked for fails`() async throws {
        let sourced = try cache.through(database)
        _ = try await sourced.value(for: 1)
        await store.waitForLoads()
        database.failure = Database.Down()
        await #expect(throws: Database.Down.self) { try await sourced.refresh(1) }
        #expect(try await sourced.value(for: 1) == "one")
    }

    @Test func `is cancelled by nobody else than who waits`() async throws {
        // The last who waits is cancelled at the very moment at which another joins.
        let sourced = try cache.through(options: .init(sharing: .withinProcess)) { key -> String? in
            try await Task.sleep(for: .microseconds(50))
            return "loaded \(key)"
        }
        for round in 0..<200 {
            let leaving = Task { try await sourced.value(for: round) }
            let joining = Task { try await sourced.value(for: round) }
            for _ in 0..<round % 7 { await Task.yield() }
            leaving.cancel()
            #expect(try await joining.value == "loaded \(round)")
            _ = await leaving.result
        }
    }

    @Test func `has its lease taken over when it is abandoned`() async throws {
        let sourced = try cache.through(database)
        database.hold()
        let abandoned = Task { try await sourced.value(for: 1) }
        await database.waitForHeld(1)
        abandoned.cancel()
        await #expect(throws: CancellationError.self) { try await abandoned.value }
        #expect(database.cancellations == 1)
        let next = Task { try await sourced.value(for: 1) }
        await database.waitForHeld(2)
        database.release()
        #expect(try await next.value == "one")
        await store.waitForLoads()
        #expect(try cache.value(for: 1) == "one")
    }

    @Test func `refuses options that mean nothing`() throws {
        func refused(_ options: SourceOptions) -> LarderError.Code? {
            code { _ = try cache.through(database, options: options) }
        }
        #expect(refused(.init(freshness: .init(timeToLive: .zero))) == .invalidOption)
        #expect(refused(.init(freshness: .init(jitter: 1.5))) == .invalidOption)
        #expect(refused(.init(freshness: .init(staleIfError: .seconds(-1)))) == .invalidOption)
        #expect(refused(.init(freshness: .init(negativeTimeToLive: .zero))) == .invalidOption)
        #expect(refused(.init(loadTimeout: .zero)) == .invalidOption)
        #expect(refused(.init(settlement: .zero)) == .invalidOption)
        let accessed = try store.cache(
            "a", key: .int, value: .string, options: .init(expiresAfterAccess: .seconds(1)))
        #expect(code { _ = try accessed.through(database) } == .invalidOption)
    }

    /// Claims in the store, once what was submitted is committed.
    private func settledClaims() async throws -> Int {
        await store.waitForLoads()
        try await store.write { _ in }
        return try store.claimCount()
    }
}

extension Store {
    /// Leases and intents in the store.
    func claimCount() throws -> Int {
        try withReadTransaction { try $0.statistics(of: durable.claims.table).entries }
    }
}
