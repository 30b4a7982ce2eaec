import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Larder

@Suite struct `Lookups beside writers` {
    /// A value of which every byte tells the key and the round that it was written in.
    private func value(_ number: Int, _ round: Int) -> [UInt8] {
        let count = [3, 17, 40, 100, 300, 1_000, 3_000][number % 7]
        return [UInt8(truncatingIfNeeded: number)] + [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: count)
    }

    private func check(_ bytes: Span<UInt8>, _ number: Int) -> Bool {
        guard bytes.count == value(number, 0).count, bytes[0] == UInt8(truncatingIfNeeded: number) else { return false }
        return (1..<bytes.count).allSatisfy { bytes[$0] == bytes[1] }
    }

    @Test func `do not wait for the lock to show the shadows what they hit`() async throws {
        let tier = MemoryTier(capacity: 4 << 20, shardCount: 1)
        let keys = (0..<400).map { MemoryKey.number($0) }
        for (number, key) in keys.enumerated() {
            tier.keep([UInt8](repeating: 1, count: number % 2 == 0 ? 30_000 : 500), for: key)
        }
        // With few entries nearly every key is sampled.
        let sampled = keys.filter { tier.isSampled($0.hash) && tier.find($0) != nil }
        #expect(sampled.count > 50)
        let (isReady, mayRead, isDone) = (Gate(), Gate(), Gate())
        // A thread without a number takes the lock, and beside other tests there may be none left.
        while !isReady.isOpenNow {
            let isDecided = Gate()
            let reader = Thread {
                if ThreadNumber.assign() > 0 { isReady.open() } else { Thread.sleep(forTimeInterval: 0.01) }
                isDecided.open()
                guard isReady.isOpenNow else { return }
                mayRead.wait()
                for key in sampled where tier.find(key) == nil { return }
                isDone.open()
            }
            reader.start()
            isDecided.wait()
        }
        let hits = tier.shards.withLock(0) { _ in
            mayRead.open()
            for _ in 0..<1_000 where !isDone.isOpenNow { Thread.sleep(forTimeInterval: 0.01) }
            return isDone.isOpenNow
        }
        #expect(hits)
    }

    @Test func `never see part of a value, or another key's, whatever is done to the shard`() async throws {
        // One shard, so that everything meets there; small, so that blocks change hands all the time.
        let tier = MemoryTier(capacity: 200_000, shardCount: 1)
        let keys = (0..<400).map { MemoryKey.number($0) }
        let isDone = Gate()
        try await withThrowingTaskGroup(of: (wrong: Int, seen: Int).self) { group in
            for reader in 0..<3 {
                group.addTask {
                    try await inThread {
                        var random = SeededGenerator(seed: UInt64(reader))
                        var (wrong, seen) = (0, 0)
                        while !isDone.isOpenNow {
                            let number = Int.random(in: 0..<400, using: &random)
                            let key = keys[number]
                            if reader == 0 {
                                guard let bytes = tier.find(key)?.bytes else { continue }
                                seen += 1
                                if !check(bytes.span, number) { wrong += 1 }
                            } else {
                                let isRight = tier.withBytes(
                                    for: key.bytes.span, hash: key.hash, keyspace: key.keyspace, floor: 0
                                ) { bytes, _ in check(bytes, number) }
                                if isRight != nil { seen += 1 }
                                if isRight == false { wrong += 1 }
                            }
                        }
                        return (wrong, seen)
                    }
                }
            }
            group.addTask {
                try await inThread {
                    var random = SeededGenerator(seed: 99)
                    for round in 1...20_000 {
                        let number = Int.random(in: 0..<400, using: &random)
                        switch Int.random(in: 0..<100, using: &random) {
                        case 0..<80: tier.keep(value(number, round), for: keys[number], version: UInt64(round))
                        case 80..<98:
                            tier.mark(keys[number])
                            tier.unmark(keys[number].hash)
                        case 98: tier.resize(capacity: Int.random(in: 60_000...300_000, using: &random))
                        default: if Int.random(in: 0..<20, using: &random) == 0 { tier.removeAll() }
                        }
                    }
                    isDone.open()
                    return (0, 0)
                }
            }
            var seen = 0
            for try await result in group {
                #expect(result.wrong == 0)
                seen += result.seen
            }
            #expect(seen > 100)
        }
        #expect(tier.brokenInvariant() == nil)
    }

    /// An object that knows whether it has gone.
    private final class Canary: Sendable {
        let number: Int
        private let state = Atomic<UInt64>(0xCA11)

        init(_ number: Int) { self.number = number }
        deinit { state.store(0, ordering: .relaxed) }

        func isRight(_ number: Int) -> Bool { state.load(ordering: .relaxed) == 0xCA11 && self.number == number }
    }

    @Test func `retain no object that has gone`() async throws {
        let tier = MemoryTier(capacity: 400_000, shardCount: 1)
        let keys = (0..<16).map { MemoryKey.number($0) }
        let isDone = Gate()
        try await withThrowingTaskGroup(of: (wrong: Int, seen: Int).self) { group in
            for reader in 0..<3 {
                group.addTask {
                    try await inThread {
                        var random = SeededGenerator(seed: UInt64(reader))
                        var (wrong, seen) = (0, 0)
                        while !isDone.isOpenNow {
                            let number = Int.random(in: 0..<keys.count, using: &random)
                            // One takes it for bytes, and asks again.
                            guard let hit = tier.find(keys[number], isObject: reader != 0) else { continue }
                            seen += 1
                            switch hit.value {
                            case .object(let object, let cost):
                                let canary = object as? Canary
                                if canary?.isRight(number) != true || cost != 64 { wrong += 1 }
                            case .bytes(let bytes):
                                if bytes.count != 2_000 || bytes[1_999] != UInt8(number) { wrong += 1 }
                            }
                        }
                        return (wrong, seen)
                    }
                }
            }
            group.addTask {
                try await inThread {
                    var random = SeededGenerator(seed: 99)
                    for round in 1...20_000 {
                        let number = Int.random(in: 0..<keys.count, using: &random)
                        let isObject = Bool.random(using: &random)
                        tier.populate(
                            isObject
                                ? .object(Canary(number), cost: 64)
                                : .bytes([UInt8](repeating: UInt8(number), count: 2_000)),
                            for: keys[number], version: UInt64(round), expiry: 0
                        ) { 0 }
                    }
                    isDone.open()
                    return (0, 0)
                }
            }
            var seen = 0
            for try await result in group {
                #expect(result.wrong == 0)
                seen += result.seen
            }
            #expect(seen > 100)
        }
        #expect(tier.brokenInvariant() == nil)
    }

    @Test func `let a removed object go at once`() {
        let tier = MemoryTier(capacity: 400_000, shardCount: 1)
        weak var canary: Canary?
        do {
            let object = Canary(1)
            canary = object
            tier.populate(.object(object, cost: 64), for: .number(1), version: 1, expiry: 0) { 0 }
        }
        #expect(canary != nil)
        #expect(tier.find(.number(1), isObject: true) != nil)
        tier.mark(.number(1))
        #expect(canary == nil)
    }

    @Test func `are counted exactly, by however many threads`() async throws {
        let tier = MemoryTier(capacity: 1 << 20, shardCount: 1)
        for number in 0..<10 { tier.keep([1], for: .number(number)) }
        // More than there are numbers for threads.
        try await inThreads(100) { _ in
            for number in 0..<200 { _ = tier.find(.number(number % 20)) }
        }
        #expect(tier.statistics.hits == 10_000)
        #expect(tier.statistics.misses == 10_000)
    }
}
