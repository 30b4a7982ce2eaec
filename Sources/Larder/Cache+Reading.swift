internal import LMDB

extension Cache {
    /// The value of a key, from memory or else from disk, or `nil` if there is none or it has expired.
    ///
    /// A hit in memory costs a lookup, as a rule without a lock; one on disk a read transaction, the checksum of the record, and decoding.
    /// Never hops threads, and waits for no transaction. It waits for a thread that changes the same part of memory at that moment, as a rule
    /// for some hundred nanoseconds, longer where an index grows or the capacity changes; and, if memory does not answer, while the map grows
    /// or a cache is dropped.
    ///
    /// - Throws: ``LarderError``: ``LarderError/Code-swift.struct/invalidKey``, ``LarderError/Code-swift.struct/damagedRecord``,
    ///   ``LarderError/Code-swift.struct/undecodableValue``, ``LarderError/Code-swift.struct/newerFormat``,
    ///   ``LarderError/Code-swift.struct/closed``, ``LarderError/Code-swift.struct/cacheDropped`` and the like.
    @inlinable
    public func value(for key: Key) throws -> Value? {
        let held = try heldValue(for: key)
        return held == nil ? try durableValue(for: key) : held
    }

    /// The value that memory holds; `nil` if it holds none, or one with which more is to be done than to answer.
    // Inlinable, as all that has a `Value` on a hit's way: where it is generic, the runtime looks up a type for every variable of it.
    @inlinable
    func heldValue(for key: Key) throws -> Value? {
        guard let held = try memoryHit(for: key) else { return nil }
        return value(held)
    }

    /// What memory holds for a key.
    @usableFromInline
    func memoryHit(for key: Key) throws -> MemoryValue? {
        try withEncoded(key) { bytes, hash in try memoryHit(bytes, hash) }
    }

    @inline(__always)
    func memoryHit(_ key: Span<UInt8>, _ hash: UInt64) throws -> MemoryValue? {
        guard let hit = try store.memoryHit(key, hash, in: keyspace, holdsBytes: holdsBytes) else { return nil }
        touchIfDue(key, hash, expiry: hit.expiry)
        return hit.value
    }

    /// The value that the durable tier holds, once memory holds it too.
    @usableFromInline
    func durableValue(for key: Key) throws -> Value? {
        // Not as the closure's result, whose type the runtime would have to look up.
        var found: Value?
        try withEncoded(key) { bytes, hash in found = try durableValue(bytes, hash) }
        return found
    }

    /// Whether a key is there. Nothing is decoded.
    ///
    /// Where memory holds the entry, no record is checked, and it counts as a hit and as a use. Otherwise the record on disk is checked, and
    /// memory does not take it. Does not extend the life of an entry that expires after access.
    ///
    /// - Throws: As ``value(for:)-(Key)`` but for decoding.
    public func contains(_ key: Key) throws -> Bool {
        try withEncoded(key) { bytes, hash in try store.contains(bytes, hash, in: keyspace) }
    }

    /// How long an entry has left to live: `nil` if there is no such entry, or one that never expires.
    ///
    /// Checks the record on disk, whatever memory holds, and decodes nothing. Does not extend the life of an entry that expires after access.
    ///
    /// - Throws: As ``value(for:)-(Key)`` but for decoding.
    public func remainingTimeToLive(for key: Key) throws -> Duration? {
        // Memory may know of an earlier moment, at which more is to be done than to answer.
        let deadline = try withEncoded(key) { bytes, hash in try store.durableDeadline(of: bytes, hash, in: keyspace) }
        guard let deadline, deadline != 0 else { return nil }
        let now = store.clock.now()
        return .milliseconds(deadline > now ? Int64(clamping: deadline - now) : 0)
    }

    /// Calls `body` with the value's bytes as the coding wrote them, or returns `nil` if there is no such entry.
    ///
    /// Nothing is allocated or decoded: of what memory holds, up to 1,024 bytes are copied to the stack, and more are lent where they lie. Where memory keeps decoded values, the bytes are those on disk, and `body` runs inside a read
    /// transaction: it must not write to the store.
    ///
    /// - Throws: As ``value(for:)-(Key)`` but for decoding; what `body` throws.
    @inlinable
    public func withBytes<Result>(for key: Key, _ body: (Span<UInt8>) throws -> Result) throws -> Result? {
        var result: Result?
        try lendBytes(for: key) { result = try body($0) }
        return result
    }

    /// ``withBytes(for:_:)-swift.method`` without a result, so that it is compiled once.
    @usableFromInline
    func lendBytes(for key: Key, _ body: (Span<UInt8>) throws -> Void) throws {
        try withEncoded(key) { bytes, hash in try lendBytes(bytes, hash, body) }
    }

    @inline(__always)
    func lendBytes(_ key: Span<UInt8>, _ hash: UInt64, _ body: (Span<UInt8>) throws -> Void) throws {
        try store.withBytes(of: key, hash, in: keyspace, populates: holdsBytes) { bytes, expiry in
            touchIfDue(key, hash, expiry: expiry)
            try body(bytes)
        }
    }

    /// Copies the value's bytes, as the coding wrote them, into `buffer`, and returns how many there are, or `nil` if there is no such entry.
    ///
    /// If there are more than `buffer` holds, nothing is copied: try again with a larger one. Allocates nothing. Where memory keeps decoded
    /// values, the bytes are those on disk.
    ///
    /// - Throws: As ``value(for:)-(Key)`` but for decoding.
    public func copyBytes(for key: Key, into buffer: inout MutableSpan<UInt8>) throws -> Int? {
        try unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Environment.maximumKeyLength) { storage in
            let bytes = try unsafe encode(key, into: storage).span
            return try copyBytes(of: bytes, keyspace.hash(bytes), into: &buffer)
        }
    }

    @inline(__always)
    func copyBytes(of key: Span<UInt8>, _ hash: UInt64, into buffer: inout MutableSpan<UInt8>) throws -> Int? {
        guard answersWithBytes else { return try copyLentBytes(key, hash, into: &buffer) }
        return try store.copyBytes(of: key, hash, in: keyspace, into: &buffer)
    }

    // Out of line, so that a plain hit does not pay for it.
    @inline(never)
    func copyLentBytes(
        _ key: Span<UInt8>, _ hash: UInt64, into buffer: inout MutableSpan<UInt8>
    ) throws -> Int? {
        var count: Int?
        try lendBytes(key, hash) { bytes in
            count = bytes.count
            buffer.copyIfFitting(bytes)
        }
        return count
    }

    /// How many entries there are. O(1), but for entries that have expired and are not removed yet and for negative ones, and O(n) if the
    /// version was raised.
    ///
    /// - Throws: As ``value(for:)-(Key)`` but for decoding.
    public func count() throws -> Int {
        try store.read { snapshot in try snapshot.count(of: self) }
    }

    func durableValue(_ key: Span<UInt8>, _ hash: UInt64) throws -> Value? {
        var result: Value?
        try store.withDurableRecord(of: key, hash, in: keyspace) { snapshot, header, payload in
            let value = try decode(payload, keyHash: hash)
            result = value
            let held = memoryValue(value, payloadSize: payload.count)
            store.memory.populate(held, for: memoryKey(key, hash), version: snapshot, expiry: header.plainUntil) {
                max(store.coherence.floorNow, keyspace.currentFloor)
            }
            touchIfDue(key, hash, expiry: header.expiry)
        }
        return result
    }
}
