import LMDB
import TestSupport
import Testing

@testable import Larder

/// What the file of a store takes.
func fileLength(_ path: String) throws -> Int {
    try FileSystem.size(of: path + "/data.mdb").length
}

/// A value that is as long as it says and is known by its first bytes.
func filler(_ number: Int, _ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: max(count, 8))
    for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
    return bytes
}

@Suite struct `A cache with a budget on disk` {
    let scratch = ScratchDirectory()
    let budget = ByteCount.mebibytes(8)

    private func open(memory: ByteCount = .mebibytes(1), budget: ByteCount? = nil) throws -> Store {
        try Store(
            at: scratch.store,
            options: .init(
                purpose: .cache(diskBudget: budget ?? self.budget), memoryCapacity: memory,
                durability: .rebuildable(afterPowerCut: .startEmpty)))
    }

    private func verify() throws {
        let verification = try StoreVerification.run(at: scratch.store)
        #expect(verification.isHealthy, "\(verification.problems) \(verification.damagedRecords)")
    }

    @Test(arguments: [0, 1, 64])
    func `keeps to it however much is written, in small values and large, over several caches`(memory: Int) async throws {
        let store = try open(memory: .mebibytes(memory))
        let caches = try (0..<3).map { try store.cache("c\($0)", key: .int, value: .bytes) }
        var random = SeededGenerator(seed: 7)
        var largest = 0
        for round in 0..<2_000 {
            let writes = (0..<Int.random(in: 1...20, using: &random)).map { _ in
                let size = random.oneIn(50) ? Int.random(in: 10_000...200_000, using: &random) : Int.random(in: 8...2_000, using: &random)
                return (Int.random(in: 0..<3, using: &random), Int.random(in: 0..<1_000_000, using: &random), size)
            }
            let expires = random.oneIn(4)
            try await store.write { [caches] transaction in
                for (cache, key, size) in writes {
                    try transaction.set(
                        filler(key, size), for: key, in: caches[cache], expires: expires ? .after(.seconds(1_000)) : .never)
                }
            }
            let length = try fileLength(scratch.store)
            largest = max(largest, length)
            try #require(length <= budget.bytes, "after round \(round)")
        }
        let statistics = try store.statistics().durable
        print("memory \(memory)", statistics, largest)
        #expect(statistics.evicted > 1_000)
        #expect(statistics.refused == 0)
        #expect(statistics.usedBytes > budget.bytes / 2)
        for cache in caches {
            try cache.forEach { key, value in #expect(value == filler(key, value.count)) }
        }
        try store.close()
        try verify()
    }
}
