import Synchronization
import TestSupport
import Testing

@testable import Larder

/// Random steps against a model that keeps everything: what the tier answers must be what the model holds, and every invariant must hold after each step.
@Suite struct MemoryTierFuzzTests {
    private struct Model {
        var value: [UInt8]
        var version: UInt64
        var expiry: UInt64
    }

    /// A decoded value, of which it is counted how many there are.
    private final class Decoded: Sendable {
        let bytes: [UInt8]
        let living: Counter

        init(_ bytes: [UInt8], _ living: Counter) {
            (self.bytes, self.living) = (bytes, living)
            living.count.add(1, ordering: .relaxed)
        }

        deinit { living.count.subtract(1, ordering: .relaxed) }
    }

    private final class Counter: Sendable {
        let count = Atomic<Int>(0)
        var value: Int { count.load(ordering: .relaxed) }
    }

    private func bytes(_ hit: MemoryTier.Hit) -> [UInt8]? {
        switch hit.value {
        case .bytes(let bytes): bytes
        case .object(let object, _): (object as? DecodedValue<Decoded>)?.value.bytes
        }
    }

    @Test(arguments: [UInt64](1...16))
    func `a tier never answers wrongly whatever the steps`(seed: UInt64) throws {
        let living = Counter()
        try run(seed, living)
        #expect(living.value == 0, "objects are kept for ever")
    }

    private func run(_ seed: UInt64, _ living: Counter) throws {
        var random = SeededGenerator(seed: seed)
        let capacity = [100_000, 200_000, 500_000, 2_000_000][Int(seed % 4)]
        let clock = ManualClock()
        let notices = NoticeBox()
        let tier = MemoryTier(
            capacity: capacity, shardCount: seed % 2 == 0 ? 1 : 2, clock: clock.wallClock,
            removalListener: { notices.add($0) })
        // Entries that left all at once, of which nobody is told.
        var dropped = 0
        var model: [MemoryKey: Model] = [:]
        var floor: UInt64 = 0
        var version: UInt64 = 1
        let largest = [40, 400, 3_000, 40_000][Int(seed / 4) % 4]

        for step in 0..<3_000 {
            let key = MemoryKey.number(Int.random(in: 0..<600, using: &random))
            let size = Int.random(in: 0...(Int.random(in: 0..<8, using: &random) == 0 ? largest : 60), using: &random)
            let value = [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: size)
            let memoryValue: MemoryValue =
                Int.random(in: 0..<3, using: &random) == 0
                ? .object(DecodedValue(Decoded(value, living)), cost: value.count) : .bytes(value)
            let mayDrop: Bool
            let expiry = Bool.random(using: &random) ? 0 : clock.now + UInt64.random(in: 1...200_000, using: &random)
            let kind = Int.random(in: 0..<100, using: &random)
            mayDrop = kind == 97 || kind == 98
            switch kind {
            case 0..<45:
                let hit = tier.find(key, floor: floor)
                if let hit {
                    let held = try #require(model[key], "an entry that nobody gave, step \(step)")
                    #expect(bytes(hit) == held.value)
                    #expect(hit.expiry == held.expiry)
                    #expect(held.version >= floor)
                    #expect(held.expiry == 0 || held.expiry > clock.now)
                }
            case 45..<80:
                tier.populate(memoryValue, for: key, version: version, expiry: expiry) { floor }
                model[key] = Model(value: value, version: version, expiry: expiry)
            case 80..<92:
                version += 1
                tier.mark(key)
                #expect(tier.find(key, floor: floor) == nil)
                tier.populate(.bytes([0xEE]), for: key, version: version - 1, expiry: 0) { floor }
                #expect(tier.find(key, floor: floor) == nil, "populated while a commit was under way")
                if Bool.random(using: &random) {
                    tier.install(memoryValue, for: key, version: version, expiry: expiry) { floor }
                    model[key] = Model(value: value, version: version, expiry: expiry)
                } else if Bool.random(using: &random) {
                    tier.install(nil, for: key, version: version, expiry: 0) { floor }
                    model[key] = nil
                } else {
                    tier.unmark(key.hash)
                    version -= 1
                    model[key] = nil
                }
            case 92..<96:
                clock.advance(milliseconds: UInt64.random(in: 0...60_000, using: &random))
                tier.removeExpired(now: clock.now, budget: Int.random(in: 1...50, using: &random))
            case 96: floor = version
            case 97: tier.resize(capacity: capacity / Int.random(in: 1...3, using: &random))
            case 98 where Int.random(in: 0..<10, using: &random) == 0:
                tier.removeAll()
                #expect(tier.statistics.entries == 0)
            case 99 where clock.now > 10_000: clock.set(clock.now - UInt64.random(in: 0...5_000, using: &random))
            default:
                clock.advance(milliseconds: 1_000)
            }
            // Every entry that came is there, or has left for a cause that was told.
            let statistics = tier.statistics
            let left = RemovalCause.allCases.reduce(0) { $0 + statistics.removals[$1] }
            let insertions = tier.shards.indices.reduce(0) { $0 + tier.shards.withLock($1) { $0.counters.insertions } }
            let missing = insertions - statistics.entries - left
            #expect(mayDrop ? missing >= dropped : missing == dropped, "step \(step)")
            dropped = missing
            #expect(notices.all.count == left)
            if let broken = tier.brokenInvariant() {
                Issue.record("step \(step): \(broken)")
                return
            }
        }
        #expect(tier.statistics.hits > 0)
        #expect(tier.statistics.highestBytes <= capacity)
    }
}
