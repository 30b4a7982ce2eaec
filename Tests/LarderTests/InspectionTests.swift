import Synchronization
import TestSupport
import Testing

@testable import Larder

@Suite struct `What is in memory` {
    @Test func `is shown by the names of caches and the keys as they were given`() throws {
        let store = try Store.temporary()
        let names = try store.cache("names", key: .string, value: .string)
        let numbers = try store.cache("numbers", key: .int, value: .bytes)
        try names.setBlocking("v", for: "hot")
        for _ in 0..<5 { _ = try names.value(for: "hot") }
        for key in 0..<100 { try numbers.setBlocking([UInt8](repeating: 1, count: key * 10), for: key) }
        let hottest = try #require(try store.hottestEntries(1).first)
        #expect(hottest.cacheName == "names")
        #expect(try names.key(encodedAs: hottest.key) == "hot")
        #expect(hottest.hits > 0)
        let coldest = try store.coldestEntries(100)
        #expect(coldest.count == 100)
        #expect(coldest.allSatisfy { $0.cacheName == "numbers" })
        #expect(Set(try coldest.map { try numbers.key(encodedAs: $0.key) }) == Set(0..<100))
        #expect(try store.hottestEntries(1_000).count == 101)
        #expect(try store.hottestEntries(0).isEmpty && store.hottestEntries(-1).isEmpty)
    }

    @Test func `is counted by size and age`() throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .bytes)
        for key in 0..<64 { try cache.setBlocking([UInt8](repeating: 1, count: 100), for: key) }
        try cache.setBlocking([UInt8](repeating: 1, count: 5_000), for: 64)
        let sizes = try store.memorySizes()
        #expect(sizes.counts.reduce(0, +) == 65)
        for (index, count) in sizes.counts.enumerated() where count > 0 {
            #expect(MemoryHistogram.range(of: index).contains(140) || MemoryHistogram.range(of: index).contains(5_200))
        }
        #expect(sizes.counts.last == 1)
        #expect(try store.memoryAges().counts.reduce(0, +) == 65)
        try store.close()
        #expect(code { _ = try store.memorySizes() } == .closed)
    }

    /// Hears of removals.
    private final class Listener: Sendable {
        let heard = Mutex<[RemovedEntry]>([])
        var entries: [RemovedEntry] { heard.withLock { $0 } }
    }

    @Test func `leaves with a cause that a listener hears, in order for each key`() throws {
        let clock = ManualClock()
        let listener = Listener()
        let store = try Store.temporary(
            options: .init(
                removalListener: { entry in listener.heard.withLock { $0.append(entry) } }, clock: clock.wallClock))
        let cache = try store.cache("c", key: .int, value: .string)
        let key: [UInt8] = try cache.memoryKey(1).bytes
        try cache.setBlocking("a", for: 1)
        try cache.setBlocking("b", for: 1)
        try cache.setBlocking("c", for: 1, expires: .after(.seconds(1)))
        clock.advance(milliseconds: 1_001)
        #expect(try cache.value(for: 1) == nil)
        try waitUntil { listener.entries.count == 3 }
        #expect(
            listener.entries
                == [RemovalCause.written, .written, .expired].map {
                    RemovedEntry(cacheName: "c", key: key, cause: $0)
                })
        let removals = try store.statistics().memory.removals
        #expect(removals[.written] == 2 && removals[.expired] == 1 && removals[.size] == 0)
    }

    @Test func `has expired, not been written, where only its time had come`() async throws {
        let clock = ManualClock()
        let listener = Listener()
        let store = try Store.temporary(
            options: .init(
                removalListener: { entry in listener.heard.withLock { $0.append(entry) } }, clock: clock.wallClock))
        let cache = try store.cache("c", key: .int, value: .string)
        for key in 0..<10 { try await cache.set("a", for: key, expires: .after(.seconds(10))) }
        // Nobody reads: either the sweep of the disk or memory's own is first, and removes them.
        clock.advance(milliseconds: 10_001)
        try await store.removeExpired()
        try waitUntil { try store.statistics().memory.removals[.expired] == 10 }
        #expect(try store.statistics().memory.removals[.written] == 0)
        try waitUntil { listener.entries.count == 10 }
        #expect(listener.entries.allSatisfy { $0.cause == .expired })
    }

    @Test func `is refused where it is too large, which is counted`() throws {
        let store = try Store.temporary(options: .init(memoryCapacity: .mebibytes(4)))
        let cache = try store.cache("c", key: .int, value: .bytes)
        let (small, large) = ([UInt8](repeating: 1, count: 500), [UInt8](repeating: 2, count: 1 << 20))
        for key in 0..<1_000 { try cache.setBlocking(small, for: key) }
        #expect(try store.statistics().memory.rejections == 0)
        try cache.setBlocking(large, for: 2_000)
        #expect(try store.statistics().memory.rejections == 1)
        for round in 2...4 {
            #expect(try cache.value(for: 2_000) == large)
            #expect(try cache.withBytes(for: 2_000) { $0.count } == large.count)
            #expect(try store.statistics().memory.rejections == 2 * round - 1)
        }
        #expect(try store.statistics().memory.entries == 1_000)
        #expect(try store.statistics().memory.evictions == 0)
    }

    @Test func `of the largest that fits alone, keeps it; of a larger one, does not lose it for that`() throws {
        let store = try Store.temporary(options: .init(memoryCapacity: .mebibytes(4)))
        let cache = try store.cache("c", key: .int, value: .bytes)
        try cache.setBlocking([UInt8](repeating: 1, count: 5 << 19), for: 1)
        #expect(try store.statistics().memory.entries == 1)
        // Less than twice the mean, and more than there is.
        try cache.setBlocking([UInt8](repeating: 1, count: 9 << 19), for: 2)
        #expect(try store.statistics().memory.entries == 1)
        #expect(try store.statistics().memory.rejections == 1)
        #expect(try store.statistics().memory.evictions == 0)
    }

    /// Integers that stand for much memory.
    private struct HeavyCoding: ValueCoding {
        var identifier: String { "heavy" }
        let cost: Int
        func encode(_ value: Int) -> [UInt8] { [UInt8(value)] }
        func decode(_ bytes: Span<UInt8>) -> Int { Int(bytes[0]) }
        func memoryCost(of value: Int, encodedSize: Int) -> Int { cost }
    }

    @Test func `costs what its coding says, and otherwise its encoded form and the object around it`() throws {
        let store = try Store.temporary(options: .init(memoryCapacity: .mebibytes(16)))
        let heavy = try store.cache("heavy", key: .int, value: HeavyCoding(cost: 10_000))
        for key in 0..<100 { try heavy.setBlocking(key, for: key) }
        #expect(1_000_000..<1_100_000 ~= (try store.statistics().memory.bytes))
        #expect(try store.hottestEntries(100).allSatisfy { $0.bytes >= 10_000 })
        let plain = try store.cache("plain", key: .int, value: .int)
        try plain.setBlocking(1, for: 1)
        let entry = try #require(try store.hottestEntries(200).first { $0.cacheName == "plain" })
        // Eight bytes on disk, eight of key; a header, an object on the heap.
        #expect(80..<120 ~= entry.bytes)
        for cost in [-1, Int.max] {
            let odd = try store.cache("odd \(cost)", key: .int, value: HeavyCoding(cost: cost))
            try odd.setBlocking(1, for: 1)
            #expect(try odd.value(for: 1) == 1)
        }
        #expect(try store.statistics().memory.bytes < 1_200_000)
    }

    @Test func `is evicted with a cause, and the listener may read and write`() throws {
        let listener = Listener()
        let box = Mutex<Cache<Int, [UInt8]>?>(nil)
        let store = try Store.temporary(
            options: .init(
                memoryCapacity: .kibibytes(256),
                removalListener: { entry in
                    guard entry.cause == .size, let cache = box.withLock({ $0 }) else { return }
                    listener.heard.withLock { $0.append(entry) }
                    if listener.entries.count == 1 {
                        try? writeBlocking([7], for: -1, in: cache)
                        _ = try? cache.value(for: -1)
                    }
                }))
        let cache = try store.cache("c", key: .int, value: .bytes)
        box.withLock { $0 = cache }
        for key in 0..<2_000 { try cache.setBlocking([UInt8](repeating: 1, count: 400), for: key) }
        try waitUntil { try listener.entries.count == store.statistics().memory.removals[.size] }
        let statistics = try store.statistics().memory
        #expect(statistics.evictions == statistics.removals[.size])
        #expect(statistics.evictions > 1_000)
        #expect(statistics.unreportedRemovals == 0)
        #expect(try cache.value(for: -1) == [7])
        box.withLock { $0 = nil }
    }

    @Test func `leaves a slow listener behind without waiting for it or growing`() throws {
        let store = try Store.temporary()
        let number = try store.cache("c", key: .int, value: .bytes).keyspace.memoryNumber
        let isOpen = Atomic<Bool>(false)
        let heard = Atomic<Int>(0)
        let delivery = RemovalDelivery(
            to: { _ in
                while !isOpen.load(ordering: .acquiring) { pause(milliseconds: 1) }
                heard.add(1, ordering: .relaxed)
            }, naming: store.keyspaces)
        let posted = 3 * RemovalDelivery.capacity
        for _ in 0..<posted { delivery.post(RemovalNotice(keyspace: number, key: [1], cause: .size)) }
        // One load is with the listener, one waits.
        #expect(delivery.lost >= RemovalDelivery.capacity)
        isOpen.store(true, ordering: .releasing)
        try waitUntil { heard.load(ordering: .relaxed) + delivery.lost == posted }
    }
}

private func writeBlocking(_ value: [UInt8], for key: Int, in cache: Cache<Int, [UInt8]>) throws {
    try cache.setBlocking(value, for: key)
}
