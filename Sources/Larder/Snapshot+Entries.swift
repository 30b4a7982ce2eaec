internal import LMDB

extension Snapshot {
    /// The value of a key as of this snapshot, or `nil`.
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

    /// Whether a key is there as of this snapshot.
    ///
    /// - Throws: As ``Cache/contains(_:)-(Key)``; ``LarderError/Code-swift.struct/otherStore``.
    public func contains<Key, Value>(_ key: Key, in cache: Cache<Key, Value>) throws -> Bool {
        try cache.check(in: durable)
        return try cache.withEncoded(key) { bytes, hash in
            try withRecord(for: bytes, hash: hash, in: cache.keyspace) { _, _ in true } ?? false
        }
    }

    /// How many entries a cache has as of this snapshot; see ``Cache/count()``.
    ///
    /// - Throws: As ``Cache/count()``; ``LarderError/Code-swift.struct/otherStore``.
    public func count<Key, Value>(of cache: Cache<Key, Value>) throws -> Int {
        try cache.check(in: durable)
        try limit.check()
        return try translatingErrors(at: durable.environment.path) {
            try durable.count(in: cache.keyspace, of: transaction, now: now, limit: limit)
        }
    }

    /// Visits the entries from `lower`, included, to `upper`, not included, in the order of their keys; `nil` is open.
    ///
    /// Each record's checksum is verified. An error thrown by `body` ends the scan and reaches the caller.
    ///
    /// - Parameters:
    ///   - order: From the least key on, or from the greatest.
    ///   - limit: The largest number of entries to visit.
    /// - Throws: As ``Cache/value(for:)-(Key)``; ``LarderError/Code-swift.struct/undecodableKey``; ``LarderError/Code-swift.struct/otherStore``.
    public func forEach<Key, Value>(
        in cache: Cache<Key, Value>, from lower: Key? = nil, to upper: Key? = nil, order: ScanOrder = .ascending,
        limit: Int? = nil, _ body: (Key, Value) throws -> Void
    ) throws {
        try forEach(in: cache, cache.range(from: lower, to: upper), order, limit, body)
    }

    /// Visits the entries whose keys begin with `prefix`, in the order of their keys.
    ///
    /// - Throws: As ``forEach(in:from:to:order:limit:_:)``.
    public func forEach<Value>(
        in cache: Cache<String, Value>, prefix: String, order: ScanOrder = .ascending, limit: Int? = nil,
        _ body: (String, Value) throws -> Void
    ) throws {
        try forEach(in: cache, KeyRange(prefix: Array(prefix.utf8)), order, limit, body)
    }

    /// Visits the entries whose keys begin with `prefix`, in the order of their keys.
    ///
    /// - Throws: As ``forEach(in:from:to:order:limit:_:)``.
    public func forEach<Value>(
        in cache: Cache<[UInt8], Value>, prefix: [UInt8], order: ScanOrder = .ascending, limit: Int? = nil,
        _ body: ([UInt8], Value) throws -> Void
    ) throws {
        try forEach(in: cache, KeyRange(prefix: prefix), order, limit, body)
    }

    /// Visits the entries from `lower`, included, to `upper`, not included, in the order of their keys, as the bytes they are in the store;
    /// `nil` is open. Nothing is copied or decoded: the spans lie in the file's map and are valid while `body` runs.
    ///
    /// - Parameter checksums: Whether each record's checksum is verified.
    /// - Throws: As ``forEach(in:from:to:order:limit:_:)`` but for decoding.
    public func forEachBytes<Key, Value>(
        in cache: Cache<Key, Value>, from lower: Key? = nil, to upper: Key? = nil, order: ScanOrder = .ascending,
        limit: Int? = nil, checksums: ChecksumVerification = .verified,
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws -> Void
    ) throws {
        try cache.check(in: durable)
        try self.limit.check()
        try forEachBytes(in: cache.keyspace, cache.range(from: lower, to: upper), order, limit ?? .max, checksums, body)
    }

    private func forEachBytes(
        in keyspace: Keyspace, _ range: KeyRange, _ order: ScanOrder, _ limit: Int, _ checksums: ChecksumVerification,
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws -> Void
    ) throws {
        var visited = 0
        guard limit > 0 else { return }
        try translatingErrors(at: durable.environment.path) {
            try durable.forEachRecord(
                in: keyspace, range, order, of: transaction, now: { now }, checksums: checksums
            ) { key, _, payload in
                try self.limit.check()
                try body(key, payload)
                visited += 1
                return visited < limit
            }
        }
    }

    private func forEach<Key, Value>(
        in cache: Cache<Key, Value>, _ range: KeyRange, _ order: ScanOrder, _ limit: Int?,
        _ body: (Key, Value) throws -> Void
    ) throws {
        try cache.check(in: durable)
        try self.limit.check()
        try translatingErrors(at: durable.environment.path) {
            try cache.forEach(range, order, limit, of: transaction, now: now) { key, value in
                try self.limit.check()
                try body(key, value)
            }
        }
    }
}
