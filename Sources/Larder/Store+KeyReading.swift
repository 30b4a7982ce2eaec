internal import LMDB

/// Reads of one key without the types of its cache.
///
/// They are not generic, so they are compiled once, at full speed for every module that calls them: a hit in memory is about 250 instructions.
extension Store {
    /// What a memory entry's version must not be below to answer a read that begins now.
    @inline(__always)
    func currentFloor(of keyspace: Keyspace) throws -> UInt64 {
        // A store that is closed holds nothing in memory, and whoever goes on to the disk is told.
        try checkUnforked()
        return max(coherence.currentFloor(), keyspace.currentFloor)
    }

    /// The entry that memory holds, as `holdsBytes` or else most likely as a decoded object.
    @inline(__always)
    func memoryHit(
        _ key: Span<UInt8>, _ hash: UInt64, in keyspace: Keyspace, holdsBytes: Bool
    ) throws -> MemoryTier.Hit? {
        let floor = try currentFloor(of: keyspace)
        return memory.lookup(
            key, hash: hash, keyspace: keyspace.memoryNumber, floor: floor,
            isObject: !holdsBytes)
    }

    /// As ``copyBytes(of:_:in:into:)``, for a key whose length is to be checked.
    @usableFromInline
    func copyBytes(of key: Span<UInt8>, in keyspace: Keyspace, into buffer: inout MutableSpan<UInt8>) throws -> Int? {
        try keyspace.checkKeyLength(key.count)
        return try copyBytes(of: key, keyspace.hash(key), in: keyspace, into: &buffer)
    }

    /// Calls `body` with a value's bytes, which memory holds or is to hold, if there is such an entry.
    @usableFromInline
    func lendBytes(of key: Span<UInt8>, in keyspace: Keyspace, _ body: (Span<UInt8>) throws -> Void) throws {
        try keyspace.checkKeyLength(key.count)
        try withBytes(of: key, keyspace.hash(key), in: keyspace, populates: true) { bytes, _ in try body(bytes) }
    }

    /// Copies a value's bytes, which memory holds or is to hold, into `buffer`, if they fit, and returns how many there are, or `nil` if there is no such entry.
    @inline(__always)
    func copyBytes(
        of key: Span<UInt8>, _ hash: UInt64, in keyspace: Keyspace, into buffer: inout MutableSpan<UInt8>
    ) throws -> Int? {
        let floor = try currentFloor(of: keyspace)
        let count = memory.copyValue(
            for: key, hash: hash, keyspace: keyspace.memoryNumber, floor: floor, into: &buffer)
        if let count { return count }
        return try copyDurableBytes(of: key, hash, in: keyspace, into: &buffer)
    }

    // Out of line, so that a hit in memory does not pay for its variables.
    @inline(never)
    private func copyDurableBytes(
        of key: Span<UInt8>, _ hash: UInt64, in keyspace: Keyspace, into buffer: inout MutableSpan<UInt8>
    ) throws -> Int? {
        var count: Int?
        try withDurableBytes(of: key, hash, in: keyspace, populates: true) { payload, _ in
            count = payload.count
            buffer.copyIfFitting(payload)
        }
        return count
    }

    /// Calls `body` with a value's bytes and its deadline, if there is such an entry.
    @inline(__always)
    func withBytes(
        of key: Span<UInt8>, _ hash: UInt64, in keyspace: Keyspace, populates: Bool,
        _ body: (Span<UInt8>, Milliseconds) throws -> Void
    ) throws {
        if populates {
            let floor = try currentFloor(of: keyspace)
            let hit: Void? = try memory.withBytes(
                for: key, hash: hash, keyspace: keyspace.memoryNumber, floor: floor,
                body)
            if hit != nil { return }
        }
        try withDurableBytes(of: key, hash, in: keyspace, populates: populates, body)
    }

    /// Calls `body` with the payload and the deadline that the durable tier holds, once memory holds them too.
    @inline(never)
    private func withDurableBytes(
        of key: Span<UInt8>, _ hash: UInt64, in keyspace: Keyspace, populates: Bool,
        _ body: (Span<UInt8>, Milliseconds) throws -> Void
    ) throws {
        try withDurableRecord(of: key, hash, in: keyspace) { snapshot, header, payload in
            if populates {
                memory.populate(
                    payload, for: key, hash: hash, keyspace: keyspace.memoryNumber, version: snapshot,
                    expiry: header.plainUntil
                ) { max(coherence.floorNow, keyspace.currentFloor) }
            }
            try body(payload, header.expiry)
        }
    }

    /// Calls `body` with the id of the read transaction, the header and the payload that the durable tier holds, if there is such an entry.
    @inline(__always)
    func withDurableRecord(
        of key: Span<UInt8>, _ hash: UInt64, in keyspace: Keyspace,
        _ body: (UInt64, Record.Header, Span<UInt8>) throws -> Void
    ) throws {
        try checkUsable()
        let noticed = coherence.floorNow
        let found: Void? = try withReadTransaction { transaction in
            let id = transaction.id
            if id < noticed { groupCommit.publishForeignCommit() }
            return try durable.withRecord(
                for: key, hash: hash, in: keyspace, of: transaction, now: clock.now
            ) { header, payload in try body(id, header, payload) }
        }
        counters.countDurableLookup(isHit: found != nil)
        if found != nil { durable.references?.noteRead(of: hash) }
        writeThrough.memoryUpkeep.runIfDue()
    }

    /// The deadline of an entry, 0 if it never expires, or `nil` if there is no such entry.
    func durableDeadline(of key: Span<UInt8>, _ hash: UInt64, in keyspace: Keyspace) throws -> Milliseconds? {
        var deadline: Milliseconds?
        try withDurableRecord(of: key, hash, in: keyspace) { _, header, _ in deadline = header.expiry }
        return deadline
    }

    /// Whether there is such an entry.
    func contains(_ key: Span<UInt8>, _ hash: UInt64, in keyspace: Keyspace) throws -> Bool {
        let floor = try currentFloor(of: keyspace)
        let isInMemory = memory.contains(
            key, hash: hash, keyspace: keyspace.memoryNumber, floor: floor)
        if isInMemory { return true }
        return try durableDeadline(of: key, hash, in: keyspace) != nil
    }
}
