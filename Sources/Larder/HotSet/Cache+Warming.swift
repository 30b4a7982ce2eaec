internal import LMDB

extension Cache {
    /// Has the kept hot keys of the cache brought back into memory in the background, where the store keeps them.
    func beginWarming() {
        guard let hotSet = store.hotSet else { return }
        let warming = Warming(self)
        hotSet.bringBack(keyspace.number) { keys, standing in
            for key in keys {
                guard warming.isPossible else { return false }
                // A damaged or undecodable record is the business of whoever asks for it.
                if (try? warming.warm(key.span, standing)) == true { hotSet.countWarmed() }
            }
            return true
        }
    }
}

/// Brings entries of a cache into memory as reads of them would, by the same protocol, without holding the store: one that is let go of goes.
private struct Warming: Sendable {
    private let durable: DurableTier
    private let memory: MemoryTier
    private let coherence: Coherence
    private let clock: WallClock
    private let keyspace: Keyspace
    private let memoryValue: @Sendable (_ payload: Span<UInt8>) throws -> MemoryValue

    init<Key, Value>(_ cache: Cache<Key, Value>) {
        durable = cache.store.durable
        memory = cache.store.memory
        coherence = cache.store.coherence
        clock = cache.store.clock
        keyspace = cache.keyspace
        memoryValue = { [valueCoding = cache.valueCoding, holdsBytes = cache.holdsBytes] payload in
            if holdsBytes { return .bytes([UInt8](copying: payload)) }
            return DecodedValue.memoryValue(
                try valueCoding.decode(payload), encodedSize: payload.count, valueCoding)
        }
    }

    /// Whether the cache and the file are still there.
    var isPossible: Bool { !keyspace.isRetired && !durable.environment.isForked }

    /// Brings an entry into memory unless it is there. Counts as no access of it. Returns whether it was brought.
    func warm(_ key: Span<UInt8>, _ standing: Standing) throws -> Bool {
        guard 1...Environment.maximumKeyLength ~= key.count else { return false }
        let hash = keyspace.hash(key)
        let floor = max(coherence.currentFloor(), keyspace.currentFloor)
        let memoryKey = MemoryKey(keyspace: keyspace.memoryNumber, hash: hash, bytes: [UInt8](copying: key))
        guard !memory.holds(memoryKey, floor: floor) else { return false }
        let found = try durable.environment.read { transaction in
            let id = transaction.id
            return try durable.withRecord(
                for: key, hash: hash, in: keyspace, of: transaction, now: clock.now
            ) { header, payload in (try memoryValue(payload), header.plainUntil, id) }
        }
        guard let (value, expiry, id) = found else { return false }
        memory.populate(value, for: memoryKey, version: id, expiry: expiry, standing: standing) {
            max(coherence.floorNow, keyspace.currentFloor)
        }
        return true
    }
}
