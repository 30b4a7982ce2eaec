import TestSupport
import Testing

@testable import Larder

@Suite(.timeLimit(.minutes(10))) struct `The freshness of a value` {
    let scratch = ScratchDirectory()
    let clock = ManualClock()
    let store: Store
    let cache: Cache<Int, String>
    let database = Database([1: "one", 2: "two"])

    init() throws {
        store = try Store(at: scratch.store, options: .init(removesExpired: false, clock: clock.wallClock))
        cache = try store.cache("c", key: .int, value: .string)
    }

    private func sourced(_ freshness: Freshness) throws -> SourcedCache<Database> {
        try cache.through(database, options: .init(freshness: freshness))
    }

    /// Waits until everything that was loaded is kept, in a store where no clock moves by itself.
    private func settle() async throws {
        await store.waitForLoads()
        try await store.write { _ in }
    }

    @Test func `ends with its time to live, and not before`() async throws {
        let sourced = try sourced(.init(timeToLive: .seconds(10), jitter: 0))
        #expect(try await sourced.value(for: 1) == "one")
        try await settle()
        database[1] = "uno"
        clock.advance(milliseconds: 9_999)
        #expect(try await sourced.value(for: 1) == "one")
        clock.advance(milliseconds: 1)
        #expect(try await sourced.value(for: 1) == "uno")
        #expect(database.loads == 2)
    }

    @Test func `is shortened at random by the jitter`() {
        let freshness = Freshness(jitter: 0.25)
        for (random, milliseconds) in [(0, 1_000), (0.5, 875), (1, 750)] as [(Double, UInt64)] {
            guard case .milliseconds(milliseconds) = freshness.lifetime(timeToLive: 1_000, random: random) else {
                Issue.record("\(freshness.lifetime(timeToLive: 1_000, random: random))")
                continue
            }
        }
    }

    @Test func `of an entry is what its source says`() async throws {
        let database = Database([1: "short", 2: "long"]) { value in
            EntryAttributes(timeToLive: value == "short" ? .seconds(1) : nil)
        }
        let sourced = try cache.through(
            database, options: .init(freshness: .init(timeToLive: .seconds(100), jitter: 0)))
        _ = try await sourced.values(for: [1, 2])
        try await settle()
        #expect(try cache.remainingTimeToLive(for: 1) == .seconds(1))
        #expect(try cache.remainingTimeToLive(for: 2) == .seconds(100))
    }

    @Test func `is renewed ahead of its end by one load, and early readers do not wait`() async throws {
        let sourced = try sourced(.init(timeToLive: .seconds(10), jitter: 0, refreshAhead: .seconds(2)))
        _ = try await sourced.value(for: 1)
        try await settle()
        database[1] = "uno"
        clock.advance(milliseconds: 7_999)
        #expect(try await sourced.value(for: 1) == "one")
        #expect(database.loads == 1)
        clock.advance(milliseconds: 1)
        database.hold()
        for _ in 0..<50 { #expect(try await sourced.value(for: 1) == "one") }
        await database.waitForHeld(1)
        for _ in 0..<50 { #expect(try await sourced.value(for: 1) == "one") }
        #expect(database.loads == 2)
        database.release()
        try await settle()
        #expect(try await sourced.value(for: 1) == "uno")
        #expect(try cache.remainingTimeToLive(for: 1) == .seconds(10))
        #expect(database.loads == 2)
    }

    @Test func `may be over while a value is loaded again`() async throws {
        let sourced = try sourced(.init(timeToLive: .seconds(10), jitter: 0, staleWhileRevalidate: .seconds(5)))
        _ = try await sourced.value(for: 1)
        try await settle()
        database[1] = "uno"
        clock.advance(milliseconds: 14_999)
        database.hold()
        for _ in 0..<10 { #expect(try await sourced.value(for: 1) == "one") }
        #expect(try store.statistics().staleAnswers == 10)
        database.release()
        try await settle()
        #expect(try await sourced.value(for: 1) == "uno")
        #expect(database.loads == 2)
        // Longer than that it is no answer.
        clock.advance(milliseconds: 15_000)
        database[1] = "eins"
        #expect(try await sourced.value(for: 1) == "eins")
    }

    @Test func `may be over while the source fails: every key that is held is answered, and becomes fresh again`()
        async throws
    {
        let keys = 0..<100
        for key in keys { database[key] = "old \(key)" }
        let sourced = try sourced(
            .init(timeToLive: .seconds(10), jitter: 0.5, staleIfError: .seconds(1_000), retryDelay: .seconds(1)))
        for key in keys { _ = try await sourced.value(for: key) }
        try await settle()
        for key in keys { database[key] = "new \(key)" }
        database.failure = Database.Down()
        clock.advance(milliseconds: 10_000)
        var answered = 0
        for _ in 0..<3 {
            for key in keys where try await sourced.value(for: key) == "old \(key)" { answered += 1 }
        }
        #expect(answered == 300)
        // The source is left alone for a while with each key.
        #expect(database.loads == 200)
        #expect(try store.statistics().failedLoads == 100)
        database.failure = nil
        clock.advance(milliseconds: 1_000)
        for key in keys { #expect(try await sourced.value(for: key) == "new \(key)") }
        #expect(database.loads == 300)
    }

    @Test func `is over for good after the longest staleness`() async throws {
        let sourced = try sourced(.init(timeToLive: .seconds(10), jitter: 0, staleIfError: .seconds(20)))
        _ = try await sourced.value(for: 1)
        try await settle()
        database.failure = Database.Down()
        clock.advance(milliseconds: 29_999)
        #expect(try await sourced.value(for: 1) == "one")
        clock.advance(milliseconds: 1)
        await #expect(throws: Database.Down.self) { try await sourced.value(for: 1) }
    }

    @Test func `is kept over a restart`() async throws {
        let freshness = Freshness(
            timeToLive: .seconds(10), jitter: 0, refreshAhead: .seconds(2), staleIfError: .seconds(20),
            negativeTimeToLive: .seconds(15))
        let before = try sourced(freshness)
        _ = try await before.value(for: 1)
        _ = try await before.value(for: 9)
        try await settle()
        try store.close()
        let again = try Store(at: scratch.store, options: .init(removesExpired: false, clock: clock.wallClock))
        let sourced = try again.cache("c", key: .int, value: .string)
            .through(database, options: .init(freshness: freshness))
        database.failure = Database.Down()
        clock.advance(milliseconds: 7_999)
        #expect(try await sourced.value(for: 1) == "one")
        #expect(try await sourced.value(for: 9) == nil)
        #expect(database.loads == 2)
        clock.advance(milliseconds: 1)
        #expect(try await sourced.value(for: 1) == "one")
        await again.waitForLoads()
        #expect(database.loads == 3)
        clock.advance(milliseconds: 20_000)
        #expect(try await sourced.value(for: 1) == "one")
        await #expect(throws: Database.Down.self) { try await sourced.value(for: 9) }
        try again.close()
    }

    // MARK: That there is no value

    @Test func `of a missing value is its own, and no plain cache takes it for a value`() async throws {
        let sourced = try sourced(.init(timeToLive: .seconds(100), negativeTimeToLive: .seconds(5)))
        try await cache.set("two", for: 2)
        #expect(try await sourced.value(for: 9) == nil)
        try await settle()
        for _ in 0..<3 { #expect(try await sourced.value(for: 9) == nil) }
        #expect(database.loads == 1)
        #expect(try cache.value(for: 9) == nil)
        #expect(try cache.contains(9) == false)
        #expect(try cache.remainingTimeToLive(for: 9) == nil)
        #expect(try cache.withBytes(for: 9) { $0.count } == nil)
        #expect(try cache.entries().map(\.key) == [2])
        #expect(try cache.count() == 1)
        #expect(try store.read { try $0.value(for: 9, in: cache) } == nil)
        #expect(try await cache.touch(9) == false)
        #expect(try await cache.value(for: 9) { _ in nil } == nil)
        clock.advance(milliseconds: 5_000)
        database[9] = "nine"
        #expect(try cache.count() == 1)
        #expect(try await sourced.value(for: 9) == "nine")
        try await settle()
        #expect(try cache.count() == 2)
    }

    @Test func `of a missing value gives way to a value that is set`() async throws {
        let sourced = try sourced(.init(negativeTimeToLive: .seconds(5)))
        for key in [8, 9] { _ = try await sourced.value(for: key) }
        try await settle()
        #expect(try await cache.setIfAbsent("eight", for: 8))
        #expect(try await cache.remove(9) == false)
        database[9] = "nine"
        #expect(try await sourced.value(for: 9) == "nine")
        #expect(try await sourced.value(for: 8) == "eight")
        try await settle()
        #expect(try cache.count() == 2)
        try store.close()
        #expect(try StoreVerification.run(at: scratch.store).isHealthy)
    }

    // MARK: Time limits

    private func limited(
        soft: Duration? = nil, hard: Duration? = nil, _ freshness: Freshness = .init()
    ) throws -> (SourcedCache<Database>, ManualTimer) {
        let timer = ManualTimer()
        let options = SourceOptions(
            freshness: freshness, softLoadTimeout: soft, loadTimeout: hard, timeoutClock: timer)
        return (try cache.through(database, options: options), timer)
    }

    @Test func `ends a load that takes too long`() async throws {
        let (sourced, timer) = try limited(hard: .seconds(3))
        database.hold()
        let reader = Task { try await sourced.value(for: 1) }
        await database.waitForHeld(1)
        await timer.advanceWhenAwaited(by: .seconds(3))
        #expect(await code { _ = try await reader.value } == .sourceTimedOut)
        while database.cancellations == 0 { await Task.yield() }
        database.release()
        #expect(try await sourced.value(for: 1) == "one")
    }

    @Test func `lets a stale value answer for a load that is slow, and the load go on`() async throws {
        let (sourced, timer) = try limited(
            soft: .seconds(1), .init(timeToLive: .seconds(10), jitter: 0, staleIfError: .seconds(20)))
        _ = try await sourced.value(for: 1)
        try await settle()
        clock.advance(milliseconds: 10_000)
        database[1] = "uno"
        database.hold()
        let reader = Task { try await sourced.value(for: 1) }
        await database.waitForHeld(1)
        await timer.advanceWhenAwaited(by: .seconds(1))
        #expect(try await reader.value == "one")
        #expect(database.cancellations == 0)
        database.release()
        try await settle()
        #expect(try await sourced.value(for: 1) == "uno")
        #expect(database.loads == 2)
    }

    @Test func `lets a stale value answer for a load that takes too long`() async throws {
        let (sourced, timer) = try limited(
            hard: .seconds(3), .init(timeToLive: .seconds(10), jitter: 0, staleIfError: .seconds(20)))
        _ = try await sourced.value(for: 1)
        try await settle()
        clock.advance(milliseconds: 10_000)
        database.hold()
        let reader = Task { try await sourced.value(for: 1) }
        await database.waitForHeld(1)
        await timer.advanceWhenAwaited(by: .seconds(3))
        #expect(try await reader.value == "one")
        database.release()
    }
}
