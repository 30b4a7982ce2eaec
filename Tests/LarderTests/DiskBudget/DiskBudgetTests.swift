import LMDB
import TestSupport
import Testing

@testable import Larder

/// What the file of a store takes.
func fileLength(_ path: String) throws -> Int {
    try FileSystem.size(of: path + "/data.mdb").length
}

/// A value that is as long as it says and is known by its bytes.
func filler(_ number: Int, _ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: max(count, 8))
    for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
    return bytes
}

@Suite struct `A cache with a budget on disk` {
    let scratch = ScratchDirectory()
    let budget = ByteCount.mebibytes(8)
    let clock = ManualClock()

    private func open(memory: ByteCount = .mebibytes(1), budget: ByteCount? = nil) throws -> Store {
        try Store(
            at: scratch.store,
            options: .init(
                purpose: .cache(diskBudget: budget ?? self.budget), memoryCapacity: memory,
                durability: .rebuildable(afterPowerCut: .startEmpty), clock: clock.wallClock))
    }

    /// Checks every page and record, and that the index of what expires names every record that does.
    private func verify() throws {
        let verification = try StoreVerification.run(at: scratch.store)
        #expect(verification.isHealthy, "\(verification.problems) \(verification.damagedRecords)")
    }

    private func fill(
        _ store: Store, _ cache: Cache<Int, [UInt8]>, _ keys: some Sequence<Int>, size: Int = 1_000,
        expires: Expiration = .never
    ) async throws {
        let keys = Array(keys)
        for start in stride(from: 0, to: keys.count, by: 50) {
            try await store.write { transaction in
                for key in keys[start..<min(start + 50, keys.count)] {
                    try transaction.set(filler(key, size), for: key, in: cache, expires: expires)
                }
            }
        }
    }

    /// Keys in no order, so that nearly each of them lies on a page of its own.
    private func scatteredKeys(_ count: Int, seed: UInt64) -> [Int] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in Int.random(in: 0..<1_000_000, using: &random) }
    }

    @Test(arguments: [0, 1, 64])
    func `keeps to it however much is written, in small values and large, over several caches`(memory: Int) async throws
    {
        let store = try open(memory: .mebibytes(memory))
        let caches = try (0..<3).map { try store.cache("c\($0)", key: .int, value: .bytes) }
        var random = SeededGenerator(seed: 7)
        for round in 0..<1_500 {
            let writes = (0..<Int.random(in: 1...20, using: &random)).map { _ in
                let sizes = random.oneIn(50) ? 10_000...200_000 : 8...2_000
                return (
                    Int.random(in: 0..<3, using: &random), Int.random(in: 0..<1_000_000, using: &random),
                    Int.random(in: sizes, using: &random)
                )
            }
            let expiration: Expiration = random.oneIn(4) ? .after(.seconds(1_000)) : .never
            try await store.write { [caches] transaction in
                for (cache, key, size) in writes {
                    try transaction.set(filler(key, size), for: key, in: caches[cache], expires: expiration)
                }
            }
            try #require(fileLength(scratch.store) <= budget.bytes, "after round \(round)")
        }
        let statistics = try store.statistics().durable
        #expect(statistics.evicted > 1_000)
        #expect(statistics.refused == 0)
        #expect(statistics.usedBytes > budget.bytes / 2)
        for cache in caches {
            try cache.forEach { key, value in #expect(value == filler(key, value.count)) }
        }
        try store.close()
        try verify()
    }

    @Test(arguments: 0..<4)
    func `finds pages in a row for the longest values among small ones, whatever is written beside them`(
        seed: UInt64
    ) async throws {
        let store = try open()
        let cache = try store.cache("c", key: .int, value: .bytes)
        var random = SeededGenerator(seed: seed)
        for round in 0..<400 {
            // The longest that is allowed, once in a while and not for long, so that none finds the place of another.
            let longest = round % 20 == 19 ? budget.bytes / 8 - 8 : 0
            let writes = (0..<40).map { _ in (Int.random(in: 0..<1_000_000, using: &random), 500) }
            try await store.write { transaction in
                for (key, size) in writes { try transaction.set(filler(key, size), for: key, in: cache) }
                if longest > 0 { try transaction.set(filler(round, longest), for: -1, in: cache) }
            }
            if longest > 0 {
                #expect(try cache.value(for: -1) == filler(round, longest))
                try await cache.remove(-1)
            }
        }
        #expect(try store.statistics().durable.refused == 0)
        try store.close()
        try verify()
    }

    @Test func `has a hand that finds a record wherever it stands, also behind the last one`() async throws {
        let store = try open(memory: .mebibytes(0))
        let caches = try (0..<2).map { try store.cache("c\($0)", key: .int, value: .bytes) }
        for key in 0..<10 { try await caches[1].set(filler(key, 100), for: key) }
        let judge = ClockHand.Judge(references: try #require(store.durable.references), memory: store.memory, now: 0)
        var hand = ClockHand()
        for move in 0..<40 {
            let victims = try store.durable.environment.read { transaction in
                try hand.advance(
                    over: caches.map(\.keyspace), taking: .init(bytes: 300, least: 0), judge, store.durable,
                    in: transaction, pageSize: 4_096)
            }
            #expect(victims.count == 3, "move \(move)")
        }
    }

    @Test func `has plans that can be halved until one record of each kind is left, and no further`() throws {
        let store = try open()
        let cache = try store.cache("c", key: .int, value: .bytes)
        let records = (0..<5).map { EvictionPlan.Victim(keyspace: cache.keyspace, key: .number($0)) }
        let plan = EvictionPlan(victims: Array(records.prefix(3)), rewritten: records)
        #expect((0..<100).prefix { _ in plan.halve() }.count == 3)
        #expect(plan.victims.count == 1 && plan.rewritten.count == 1)
    }

    @Test func `answers with nothing or the last value written, from memory as from disk`() async throws {
        let store = try open(memory: .mebibytes(32))
        let cache = try store.cache("c", key: .int, value: .bytes)
        var random = SeededGenerator(seed: 3)
        var last: [Int: Int] = [:]
        for round in 0..<20_000 {
            let key = Int.random(in: 0..<15_000, using: &random)
            if random.oneIn(3) {
                let value = try cache.value(for: key)
                #expect(value == nil || value == last[key].map { filler($0, 1_000) })
                let record = try store.read { try $0.value(for: key, in: cache) }
                #expect(value == record)
            } else {
                last[key] = round
                try await cache.set(filler(round, 1_000), for: key)
            }
        }
        #expect(try store.statistics().durable.evicted > 100)
    }

    @Test func `evicts what has expired and leaves the rest alone while that is enough`() async throws {
        let store = try open()
        let cache = try store.cache("c", key: .int, value: .bytes)
        try await fill(store, cache, 0..<2_000)
        try await fill(store, cache, 2_000..<4_000, expires: .after(.seconds(10)))
        #expect(try store.statistics().durable.evicted == 0)
        clock.advance(milliseconds: 10_000)
        try await fill(store, cache, 10_000..<12_000)
        let statistics = try store.statistics().durable
        #expect(statistics.expired > 0)
        #expect(statistics.evicted == 0)
        #expect(try cache.count() == 4_000)
        try store.close()
        try verify()
    }

    @Test(arguments: [0, 1, 64])
    func `keeps what is read again and again, through memory or from disk`(memory: Int) async throws {
        let store = try open(memory: .mebibytes(memory))
        let cache = try store.cache("c", key: .int, value: .bytes)
        let hot = (0..<500).map { $0 * 97 }
        for key in hot { try await cache.set(filler(key, 1_000), for: key) }
        for round in 0..<200 {
            for key in hot { _ = try cache.value(for: key) }
            try await fill(store, cache, 100_000 + round * 200..<100_000 + (round + 1) * 200)
        }
        let kept = try hot.count { try cache.contains($0) }
        #expect(kept >= 495, "of 500")
        #expect(try store.statistics().durable.evicted > 30_000)
    }

    @Test func `does not evict a record that stands for more than itself`() async throws {
        var store = try open()
        var cache = try store.cache("c", key: .int, value: .bytes)
        try await fill(store, cache, 0..<100)
        try store.close()
        // Flags of a later version, or of another use.
        try RawStore.change("cache.1", at: scratch.store) { entries in
            for key in entries.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }).prefix(50) {
                entries[key]?[9] = 0x80
            }
        }
        store = try open()
        cache = try store.cache("c", key: .int, value: .bytes)
        try await fill(store, cache, 1_000..<40_000)
        for key in 0..<50 {
            #expect(code { _ = try cache.value(for: key) } == .damagedRecord, "key \(key) is gone")
        }
    }

    @Test func `refuses a value longer than an eighth of it, and nothing else of that transaction's neighbours`()
        async throws
    {
        let store = try open()
        let cache = try store.cache("c", key: .int, value: .bytes)
        try await cache.set(filler(1, budget.bytes / 8), for: 1)
        let refused = await code { try await cache.set(filler(2, budget.bytes / 8 + 1), for: 2) }
        #expect(refused == .valueTooLarge)
        #expect(try cache.value(for: 1)?.count == budget.bytes / 8)
    }

    @Test func `takes the longest value into a file that is full of short ones`() async throws {
        let store = try open()
        let cache = try store.cache("c", key: .int, value: .bytes)
        try await fill(store, cache, scatteredKeys(20_000, seed: 5), size: 300)
        let before = try cache.count()
        for key in 0..<4 { try await cache.set(filler(key, budget.bytes / 16), for: -1 - key) }
        #expect(try cache.value(for: -4)?.count == budget.bytes / 16)
        #expect(try cache.count() > before / 3)
        #expect(try fileLength(scratch.store) <= budget.bytes)
        try store.close()
        try verify()
    }

    @Test func `refuses a transaction that writes more than it, whole, and goes on`() async throws {
        let store = try open()
        let cache = try store.cache("c", key: .int, value: .bytes)
        try await fill(store, cache, 0..<1_000)
        let refused = await code {
            try await store.write { transaction in
                for key in 10_000..<20_000 { try transaction.set(filler(key, 1_000), for: key, in: cache) }
            }
        }
        #expect(refused == .diskBudgetExceeded)
        #expect(try store.statistics().durable.refused == 1)
        #expect(try cache.contains(10_000) == false)
        try await cache.set(filler(1, 1_000), for: 1)
        #expect(try fileLength(scratch.store) <= budget.bytes)
        try store.close()
        try verify()
    }

    @Test func `removes what has expired however little room there is for it`() async throws {
        let store = try open()
        let cache = try store.cache("c", key: .int, value: .bytes)
        // Nearly every removal changes, and copies, a page of its own.
        try await fill(store, cache, scatteredKeys(8_000, seed: 3), size: 1_500, expires: .after(.seconds(60)))
        let count = try cache.count()
        clock.advance(milliseconds: 61_000)
        try await store.removeExpired()
        #expect(try store.statistics().durable.expired >= count)
        #expect(try fileLength(scratch.store) <= budget.bytes)
        try store.close()
        try verify()
    }

    @Test func `refuses what adds while a reader holds on to the pages that are free, and lets removals through`()
        async throws
    {
        let store = try open()
        let cache = try store.cache("c", key: .int, value: .bytes)
        try await fill(store, cache, 0..<10_000)
        let keys = try cache.entries().map(\.key)
        let (opened, done) = (NamedPipe(scratch.store + ".opened"), NamedPipe(scratch.store + ".done"))
        async let reader: Void = {
            await #expect(processExitsWith: .success) { [path = scratch.store as String] in
                let store = try Store(
                    at: path, options: .init(purpose: .adopted, durability: .adopted, removesExpired: false))
                try store.read { _ in
                    NamedPipe(path + ".opened").send()
                    #expect(NamedPipe(path + ".done").receive())
                }
            }
        }()
        // On a thread of its own, which waits for nobody: an exit test takes a thread of the pool until its process ends.
        try await inThread { [budget, path = scratch.store] in
            try #require(opened.receive())
            var refused: LarderError.Code?
            for key in 0..<100 where refused == nil {
                refused = code {
                    try store.writeBlocking { transaction in
                        for part in 0..<50 {
                            try transaction.set(filler(key, 1_000), for: 1_000_000 + key * 50 + part, in: cache)
                        }
                    }
                }
            }
            #expect(refused == .diskBudgetExceeded)
            let present = try keys.filter { try cache.contains($0) }.prefix(5)
            for key in present { #expect(try cache.removeBlocking(key)) }
            for key in present { #expect(try cache.value(for: key) == nil) }
            #expect(try fileLength(path) <= budget.bytes)
            done.send()
        }
        await reader
        try await fill(store, cache, 2_000_000..<2_010_000)
        #expect(try fileLength(scratch.store) <= budget.bytes)
        try store.close()
        try verify()
    }

    @Test func `shrinks to a smaller budget by itself after a reopening, and grows to a larger one`() async throws {
        var store = try open(budget: .mebibytes(16))
        var cache = try store.cache("c", key: .int, value: .bytes)
        try await fill(store, cache, 0..<20_000)
        #expect(try store.statistics().durable.usedBytes > 11 << 20)
        try store.close()
        store = try open(budget: .mebibytes(6))
        try await inThread { [store] in
            try waitUntil { try store.statistics().durable.usedBytes <= DiskBudget(bytes: 6 << 20).high }
        }
        try store.close()
        try verify()
        store = try open(budget: .mebibytes(16))
        cache = try store.cache("c", key: .int, value: .bytes)
        try await fill(store, cache, 20_000..<40_000)
        #expect(try store.statistics().durable.usedBytes > 11 << 20)
        #expect(try fileLength(scratch.store) <= 16 << 20)
    }
}
