import TestSupport
import Testing

@testable import Larder

/// Replays recorded requests, which lie in a folder beside the checkout, against a whole cache on disk.
@Suite(.enabled(if: RecordedTraces.directory != nil, "there is no folder shared/traces beside the checkout"))
struct `Eviction from disk` {
    @Test(arguments: ["cache2k-web12", "lirs-multi1"])
    func `hits more often than first in, first out would with as many records`(trace: String) async throws {
        let keys = try #require(RecordedTraces.hashes(of: trace))
        // Not on a thread of the pool, which other tests wait for.
        try await inThread { try Self.replay(keys, trace) }
    }

    private static func replay(_ keys: [UInt64], _ trace: String) throws {
        // So that about a fifth of the keys find room.
        let size = 5 * 2_500_000 / Set(keys).count
        let store = try Store.temporary(
            options: .init(
                purpose: .cache(diskBudget: .mebibytes(4)), memoryCapacity: .bytes(256 << 10),
                durability: .rebuildable(afterPowerCut: .startEmpty)))
        let cache = try store.cache("c", key: .uint64, value: .bytes)
        var hits = 0
        var fullest = 0
        for (index, key) in keys.enumerated() {
            if try cache.value(for: key) != nil {
                hits += 1
            } else {
                try cache.setBlocking([UInt8](repeating: 1, count: size), for: key)
            }
            if index % 1_000 == 0 { fullest = max(fullest, try cache.count()) }
        }
        let ratio = Double(hits) / Double(keys.count)
        let first = firstInFirstOut(keys, capacity: fullest)
        print("\(trace), \(keys.count) requests, at most \(fullest) records: hit ratio \(ratio), FIFO \(first)")
        #expect(ratio > first + 0.01)
        #expect(try store.statistics().durable.evicted > 1_000)
    }

    private static func firstInFirstOut(_ keys: [UInt64], capacity: Int) -> Double {
        var present: Set<UInt64> = []
        var order: [UInt64] = []
        var hits = 0
        for key in keys {
            if present.contains(key) {
                hits += 1
                continue
            }
            if order.count >= capacity { present.remove(order[order.count - capacity]) }
            present.insert(key)
            order.append(key)
        }
        return Double(hits) / Double(keys.count)
    }
}
