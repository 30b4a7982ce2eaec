import LMDB
import TestSupport
import Testing

@testable import Larder

/// That memory is warm again after a restart, that this shows no wrong value, and that it writes no more than it must.
@Suite struct `The hot set` {
    let scratch = ScratchDirectory()

    private func open(_ clock: ManualClock? = nil, interval: Duration? = .seconds(60)) throws -> Store {
        try Store(
            at: scratch.store,
            options: .init(
                memoryCapacity: .mebibytes(1), removesExpired: false, hotSetInterval: interval,
                clock: clock?.wallClock ?? .system))
    }

    private func cache(_ store: Store, _ name: String = "c") throws -> Cache<Int, String> {
        try store.cache(name, key: .int, value: .string)
    }

    /// Makes a store in which some keys were hot, and closes it.
    private func makeStore(hot: Range<Int> = 0..<100) throws {
        let store = try open()
        let cache = try cache(store)
        try store.writeBlocking { transaction in
            for key in 0..<1_000 { try transaction.set("v\(key)", for: key, in: cache) }
        }
        store.memory.removeAll()
        for key in hot { #expect(try cache.value(for: key) == "v\(key)") }
        try store.close()
    }

    @Test func `comes back after closing, and reads then hit memory`() throws {
        try makeStore()
        let store = try open()
        let cache = try cache(store)
        try waitUntil { store.memory.statistics.entries == 100 }
        #expect(try store.statistics().memory.warmed == 100)
        for key in 0..<100 { #expect(try cache.value(for: key) == "v\(key)") }
        let statistics = try store.statistics()
        #expect(statistics.memory.hits == 100)
        #expect(statistics.durable.hits == 0 && statistics.memory.misses == 0)
    }

    @Test func `comes back after a kill as it was kept at the last interval`() async throws {
        try makeStore(hot: 0..<10)
        await #expect(processExitsWith: .signal(9)) { [path = scratch.store as String] in
            let clock = ManualClock()
            let store = try Store(
                at: path,
                options: .init(memoryCapacity: .mebibytes(1), hotSetInterval: .seconds(60), clock: clock.wallClock))
            let cache = try store.cache("c", key: .int, value: .string)
            // Nothing is kept before all has come back.
            try waitUntil { store.memory.statistics.entries == 10 && store.hotSet?.isBringingBack == false }
            for key in 500..<700 { _ = try cache.value(for: key) }
            let before = try store.statistics().commits.commits
            for _ in 0..<2 {
                clock.advance(milliseconds: 61_000)
                // Any read from the disk looks at the clock.
                #expect(try cache.value(for: 700 + Int(clock.now % 10)) != nil)
            }
            try waitUntil { try store.statistics().commits.commits > before }
            killSelf()
        }
        let store = try open()
        _ = try cache(store)
        try waitUntil { store.memory.statistics.entries >= 210 }
    }

    @Test func `brings no value back as fresher than it is`() async throws {
        let clock = ManualClock()
        let database = Database([1: "old"])
        let freshness = Freshness(timeToLive: .seconds(10), jitter: 0, staleIfError: .seconds(1_000))
        func sourced(_ store: Store) throws -> SourcedCache<Database> {
            try cache(store).through(database, options: .init(freshness: freshness))
        }
        var store = try open(clock)
        #expect(try await sourced(store).value(for: 1) == "old")
        await store.waitForLoads()
        #expect(try await sourced(store).value(for: 1) == "old")
        try store.close()

        store = try open(clock)
        let sourced = try sourced(store)
        try waitUntil { store.memory.statistics.entries == 1 }
        #expect(try await sourced.value(for: 1) == "old")
        #expect(database.loads == 1)
        database[1] = "new"
        clock.advance(milliseconds: 10_000)
        #expect(try await sourced.value(for: 1) == "new")
        #expect(database.loads == 2)
    }

    @Test func `costs an unused store no commit, nor one whose hot keys stay the same`() throws {
        try makeStore()
        let environment = { try Environment.open(at: scratch.store, options: .init(flushing: nil)) }
        func last() throws -> UInt64 {
            let environment = try environment()
            defer { try? environment.close() }
            return environment.lastTransactionID
        }
        let before = try last()
        let clock = ManualClock()
        for _ in 0..<3 {
            let store = try open(clock)
            let cache = try cache(store)
            try waitUntil { store.memory.statistics.entries == 100 }
            for _ in 0..<5 {
                clock.advance(milliseconds: 61_000)
                for key in 0..<101 { _ = try cache.value(for: key) }
            }
            try store.close()
        }
        try open().close()
        #expect(try last() == before)
    }

    @Test func `is neither written nor read where it is turned off`() throws {
        try makeStore()
        let kept = try RawStore.contents(at: scratch.store)["hotset"]
        #expect(kept?.isEmpty == false)
        let store = try open(interval: nil)
        let cache = try cache(store)
        for key in 500..<900 { _ = try cache.value(for: key) }
        #expect(try store.statistics().memory.warmed == 0)
        #expect(try store.statistics().commits.commits == 0)
        try store.close()
        #expect(try RawStore.contents(at: scratch.store)["hotset"] == kept)
    }

    @Test func `brings back what is there now, and nothing that is gone`() throws {
        try makeStore()
        let other = try open(interval: nil)
        let there = try cache(other)
        try there.setBlocking("new", for: 1)
        try there.removeBlocking(2)
        try other.close()
        let store = try open()
        let cache = try cache(store)
        try waitUntil { store.memory.statistics.entries == 99 }
        #expect(try cache.value(for: 1) == "new")
        #expect(try cache.value(for: 2) == nil)
    }

    @Test func `comes back beside writers without ever showing an older value`() async throws {
        try makeStore(hot: 0..<900)
        for round in 0..<5 {
            let store = try open()
            let cache = try cache(store)
            try await inThreads(2) { thread in
                for key in stride(from: thread, to: 900, by: 2) {
                    let value = "round \(round) \(key)"
                    try cache.setBlocking(value, for: key)
                    #expect(try cache.value(for: key) == value)
                }
            }
            for key in 0..<900 { #expect(try cache.value(for: key) == "round \(round) \(key)") }
            try store.close()
        }
    }

    @Test func `is not lost when a store is closed before it has come back`() throws {
        try makeStore(hot: 0..<900)
        let kept = try RawStore.contents(at: scratch.store)["hotset"]
        for _ in 0..<5 {
            let store = try open()
            _ = try cache(store)
            try store.close()
        }
        #expect(try RawStore.contents(at: scratch.store)["hotset"] == kept)
    }

    @Test func `hands on the keys of caches that are not opened`() throws {
        let first = try open()
        for name in ["c", "d"] {
            let cache = try cache(first, name)
            for key in 0..<50 { try cache.setBlocking("v", for: key) }
        }
        try first.close()
        let second = try open()
        let only = try cache(second, "d")
        try waitUntil { second.memory.statistics.entries == 50 }
        for key in 50..<150 { try only.setBlocking("v", for: key) }
        try second.close()
        let third = try open()
        _ = try cache(third, "c")
        try waitUntil { third.memory.statistics.entries == 50 }
        _ = try cache(third, "d")
        try waitUntil { third.memory.statistics.entries == 200 }
    }

    @Test func `leaves room for what is hotter now, and never passes the budget`() throws {
        let store = try open()
        let bytes = try store.cache("b", key: .int, value: .bytes)
        try store.writeBlocking { transaction in
            for key in 0..<3_000 { try transaction.set([UInt8](repeating: 1, count: 500), for: key, in: bytes) }
        }
        for key in 0..<3_000 { _ = try bytes.value(for: key) }
        try store.close()
        let again = try open()
        _ = try again.cache("b", key: .int, value: .bytes)
        try waitUntil { !again.hotSet!.isBringingBack }
        let statistics = again.memory.statistics
        #expect(statistics.entries > 1_000)
        #expect(statistics.highestBytes <= statistics.capacity)
        #expect(statistics.evictions <= 32)
    }

    @Test func `is checked, and a damaged part is found and left out`() throws {
        try makeStore()
        #expect(try StoreVerification.run(at: scratch.store).isHealthy)
        try RawStore.replace([0, 0, 0, 0], in: "hotset", at: scratch.store) { value in
            var value = value
            value[20] ^= 1
            return value
        }
        let verification = try StoreVerification.run(at: scratch.store)
        #expect(verification.problems == ["1 parts of the list of hot keys are damaged; no answer depends on them"])
        let store = try open()
        let cache = try cache(store)
        #expect(try cache.value(for: 1) == "v1")
        try waitUntil { !store.hotSet!.isBringingBack }
        #expect(try store.statistics().memory.warmed == 0)
        try store.close()
        #expect(try StoreVerification.run(at: scratch.store).isHealthy)
    }

    @Test func `of many keys lies in several parts and comes back in their order`() throws {
        let entries = (0..<10_000).map {
            HotSetTable.Entry(keyspace: UInt32($0 % 7), key: [UInt8](repeating: UInt8($0 % 256), count: $0 % 512))
        }
        let parts = HotSetTable.parts(of: entries, seed: 5)
        #expect(parts.count > 10)
        #expect(parts.allSatisfy { $0.count <= 32 << 10 })
        var read: [HotSetTable.Entry] = []
        for (number, part) in parts.enumerated() {
            let key: [UInt8] = [0, 0, UInt8(number >> 8), UInt8(number & 255)]
            let own = HotSetTable.entries(key: key.span, value: part.span, seed: 5)
            read += try #require(own)
            let other: [UInt8] = [0, 1, 0, 0]
            let elsewhere = HotSetTable.entries(key: other.span, value: part.span, seed: 5)
            #expect(elsewhere == nil)
        }
        #expect(read == entries)
        #expect(HotSetTable.parts(of: [], seed: 5).isEmpty)
    }

    @Test func `resembles another as far as they have keys in common`() {
        func sample(_ range: Range<Int>) -> KeySample {
            KeySample(range.map { HotSetTable.Entry(keyspace: 1, key: Array("key \($0)".utf8)) })
        }
        #expect(sample(0..<100).resemblance(to: sample(0..<100)) == 1)
        #expect(sample(0..<100).resemblance(to: sample(100..<200)) == 0)
        #expect(abs(sample(0..<100).resemblance(to: sample(50..<150)) - 1.0 / 3) < 1e-9)
        #expect(abs(sample(0..<60_000).resemblance(to: sample(30_000..<90_000)) - 1.0 / 3) < 0.06)
        #expect(sample(0..<0).resemblance(to: sample(0..<0)) == 1)
    }
}
