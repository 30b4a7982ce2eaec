import Larder
import TestSupport
import Testing

/// A store and its model, to which the same random operations happen, one seed's worth of them.
final class ModelRun {
    /// Keys are numbers below this.
    static let keys = 24

    private let seed: UInt64
    private let directory = ScratchDirectory()
    private let clock = ManualClock()
    private let options: StoreOptions
    private let kinds: [any ModelledCache]
    private let defaultLifetimes: [UInt64?]
    private var random: SeededGenerator
    private var store: Store
    private var caches: [any OpenedCache]
    private var versions: [UInt16]
    private var models: [CacheModel]
    /// What was done last, for the report of a failure.
    private var history: [String] = []

    init(seed: UInt64) throws {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        let capacities: [ByteCount] = [.bytes(0), .kibibytes(16), .kibibytes(64), .mebibytes(8)]
        options = StoreOptions(
            memoryCapacity: capacities[Int(seed % 4)], durability: seed % 8 == 0 ? .full : .relaxed,
            mapSize: seed % 3 == 0 ? .kibibytes(128) : .gibibytes(1), clock: clock.wallClock)
        // A value is its number and padding, from nothing to more than a page.
        let padding: @Sendable (Int) -> Int = { $0 % 11 == 0 ? 6_000 : $0 % 60 }
        kinds = [
            Modelled<[UInt8], [UInt8]>(
                name: "bytes", keyCoding: .bytes, valueCoding: .bytes,
                // Keys of many lengths whose order is that of the numbers.
                key: { [UInt8(1 + $0 / 8)] + [UInt8](repeating: 0xFF, count: $0 % 8 * 70) },
                number: { Int($0[0] - 1) * 8 + ($0.count - 1) / 70 },
                value: { withNumber($0) + [UInt8](repeating: 7, count: padding($0)) },
                unvalue: { number($0) }),
            Modelled<Int, String>(
                name: "ints", keyCoding: .int, valueCoding: .string, timeToLive: .milliseconds(400),
                key: { ($0 - 12) * 1_000_000_007 }, number: { $0 / 1_000_000_007 + 12 },
                value: { "\($0)|" + String(repeating: "ü", count: padding($0)) },
                unvalue: { Int($0.prefix { $0 != "|" }) ?? -1 }),
            Modelled<String, Int>(
                name: "strings", keyCoding: .string, valueCoding: .int,
                key: { "\($0 / 10)/\($0 % 10)" }, number: { Int($0.filter { $0 != "/" }) ?? -1 },
                value: { $0 }, unvalue: { $0 }),
        ]
        defaultLifetimes = [nil, 400, nil]
        versions = [0, 0, 0]
        models = [CacheModel](repeating: CacheModel(), count: kinds.count)
        store = try Store(at: directory.store, options: options)
        caches = []
        try openCaches()
    }

    private func openCaches() throws {
        caches = try zip(kinds, versions).map { try $0.open(in: store, version: $1) }
    }

    /// Does so many random operations and compares after each.
    func run(steps: Int) async throws {
        for step in 0..<steps {
            do {
                try await self.step()
                if step % 25 == 24 { try compareAll() }
            } catch {
                Issue.record("\(error) at step \(step); \(report)")
                throw error
            }
        }
        try compareAll()
        try store.close()
    }

    private var report: Comment {
        "seed \(seed), after:\n\(history.suffix(25).joined(separator: "\n"))"
    }

    private func note(_ text: String) {
        history.append("\(text) at \(clock.now - 1_700_000_000_000)")
    }

    private func expect<Value: Equatable>(_ actual: Value, _ expected: Value, _ what: String) throws {
        try #require(actual == expected, "\(what): \(report)")
    }

    private func expect(
        _ actual: [(key: Int, value: Int)], _ expected: [(key: Int, value: Int)], _ what: String
    ) throws {
        try expect(actual.map(\.key), expected.map(\.key), what)
        try expect(actual.map(\.value), expected.map(\.value), what)
    }

    // MARK: Random operations

    private func randomKey() -> Int { Int.random(in: 0..<Self.keys, using: &random) }

    private func randomRange() -> Range<Int> {
        let (a, b) = (randomKey(), randomKey())
        return min(a, b)..<max(a, b)
    }

    private func randomExpiration() -> Expiration {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: .never
        case 1: .after(.milliseconds(Int.random(in: 1...600, using: &random)))
        case 2: .at(millisecondsSince1970: clock.now + UInt64.random(in: 0...600, using: &random))
        default: .cacheDefault
        }
    }

    private func deadline(_ expiration: Expiration, _ cache: Int) -> UInt64 {
        if expiration == .never { return 0 }
        if expiration == .cacheDefault { return defaultLifetimes[cache].map { clock.now + $0 } ?? 0 }
        return expirations[expiration] ?? 0
    }

    /// The deadlines of the expirations given out, which do not tell them.
    private var expirations: [Expiration: UInt64] = [:]

    private func step() async throws {
        let index = Int.random(in: 0..<kinds.count, using: &random)
        let (cache, key, value) = (caches[index], randomKey(), Int.random(in: 0..<1_000_000, using: &random))
        let name = kinds[index].name
        let now = clock.now
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<24:
            note("get \(name) \(key)")
            try expect(try cache.value(key), models[index].entry(key, at: now)?.value, "value")
        case 24..<40:
            let (expiration, deadline) = nextExpiration(index)
            note("set \(name) \(key) = \(value) until \(deadline)")
            if random.oneIn(4) {
                try cache.setBlocking(key, value, expiration)
            } else {
                try await cache.set(key, value, expiration)
            }
            models[index].set(key, .init(value: value, deadline: deadline))
        case 40..<46:
            note("remove \(name) \(key)")
            try expect(try await cache.remove(key), models[index].remove(key, at: now), "was there")
        case 46..<50:
            note("contains \(name) \(key)")
            let entry = models[index].entry(key, at: now)
            try expect(try cache.contains(key), entry != nil, "contains")
            let remaining: Duration? = entry.flatMap {
                $0.deadline == 0 ? nil : .milliseconds(Int64($0.deadline - now))
            }
            try expect(try cache.remaining(key), remaining, "remaining time")
        case 50..<54:
            let (expiration, deadline) = nextExpiration(index)
            let isAbsent = models[index].entry(key, at: now) == nil
            note("set if absent \(name) \(key) = \(value) until \(deadline)")
            try expect(try await cache.setIfAbsent(key, value, expiration), isAbsent, "was set")
            if isAbsent { models[index].set(key, .init(value: value, deadline: deadline)) }
        case 54..<58:
            let (expiration, deadline) = nextExpiration(index)
            let entry = models[index].entry(key, at: now)
            note("touch \(name) \(key) until \(deadline)")
            try expect(try await cache.touch(key, expiration), entry != nil, "touched")
            if let entry { models[index].set(key, .init(value: entry.value, deadline: deadline)) }
        case 58..<62:
            try await update(index, key)
        case 62..<66:
            let loaded = random.oneIn(3) ? nil : value
            note("load \(name) \(key) = \(loaded.map(String.init) ?? "nothing")")
            let entry = models[index].entry(key, at: now)
            try expect(try await cache.load(key, loaded), entry?.value ?? loaded, "loaded")
            if entry == nil, let loaded {
                models[index].set(key, .init(value: loaded, deadline: deadline(.cacheDefault, index)))
            }
        case 66..<72:
            try scan(index)
        case 72..<74:
            let range = randomRange()
            note("remove \(name) \(range)")
            try expect(try await cache.removeAll(range), models[index].removeAll(in: range, at: now), "removed")
        case 74:
            note("remove all of \(name)")
            try await cache.removeAll()
            models[index].removeAll()
        case 75..<85:
            try await transaction()
        case 85..<92:
            let milliseconds = UInt64.random(in: 1...250, using: &random)
            clock.advance(milliseconds: milliseconds)
            note("wait \(milliseconds)")
        case 92:
            note("remove expired")
            try await store.removeExpired()
        case 93:
            try dropCache(index)
        case 94:
            try raiseVersion(index)
        case 95, 96:
            try await tasks(index)
        default:
            note("reopen")
            caches = []
            try store.close()
            store = try Store(at: directory.store, options: options)
            try openCaches()
        }
    }

    private func nextExpiration(_ cache: Int) -> (Expiration, UInt64) {
        let now = clock.now
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return (.never, 0)
        case 1:
            let milliseconds = Int.random(in: 1...600, using: &random)
            return (.after(.milliseconds(milliseconds)), now + UInt64(milliseconds))
        case 2:
            let moment = now + UInt64.random(in: 0...600, using: &random)
            return (.at(millisecondsSince1970: moment), moment)
        default: return (.cacheDefault, deadline(.cacheDefault, cache))
        }
    }

    private func update(_ index: Int, _ key: Int) async throws {
        let now = clock.now
        let entry = models[index].entry(key, at: now)
        let removes = random.oneIn(4)
        note("update \(kinds[index].name) \(key)")
        try await caches[index].update(key) { old in removes ? nil : (old ?? 0) / 2 + 1 }
        let new = removes ? nil : (entry?.value ?? 0) / 2 + 1
        if let new {
            // The same bytes are not written again, and then the deadline stays.
            if new != entry?.value {
                models[index].set(key, .init(value: new, deadline: deadline(.cacheDefault, index)))
            }
        } else if entry != nil {
            _ = models[index].remove(key, at: now)
        }
    }

    private func scan(_ index: Int) throws {
        let range = random.oneIn(3) ? nil : randomRange()
        let order = random.oneIn(2) ? ScanOrder.ascending : .descending
        let limit = random.oneIn(2) ? nil : Int.random(in: 0...10, using: &random)
        note("scan \(kinds[index].name) \(range.map(String.init(describing:)) ?? "all") \(order)")
        var expected = models[index].live(in: range ?? .min..<(.max), at: clock.now)
        if order == .descending { expected.reverse() }
        try expect(
            try caches[index].scan(range, order, limit), Array(expected.prefix(limit ?? .max)), "scan")
        try expect(try caches[index].count(), models[index].live(at: clock.now).count, "count")
    }

    private func transaction() async throws {
        let plan = TransactionPlan(
            changes: (0..<Int.random(in: 1...8, using: &random)).map { _ in randomChange() },
            throwsAtEnd: random.oneIn(3))
        note("transaction \(plan)")
        let (caches, now) = (caches, clock.now)
        let expected = plan.applied(to: models, at: now)
        do {
            let seen = try await store.write { transaction in try plan.perform(on: caches, in: transaction) }
            try expect(seen, expected.seen, "what the transaction saw")
            try expect(plan.throwsAtEnd, false, "the transaction threw")
            models = expected.models
        } catch is Refusal {
            try expect(plan.throwsAtEnd, true, "the transaction was to commit")
        }
    }

    private func randomChange() -> TransactionPlan.Change {
        let index = Int.random(in: 0..<kinds.count, using: &random)
        let (key, value) = (randomKey(), Int.random(in: 0..<1_000_000, using: &random))
        switch Int.random(in: 0..<12, using: &random) {
        case 0..<5:
            let (expiration, deadline) = nextExpiration(index)
            return .set(index, key, value, expiration, deadline: deadline)
        case 5..<7: return .remove(index, key)
        case 7: return .removeRange(index, randomRange())
        case 8: return random.oneIn(3) ? .removeAll(index) : .scan(index)
        case 9: return .count(index)
        default: return .get(index, key)
        }
    }

    private func dropCache(_ index: Int) throws {
        let name = kinds[index].name
        note("drop \(name)")
        try expect(try store.dropCache(name), true, "dropped")
        try expect(code { _ = try caches[index].value(0) }, .cacheDropped, "use of a dropped cache")
        try expect(try store.dropCache(name), false, "dropped twice")
        versions[index] = 0
        models[index].removeAll()
        caches[index] = try kinds[index].open(in: store, version: 0)
    }

    private func raiseVersion(_ index: Int) throws {
        note("raise version of \(kinds[index].name)")
        versions[index] += 1
        let old = caches[index]
        caches[index] = try kinds[index].open(in: store, version: versions[index])
        models[index].removeAll()
        try expect(code { _ = try old.value(0) }, .newerCacheVersion, "use of the earlier version")
    }

    /// Tasks that write at once: single keys, transactions, and transactions that throw.
    private func tasks(_ index: Int) async throws {
        let value = Int.random(in: 0..<1_000_000, using: &random)
        note("tasks in \(kinds[index].name) = \(value)")
        let (store, cache) = (store, caches[index])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for key in 0..<Self.keys {
                group.addTask {
                    switch key % 3 {
                    case 0: try await cache.set(key, value + key, .never)
                    case 1: try await store.write { try cache.set(key, value + key, .never, in: $0) }
                    default:
                        await #expect(throws: Refusal.self) {
                            try await store.write { transaction in
                                for other in 0..<Self.keys { try cache.set(other, 999, .never, in: transaction) }
                                throw Refusal()
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        for key in 0..<Self.keys where key % 3 != 2 { models[index].set(key, .init(value: value + key, deadline: 0)) }
    }

    // MARK: Comparing

    /// Compares every key of every cache, from memory or disk, and as one snapshot sees it.
    private func compareAll() throws {
        let now = clock.now
        for (index, cache) in caches.enumerated() {
            for key in 0..<Self.keys {
                try expect(
                    try cache.value(key), models[index].entry(key, at: now)?.value, "\(kinds[index].name) \(key)")
            }
            try expect(try cache.scan(nil, .descending, nil), models[index].live(at: now).reversed(), "scan")
        }
        let caches = caches
        let snapshot = try store.read { snapshot in
            var snapshots: [(entries: [(key: Int, value: Int)], count: Int)] = []
            for cache in caches { snapshots.append((try cache.scan(in: snapshot), try cache.count(in: snapshot))) }
            return snapshots
        }
        for (index, part) in snapshot.enumerated() {
            try expect(part.entries, models[index].live(at: now), "snapshot")
            try expect(part.count, models[index].live(at: now).count, "count")
        }
        let memory = try store.statistics().memory
        try expect(memory.bytes <= memory.capacity && memory.highestBytes <= memory.capacity, true, "budget")
    }
}

/// A value's number as eight bytes.
private func withNumber(_ number: Int) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
}

/// The number that a value begins with.
private func number(_ bytes: [UInt8]) -> Int {
    bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
}
