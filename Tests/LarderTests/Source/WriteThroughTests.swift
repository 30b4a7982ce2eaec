import Synchronization
import TestSupport
import Testing

@testable import Larder

@Suite(.timeLimit(.minutes(10))) struct `A write through a cache` {
    let scratch = ScratchDirectory()
    let clock = ManualClock()
    let timer = ManualTimer()
    let store: Store
    let cache: Cache<Int, String>
    let database = Database([1: "old", 2: "two"])
    let sourced: SourcedCache<Database>

    init() throws {
        store = try Store(at: scratch.store, options: .init(clock: clock.wallClock))
        cache = try store.cache("c", key: .int, value: .string)
        sourced = try cache.through(
            database,
            options: .init(
                loadTimeout: nil, writeTimeout: .seconds(10), settlement: .seconds(20), timeoutClock: timer))
    }

    private func settle() async throws {
        await store.waitForLoads()
        try await store.write { _ in }
    }

    private func claim(on key: Int) throws -> Claim? {
        let hash = try cache.memoryKey(key).hash
        return try store.withReadTransaction { try store.durable.claims.claim(on: hash, in: cache.keyspace, of: $0) }
    }

    /// Begins a write of key 1 that waits for the database.
    private func beginWrite(_ value: String? = "new") async -> Task<Void, any Error> {
        database.hold()
        let writer = Task { [sourced] in
            if let value { try await sourced.set(value, for: 1) } else { try await sourced.remove(1) }
        }
        await database.waitForHeld(1)
        return writer
    }

    @Test func `reaches the source and both tiers`() async throws {
        _ = try await sourced.value(for: 1)
        try await sourced.set("new", for: 1)
        #expect(database[1] == "new")
        #expect(try cache.value(for: 1) == "new")
        store.memory.removeAll()
        #expect(try cache.value(for: 1) == "new")
        #expect(try claim(on: 1) == nil)
        try await sourced.remove(1)
        #expect(database[1] == nil)
        #expect(try cache.value(for: 1) == nil)
        #expect(try claim(on: 1) == nil)
    }

    @Test(arguments: ["new", nil])
    func `makes the key absent until it is done, and keeps no load`(value: String?) async throws {
        _ = try await sourced.value(for: 1)
        let writer = await beginWrite(value)
        #expect(try cache.value(for: 1) == nil)
        #expect(try claim(on: 1)?.kind == .intent)
        // They are held up too, once they have read the old value.
        let readers = (0..<10).map { _ in Task { [sourced] in try await sourced.value(for: 1) } }
        let closure = Task { [cache, database] in try await cache.value(for: 1) { try await database.load($0) } }
        await database.waitForHeld(2)
        database.release()
        try await writer.value
        for reader in readers {
            let answer = try await reader.value
            #expect(answer == "old" || answer == value)
        }
        _ = try await closure.value
        try await settle()
        #expect(try cache.value(for: 1) == value)
        #expect(try await sourced.value(for: 1) == value)
    }

    @Test func `is not undone by a load that began before it`() async throws {
        for write in ["new", nil] {
            database[1] = "old"
            try await sourced.invalidateAll()
            database.hold()
            let reader = Task { [sourced] in try await sourced.value(for: 1) }
            await database.waitForHeld(1)
            let writer = Task { [sourced] in
                if let write { try await sourced.set(write, for: 1) } else { try await sourced.remove(1) }
            }
            await database.waitForHeld(2)
            database.release()
            try await writer.value
            #expect(try await reader.value == "old")
            try await settle()
            #expect(try cache.value(for: 1) == write)
        }
    }

    @Test func `fails if the source does, and leaves the key absent and free`() async throws {
        _ = try await sourced.value(for: 1)
        database.failure = Database.Down()
        await #expect(throws: Database.Down.self) { try await sourced.set("new", for: 1) }
        #expect(try cache.value(for: 1) == nil)
        #expect(try claim(on: 1) == nil)
        database.failure = nil
        #expect(try await sourced.value(for: 1) == "old")
        try await settle()
        #expect(try cache.value(for: 1) == "old")
    }

    enum Doubt: CaseIterable, Sendable {
        case timeout, unknownOutcome, cancellation
    }

    @Test(arguments: Doubt.allCases)
    func `has an unknown outcome if nobody knows, and the key is not kept until it is settled`(doubt: Doubt)
        async throws
    {
        let writer = await beginWrite()
        switch doubt {
        case .timeout: await timer.advanceWhenAwaited(by: .seconds(10))
        case .unknownOutcome:
            database.failure = UnknownOutcome(Database.Down())
            database.release()
        case .cancellation:
            database.failure = CancellationError()
            database.release()
        }
        #expect(await code { try await writer.value } == .outcomeUnknown)
        database.failure = nil
        // A source that was given up applies the write all the same.
        database.release()
        #expect(try claim(on: 1)?.owner == 0)
        clock.advance(milliseconds: 29_999)
        _ = try await sourced.value(for: 1)
        try await settle()
        #expect(try cache.value(for: 1) == nil)
        database[1] = "settled"
        clock.advance(milliseconds: 1)
        #expect(try await sourced.value(for: 1) == "settled")
        try await settle()
        #expect(try cache.value(for: 1) == "settled")
        #expect(try claim(on: 1) == nil)
    }

    @Test func `waits for another of its key, and not for those of other keys`() async throws {
        let first = await beginWrite("first")
        let second = Task { [sourced] in try await sourced.set("second", for: 1) }
        let other = Task { [sourced] in try await sourced.set("other", for: 2) }
        await database.waitForHeld(2)
        #expect(database.writes == 2)
        database.release()
        for writer in [first, second, other] { try await writer.value }
        #expect(database.writes == 3)
        #expect(database[1] == "second")
        #expect(try cache.value(for: 1) == "second")
        #expect(try cache.value(for: 2) == "other")
    }

    @Test func `leaves in the cache what the source holds, however many write`() async throws {
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<40 {
                group.addTask { [sourced] in
                    do {
                        if task % 5 == 0 {
                            try await sourced.remove(task % 2)
                        } else {
                            try await sourced.set("\(task)", for: task % 2)
                        }
                    } catch { Issue.record(error) }
                }
                group.addTask { [sourced] in _ = try? await sourced.value(for: task % 2) }
            }
        }
        try await settle()
        for key in 0..<2 {
            let (held, row) = (try cache.value(for: key), database[key])
            #expect(held == nil || held == row)
            #expect(try await sourced.value(for: key) == database[key])
        }
    }

    @Test func `gives up waiting for another of its key in time`() async throws {
        let first = await beginWrite("first")
        let second = Task { [sourced] in try await sourced.set("second", for: 1) }
        // The first waits for its source, the second for the first.
        while timer.sleepers < 2 { await Task.yield() }
        let held = try #require(try claim(on: 1))
        timer.advance(by: .seconds(10))
        let codes = [await code { try await first.value }, await code { try await second.value }]
        #expect(codes == [.outcomeUnknown, .busy])
        #expect(try claim(on: 1)?.token == held.token)
        #expect(database.writes == 1)
        database.release()
    }

    @Test func `is not kept if somebody else changes or invalidates the key meanwhile`() async throws {
        for round in 0..<5 {
            let writer = await beginWrite("new \(round)")
            switch round {
            case 0: try await sourced.invalidate(1)
            case 1: try await sourced.invalidateAll()
            case 2: _ = try await sourced.invalidate(tag: "any")
            case 3: try await cache.removeAll(from: 0, to: 5)
            default: try await cache.set("theirs", for: 1)
            }
            database.release()
            try await writer.value
            #expect(try cache.value(for: 1) == nil, "round \(round)")
            #expect(try claim(on: 1) == nil)
            #expect(try await sourced.value(for: 1) == "new \(round)")
        }
    }

    @Test func `is not stopped by its task's cancellation once the source is being written`() async throws {
        let writer = await beginWrite()
        writer.cancel()
        database.release()
        try await writer.value
        #expect(try cache.value(for: 1) == "new")
        let late = Task { [sourced] in
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            try await sourced.set("never", for: 1)
        }
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(database[1] == "new")
        #expect(try cache.value(for: 1) == "new")
    }

    // MARK: Other processes

    @Test(arguments: [SourceWriteStep.intended, .written])
    func `by a process that dies is settled by another, and not before its deadline`(step: SourceWriteStep)
        async throws
    {
        clock.set(WallClock.system.now())
        _ = try await sourced.value(for: 1)
        try await settle()
        await #expect(processExitsWith: .failure) {
            [path = scratch.store as String, step = step.rawValue as String] in
            let store = try Store(at: path)
            let cache = try store.cache("c", key: .int, value: .string)
            var options = SourceOptions()
            options.observesWrite = { if $0.rawValue == step { killSelf() } }
            let sourced = try cache.through(Database([1: "old"]), options: options)
            try await sourced.set("new", for: 1)
        }
        #expect(try cache.value(for: 1) == nil)
        let intent = try #require(try claim(on: 1))
        #expect(intent.kind == .intent)
        // It may have reached the source: the loads answer, and are not kept.
        database[1] = step == .written ? "new" : "old"
        #expect(try await sourced.value(for: 1) == database[1])
        try await settle()
        #expect(try cache.value(for: 1) == nil)
        // Now the source applies it, late.
        database[1] = "new"
        clock.set(intent.deadline)
        #expect(try await sourced.value(for: 1) == "new")
        try await settle()
        #expect(try cache.value(for: 1) == "new")
        #expect(try claim(on: 1) == nil)
    }

    @Test func `by a process that lives is not settled by another, however late it is`() async throws {
        let writer = await beginWrite()
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            // Of its own clock, the deadline has passed long ago.
            let store = try Store(at: path, options: .init(clock: WallClock { WallClock.system.now() * 2 }))
            let cache = try store.cache("c", key: .int, value: .string)
            let sourced = try cache.through(Database([1: "old"]), options: .init(writeTimeout: .milliseconds(50)))
            #expect(try await sourced.value(for: 1) == "old")
            await store.waitForLoads()
            #expect(try cache.value(for: 1) == nil)
            await #expect(throws: LarderError.self) { try await sourced.set("theirs", for: 1) }
        }
        database.release()
        try await writer.value
        #expect(try cache.value(for: 1) == "new")
    }
}
