internal import LMDB

extension Cache {
    /// Has the kept hot keys of the cache brought back into memory in the background, where the store keeps them.
    ///
    /// The closure that does so holds the store only while it reads, so a store that is let go of goes.
    func beginWarming() {
        guard let hotSet = store.hotSet else { return }
        let (keyspace, keyCoding, valueCoding) = (keyspace, keyCoding, valueCoding)
        hotSet.bringBack(keyspace.number) { [weak store] keys in
            guard let store else { return false }
            let cache = Cache(
                store: store, keyspace: keyspace, keyCoding: keyCoding, valueCoding: valueCoding, options: .init())
            for key in keys {
                guard !keyspace.isRetired, (try? store.checkUsable()) != nil else { return false }
                // A damaged or undecodable record is the business of whoever asks for it.
                if (try? cache.warm(key.span)) == true { hotSet.countWarmed() }
            }
            return true
        }
    }

    /// Brings an entry into memory as a read of it would, by the same protocol, unless it is there. Counts as no access of it. Returns
    /// whether it was brought.
    private func warm(_ key: Span<UInt8>) throws -> Bool {
        guard 1...Environment.maximumKeyLength ~= key.count else { return false }
        let hash = keyspace.hash(key)
        let floor = max(store.coherence.currentFloor(), keyspace.currentFloor)
        let memoryKey = memoryKey(key, hash)
        guard !store.memory.holds(memoryKey, floor: floor) else { return false }
        let found = try store.withReadTransaction { transaction in
            let id = transaction.id
            return try store.durable.withRecord(
                for: key, hash: hash, in: keyspace, of: transaction, now: store.clock.now
            ) { header, payload in (try decode(payload, keyHash: hash), payload.count, header.expiry, id) }
        }
        guard let (value, size, expiry, id) = found else { return false }
        store.memory.populate(
            memoryValue(value, payloadSize: size), for: memoryKey, version: id, expiry: expiry
        ) { max(store.coherence.floorNow, keyspace.currentFloor) }
        return true
    }
}
