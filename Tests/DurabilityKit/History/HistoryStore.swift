public import Larder

/// A store with the caches that histories are made on.
public struct HistoryStore: Sendable {
    /// The store.
    public let store: Store
    let owned: Cache<Int, Stamp>
    let shared: Cache<Int, [UInt8]>
    let even: Cache<Int, Stamp>
    let odd: Cache<Int, Stamp>
    let counters: Cache<Int, UInt64>
    let ephemeral: Cache<Int, [UInt8]>

    /// Keys that each lane owns.
    static let keysPerLane = 4
    /// Keys that all lanes overwrite.
    static let sharedKeyCount = 8
    /// Counters that all lanes add to.
    static let counterCount = 2

    /// Opens the store, and makes it where it is missing.
    public init(at path: String, memoryKibibytes: Int, mapKibibytes: Int) throws {
        store = try Store(
            at: path,
            options: StoreOptions(
                memoryCapacity: .kibibytes(memoryKibibytes), mapSize: .kibibytes(mapKibibytes)))
        owned = try store.cache("owned", key: .int, value: StampCoding())
        shared = try store.cache("shared", key: .int, value: .bytes)
        even = try store.cache("ledger-even", key: .int, value: StampCoding())
        odd = try store.cache("ledger-odd", key: .int, value: StampCoding())
        counters = try store.cache("counters", key: .int, value: .integer(UInt64.self))
        ephemeral = try store.cache("ephemeral", key: .int, value: .bytes)
    }

    func ledger(_ key: Int) -> Cache<Int, Stamp> {
        key.isMultiple(of: 2) ? even : odd
    }

    /// What the store holds, seen in one snapshot: as reads of now, or as the writes before a history.
    public func state(laneCount: Int, asInitialWrites: Bool) throws -> [HistoryEvent] {
        let time: (start: UInt64, finish: UInt64) = asInitialWrites ? (1, 2) : (MonotonicTime.now(), 0)
        var events = try store.read { snapshot in
            var events: [HistoryEvent] = []
            func add(_ stamp: Stamp?, _ domain: HistoryEvent.Domain, key: Int) {
                let present: HistoryEvent.Kind = asInitialWrites ? .write : .read
                let absent: HistoryEvent.Kind = asInitialWrites ? .removal : .absentRead
                var event = HistoryEvent(stamp == nil ? absent : present, domain, key: key, start: time.start)
                event.version = stamp?.version ?? 0
                event.nonce = stamp?.nonce ?? 0
                events.append(event)
            }
            for key in 0..<laneCount * Self.keysPerLane {
                add(try snapshot.value(for: key, in: owned), .owned, key: key)
            }
            for key in 0..<Self.sharedKeyCount {
                add(try snapshot.value(for: key, in: shared).map(StampBytes.decode), .shared, key: key)
            }
            for key in Array(0..<TransactionPlan.keyCount) + [TransactionPlan.clockKey] {
                add(try snapshot.value(for: key, in: ledger(key)), .ledger, key: key)
            }
            for key in 0..<Self.counterCount {
                // A counter that is not there is 0, before a history too.
                let sum = try snapshot.value(for: key, in: counters)
                guard sum != nil || !asInitialWrites else { continue }
                add(sum.map { Stamp(version: $0, nonce: $0) }, .counter, key: key)
            }
            return events
        }
        let finish = asInitialWrites ? time.finish : MonotonicTime.now()
        for index in events.indices { events[index].finish = finish }
        return events
    }

    /// Gives the keys that must always have a value their first one. For the process that starts the others.
    public func prepare() async throws {
        try await store.write { [self] transaction in
            for key in 0..<Self.sharedKeyCount {
                let stamp = Stamp(version: 1, nonce: UInt64(key) + 1)
                _ = try transaction.setIfAbsent(StampBytes.encode(stamp), for: key, in: shared)
            }
            _ = try transaction.setIfAbsent(Stamp(version: 1, nonce: 1), for: TransactionPlan.clockKey, in: even)
        }
    }
}
