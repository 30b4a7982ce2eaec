internal import LMDB

extension Transaction {
    /// The value of a key as this transaction sees it, with its own writes, or `nil`.
    ///
    /// - Throws: As ``Cache/value(for:)-(Key)``; ``LarderError/Code-swift.struct/otherStore``.
    public func value<Key, Value>(for key: Key, in cache: Cache<Key, Value>) throws -> Value? {
        try cache.check(in: durable)
        return try cache.withEncoded(key) { bytes, hash in
            try withRecord(for: bytes, hash: hash, in: cache.keyspace) { _, payload in
                try cache.decode(payload, keyHash: hash)
            }
        }
    }

    /// Whether a key is there as this transaction sees it.
    ///
    /// - Throws: As ``Cache/contains(_:)-(Key)``; ``LarderError/Code-swift.struct/otherStore``.
    public func contains<Key, Value>(_ key: Key, in cache: Cache<Key, Value>) throws -> Bool {
        try cache.check(in: durable)
        return try cache.withEncoded(key) { bytes, hash in
            try withRecord(for: bytes, hash: hash, in: cache.keyspace) { _, _ in true } ?? false
        }
    }

    /// Sets the value of a key.
    ///
    /// - Throws: As ``Cache/set(_:for:expires:)``; ``LarderError/Code-swift.struct/otherStore``.
    public func set<Key, Value>(
        _ value: Value, for key: Key, in cache: Cache<Key, Value>, expires expiration: Expiration = .cacheDefault
    ) throws {
        try cache.check(in: durable)
        let payload = try cache.valueCoding.encode(value)
        let lifetime = try cache.lifetime(expiration)
        try cache.withEncoded(key) { bytes, hash in
            try put(payload.span, for: bytes, hash: hash, in: cache, lifetime) {
                cache.memoryValue(value, payloadSize: payload.count)
            }
        }
    }

    /// Sets the value of a key, both given as spans of bytes. Nothing is copied on the way to the file's page.
    ///
    /// - Throws: As for a key and a value of the cache's types.
    public func set(
        _ value: Span<UInt8>, for key: Span<UInt8>, in cache: Cache<[UInt8], [UInt8]>,
        expires expiration: Expiration = .cacheDefault
    ) throws {
        try cache.check(in: durable)
        try cache.checkLength(of: key)
        try put(value, for: key, hash: cache.keyspace.hash(key), in: cache, cache.lifetime(expiration)) {
            cache.memoryValue([UInt8](copying: value), payloadSize: value.count)
        }
    }

    @inline(__always)
    private func put<Key, Value>(
        _ payload: Span<UInt8>, for key: Span<UInt8>, hash: UInt64, in cache: Cache<Key, Value>, _ lifetime: Lifetime,
        value: () -> MemoryValue
    ) throws {
        let deadline = lifetime.deadline(now: now)
        let keyspace = cache.keyspace
        try putRecord(payload, RecordTerms(expiry: deadline), for: key, hash: hash, in: keyspace)
        withChanges { changes in
            if changes.run.isBulkLoad {
                changes.addNewKey()
            } else if changes.isTold(of: keyspace) {
                changes.addKey(of: keyspace)
            } else if !changes.isInstalling {
                changes.addInvalidation(of: key, hash: hash, in: keyspace)
            } else {
                changes.add(
                    .init(keyspace: keyspace, key: cache.memoryKey(key, hash), value: value(), expiry: deadline))
            }
        }
        cache.noteDeadline(deadline)
    }

    /// Sets the value of a key unless it has one; returns whether it was set.
    ///
    /// - Throws: As ``Cache/setIfAbsent(_:for:expires:)``; ``LarderError/Code-swift.struct/otherStore``.
    public func setIfAbsent<Key, Value>(
        _ value: Value, for key: Key, in cache: Cache<Key, Value>, expires expiration: Expiration = .cacheDefault
    ) throws -> Bool {
        try cache.check(in: durable)
        let deadline = try putIfAbsent(cache.prepare(value, key, expiration))
        cache.noteDeadline(deadline ?? 0)
        return deadline != nil
    }

    /// Removes a key; returns whether it was there. A damaged record is removed too.
    ///
    /// - Throws: As ``Cache/remove(_:)``; ``LarderError/Code-swift.struct/otherStore``.
    @discardableResult
    public func remove<Key, Value>(_ key: Key, in cache: Cache<Key, Value>) throws -> Bool {
        try cache.check(in: durable)
        return try remove(cache.memoryKey(key), in: cache.keyspace)
    }

    /// Removes everything in a cache. Costs time for each page, not for each entry.
    ///
    /// - Throws: As ``Cache/removeAll()``; ``LarderError/Code-swift.struct/otherStore``.
    public func removeAll<Key, Value>(in cache: Cache<Key, Value>) throws {
        try cache.check(in: durable)
        try removeAll(in: cache.keyspace)
    }

    /// Removes the keys from `lower`, included, to `upper`, not included; `nil` is open. Returns how many were there.
    ///
    /// - Throws: As ``Cache/removeAll(from:to:)``; ``LarderError/Code-swift.struct/otherStore``.
    @discardableResult
    public func removeAll<Key, Value>(in cache: Cache<Key, Value>, from lower: Key? = nil, to upper: Key? = nil) throws
        -> Int
    {
        try cache.check(in: durable)
        return try removeAll(in: cache.keyspace, cache.range(from: lower, to: upper))
    }

    /// Gives an entry a new deadline and keeps its value; returns whether there was such an entry.
    ///
    /// - Throws: As ``Cache/touch(_:expires:)``; ``LarderError/Code-swift.struct/otherStore``.
    @discardableResult
    public func touch<Key, Value>(
        _ key: Key, in cache: Cache<Key, Value>, expires expiration: Expiration = .cacheDefault
    ) throws -> Bool {
        try cache.check(in: durable)
        let deadline = try touch(
            cache.memoryKey(key), in: cache.keyspace, cache.lifetime(expiration), cache.store.memory,
            cache.store.coherence)
        cache.noteDeadline(deadline ?? 0)
        return deadline != nil
    }

    /// How many entries a cache has as this transaction sees it; see ``Cache/count()``.
    ///
    /// - Throws: As ``Cache/count()``; ``LarderError/Code-swift.struct/otherStore``.
    public func count<Key, Value>(of cache: Cache<Key, Value>) throws -> Int {
        try cache.check(in: durable)
        return try withWriteTransaction { try durable.count(in: cache.keyspace, of: $0, now: now) }
    }

    /// Visits the entries from `lower`, included, to `upper`, not included, in the order of their keys; `nil` is open.
    ///
    /// `body` must not change the cache it visits.
    ///
    /// - Throws: As ``Snapshot/forEach(in:from:to:order:limit:_:)``.
    public func forEach<Key, Value>(
        in cache: Cache<Key, Value>, from lower: Key? = nil, to upper: Key? = nil, order: ScanOrder = .ascending,
        limit: Int? = nil, _ body: (Key, Value) throws -> Void
    ) throws {
        try cache.check(in: durable)
        let range = try cache.range(from: lower, to: upper)
        try withWriteTransaction { transaction in
            try cache.forEach(range, order, limit, of: transaction, now: now, body)
        }
    }
}
