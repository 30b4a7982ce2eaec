internal import LMDB

extension Cache {
    /// The value of a key, from memory or else from disk, or `nil` if there is none or it has expired.
    ///
    /// A hit in memory costs a lookup under the lock of a shard; one on disk a read transaction, the checksum of the record, and decoding.
    /// Never hops threads and never waits for a writer.
    ///
    /// - Throws: ``LarderError``: ``LarderError/Code-swift.struct/invalidKey``, ``LarderError/Code-swift.struct/damagedRecord``,
    ///   ``LarderError/Code-swift.struct/undecodableValue``, ``LarderError/Code-swift.struct/newerFormat``,
    ///   ``LarderError/Code-swift.struct/closed``, ``LarderError/Code-swift.struct/cacheDropped`` and the like.
    public func value(for key: Key) throws -> Value? {
        try withEncoded(key) { bytes, hash in try value(bytes, hash) }
    }

    @inline(__always)
    func value(_ key: Span<UInt8>, _ hash: UInt64) throws -> Value? {
        if let hit = try memoryHit(key, hash), let value = value(hit.value) {
            touchIfDue(key, hash, expiry: hit.expiry)
            return value
        }
        return try durableValue(key, hash)
    }

    /// Whether a key is there. The value is not decoded, but its record is checked.
    ///
    /// - Throws: As ``value(for:)`` but for decoding. Does not count as an access of the entry.
    public func contains(_ key: Key) throws -> Bool {
        try withEncoded(key) { bytes, hash in try deadline(bytes, hash) != nil }
    }

    /// How long an entry has left to live: `nil` if there is no such entry, or one that never expires; see ``contains(_:)``.
    ///
    /// - Throws: As ``value(for:)`` but for decoding. Does not count as an access of the entry.
    public func remainingTimeToLive(for key: Key) throws -> Duration? {
        guard let deadline = try withEncoded(key, { bytes, hash in try deadline(bytes, hash) }), deadline != 0
        else { return nil }
        let now = store.clock.now()
        return .milliseconds(deadline > now ? Int64(clamping: deadline - now) : 0)
    }

    /// Calls `body` with the value's bytes as the coding wrote them, where they lie, or returns `nil` if there is no such entry.
    ///
    /// Nothing is copied or decoded. Where memory keeps decoded values, the bytes are those on disk, and `body` runs inside a read
    /// transaction: it must not write to the store.
    ///
    /// - Throws: As ``value(for:)`` but for decoding; what `body` throws.
    public func withBytes<Result>(for key: Key, _ body: (Span<UInt8>) throws -> Result) throws -> Result? {
        try withEncoded(key) { bytes, hash in try withBytes(bytes, hash, body) }
    }

    func withBytes<Result>(_ key: Span<UInt8>, _ hash: UInt64, _ body: (Span<UInt8>) throws -> Result) throws -> Result?
    {
        if let hit = try memoryHit(key, hash), case .bytes(let held) = hit.value {
            touchIfDue(key, hash, expiry: hit.expiry)
            return try body(held.span)
        }
        return try withDurableRecord(key, hash) { _, header, payload in
            touchIfDue(key, hash, expiry: header.expiry)
            return try body(payload)
        }
    }

    /// How many entries there are. O(1), but for entries that have expired and are not removed yet, and O(n) if the version was raised.
    ///
    /// - Throws: As ``value(for:)`` but for decoding.
    public func count() throws -> Int {
        try store.read { snapshot in try snapshot.count(of: self) }
    }

    // MARK: The tiers

    @inline(__always)
    private func memoryHit(_ key: Span<UInt8>, _ hash: UInt64) throws -> MemoryTier.Hit? {
        try store.checkUsable()
        let floor = max(store.coherence.currentFloor(), keyspace.currentFloor)
        return store.memory.lookup(key, hash: hash, keyspace: keyspace.memoryNumber, floor: floor, now: store.clock.now)
    }

    /// Calls `body` with the id of the read transaction, the header and the payload.
    private func withDurableRecord<Result>(
        _ key: Span<UInt8>, _ hash: UInt64, _ body: (UInt64, Record.Header, Span<UInt8>) throws -> Result
    ) throws -> Result? {
        let result: Result? = try store.withReadTransaction { transaction in
            let id = transaction.id
            return try store.durable.withRecord(
                for: key, hash: hash, in: keyspace, of: transaction, now: store.clock.now
            ) { header, payload in try body(id, header, payload) }
        }
        store.counters.countDurableLookup(isHit: result != nil)
        if result != nil { store.durable.references?.noteRead(of: hash) }
        return result
    }

    private func durableValue(_ key: Span<UInt8>, _ hash: UInt64) throws -> Value? {
        let found = try withDurableRecord(key, hash) { id, header, payload in
            (try decode(payload, keyHash: hash), payload.count, header.expiry, id)
        }
        guard let (value, size, expiry, id) = found else { return nil }
        store.memory.populate(
            memoryValue(value, payloadSize: size), for: memoryKey(key, hash), version: id, expiry: expiry
        ) { max(store.coherence.floorNow, keyspace.currentFloor) }
        touchIfDue(key, hash, expiry: expiry)
        return value
    }

    /// The deadline of an entry, 0 if it never expires, or `nil` if there is no such entry.
    func deadline(_ key: Span<UInt8>, _ hash: UInt64) throws -> Milliseconds? {
        if let hit = try memoryHit(key, hash) { return hit.expiry }
        return try withDurableRecord(key, hash) { _, header, _ in header.expiry }
    }
}
