import LMDB
import TestSupport
import Testing

@testable import Larder

@Suite struct `The purpose of a store` {
    let scratch = ScratchDirectory()

    private func open(_ purpose: StorePurpose) throws -> Store {
        try Store(at: scratch.store, options: .init(purpose: purpose))
    }

    @Test func `is recorded, and a store is not opened as a cache, nor a cache as a store`() throws {
        try open(.store).close()
        #expect(code { _ = try open(.cache(diskBudget: .mebibytes(8))) } == .purposeMismatch)
        try open(.store).close()
        let other = scratch.store + ".cache"
        try Store(at: other, options: .init(purpose: .cache(diskBudget: .mebibytes(8)))).close()
        #expect(code { _ = try Store(at: other) } == .purposeMismatch)
        #expect(try StoreVerification.run(at: other).isHealthy)
    }

    @Test func `is taken over by whoever does not name one`() throws {
        try open(.adopted).close()
        #expect(try open(.store).statistics().durable.diskBudget == nil)
        let other = scratch.store + ".cache"
        try Store(at: other, options: .init(purpose: .cache(diskBudget: .mebibytes(8)))).close()
        let adopted = try Store(at: other, options: .init(purpose: .adopted))
        #expect(try adopted.statistics().durable.diskBudget == 8 << 20)
    }

    @Test func `has a budget of 4 MiB at least`() throws {
        for budget in [-1, 0, 1, (4 << 20) - 1] {
            #expect(code { _ = try open(.cache(diskBudget: .bytes(budget))) } == .invalidOption, "\(budget)")
        }
        try open(.cache(diskBudget: .mebibytes(4))).close()
    }

    @Test func `has the budget that the last opener named`() throws {
        try open(.cache(diskBudget: .mebibytes(8))).close()
        try open(.cache(diskBudget: .mebibytes(16))).close()
        #expect(try open(.adopted).statistics().durable.diskBudget == 16 << 20)
    }

    @Test func `is found to be damaged when it is, by an opening and by a check`() throws {
        try open(.cache(diskBudget: .mebibytes(8))).close()
        try RawStore.replace("purpose".bytes, in: "larder", at: scratch.store) { old in
            var bytes = old
            bytes[2] ^= 0x40
            return bytes
        }
        #expect(code { _ = try open(.adopted) } == .damagedStore)
        #expect(try !StoreVerification.run(at: scratch.store).isHealthy)
    }

    @Test func `as a store keeps everything, however much that is`() async throws {
        let store = try open(.store)
        let cache = try store.cache("c", key: .int, value: .bytes)
        for batch in 0..<64 {
            try await store.write { transaction in
                for key in batch * 100..<(batch + 1) * 100 {
                    try transaction.set(filler(key, 2_000), for: key, in: cache)
                }
            }
        }
        #expect(try cache.count() == 6_400)
        #expect(try fileLength(scratch.store) > 12 << 20)
        #expect(try store.statistics().durable.evicted == 0)
    }
}

@Suite struct `What a budget comes to` {
    @Test(arguments: [4 << 20, 5 << 20, 64 << 20, 1 << 30, 1 << 40])
    func `leaves room for commits, and a reserve`(bytes: Int) {
        let budget = DiskBudget(bytes: bytes)
        #expect(0 < budget.floor && budget.floor < budget.low && budget.low < budget.high)
        #expect(budget.high < budget.fileLimit && budget.fileLimit < bytes)
        #expect(budget.fileLimit.isMultiple(of: 1 << 16))
    }

    @Test func `evicts nothing below, as much as is written in the middle, and more above`() {
        let budget = DiskBudget(bytes: 64 << 20)
        #expect(budget.quota(used: 0, written: 1_000) == 0)
        #expect(budget.quota(used: budget.low, written: 1_000) == 0)
        #expect(budget.quota(used: (budget.low + budget.high) / 2, written: 1_000) == 1_000)
        #expect(budget.quota(used: budget.high, written: 1_000) == 2_000)
        #expect(budget.quota(used: budget.high + 500, written: 0) == 500)
        #expect(budget.quota(used: .max / 2, written: 1_000) == budget.bytes / 16)
    }

    @Test func `counts reads to three for each key, and spends them one by one`() {
        let counters = ReferenceCounters(byteCount: 4_096)
        var random = SeededGenerator(seed: 1)
        let hashes = (0..<64).map { _ in UInt64.random(in: .min ... .max, using: &random) }
        for (index, hash) in hashes.enumerated() { for _ in 0..<index % 6 { counters.noteRead(of: hash) } }
        // Few of so few share a counter.
        let exact = hashes.enumerated().count { counters.count(of: $1) == min($0 % 6, 3) }
        #expect(exact > 58)
        for hash in hashes { for _ in 0..<3 { counters.spend(of: hash) } }
        #expect(hashes.allSatisfy { counters.count(of: $0) == 0 })
        counters.spend(of: hashes[0])
        #expect(counters.count(of: hashes[0]) == 0)
    }

    @Test func `gives the counters a part of the memory only`() {
        let budget = DiskBudget(bytes: 1 << 30)
        #expect(ReferenceCounters.byteCount(for: budget, memory: 64 << 20) == 2 << 20)
        #expect(ReferenceCounters.byteCount(for: budget, memory: 1 << 20) == 1 << 17)
        #expect(ReferenceCounters.byteCount(for: budget, memory: 0) == 1 << 18)
        #expect(ReferenceCounters.byteCount(for: DiskBudget(bytes: 4 << 20), memory: 64 << 20) == 8 << 10)
    }
}
