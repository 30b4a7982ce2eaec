import TestSupport
import Testing

@testable import Larder

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

private let budget = 8 << 20

private func open(_ path: String, _ purpose: StorePurpose = .cache(diskBudget: .bytes(budget))) throws -> (
    Store, Cache<Int, [UInt8]>
) {
    let store = try Store(
        at: path,
        options: .init(purpose: purpose, memoryCapacity: .mebibytes(1), durability: .relaxed))
    return (store, try store.cache("c", key: .int, value: .bytes))
}

/// Writes so many batches of values that tell their keys, some of which expire, on a thread of its own.
private func write(_ batches: Int, seed: UInt64, _ store: Store, _ cache: Cache<Int, [UInt8]>) async throws {
    try await inThread {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<batches {
            let keys = (0..<40).map { _ in Int.random(in: 0..<1_000_000, using: &random) }
            try store.writeBlocking { transaction in
                for key in keys {
                    try transaction.set(
                        filler(key, 200 + key % 3_000), for: key, in: cache,
                        expires: key % 4 == 0 ? .after(.milliseconds(50)) : .never)
                }
            }
        }
    }
}

@Suite struct `A budget on disk that processes share` {
    let scratch = ScratchDirectory()

    private func verify() throws {
        let verification = try StoreVerification.run(at: scratch.store)
        #expect(verification.isHealthy, "\(verification.problems) \(verification.damagedRecords)")
    }

    @Test func `is kept by both together, and neither sees what is not there`() async throws {
        let (store, cache) = try open(scratch.store)
        async let other: Void = {
            await #expect(processExitsWith: .success) { [path = scratch.store as String] in
                let (store, cache) = try open(path)
                try await write(300, seed: 1, store, cache)
                #expect(try fileLength(path) <= budget)
                #expect(try store.statistics().durable.evicted > 0)
            }
        }()
        try await write(300, seed: 2, store, cache)
        await other
        #expect(try fileLength(scratch.store) <= budget)
        for (key, value) in try cache.entries() { #expect(value == filler(key, 200 + key % 3_000)) }
        try store.close()
        try verify()
    }

    @Test func `is that of whoever opened the store last, for all of them`() async throws {
        let (store, cache) = try open(scratch.store)
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let (store, _) = try open(path, .cache(diskBudget: .bytes(2 * budget)))
            try store.close()
        }
        try await write(600, seed: 2, store, cache)
        let statistics = try store.statistics().durable
        #expect(statistics.diskBudget == 2 * budget)
        #expect(statistics.usedBytes > budget && statistics.fileBytes <= 2 * budget)
    }

    @Test func `is kept across kills in the middle of evictions, and the store stays whole`() async throws {
        for round in 0..<6 {
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = scratch.store as String, round = round as Int] in
                let (store, cache) = try open(path)
                let killer = Task.detached { [store] in
                    while try store.statistics().durable.evicted < 500 + round * 137 { await Task.yield() }
                    killSelf()
                }
                try await write(100_000, seed: UInt64(round), store, cache)
                try await killer.value
            }
            #expect(try fileLength(scratch.store) <= budget)
            try verify()
        }
        let (store, cache) = try open(scratch.store)
        for (key, value) in try cache.entries() { #expect(value == filler(key, 200 + key % 3_000)) }
        try await store.removeExpired()
        try store.close()
        try verify()
    }
}
