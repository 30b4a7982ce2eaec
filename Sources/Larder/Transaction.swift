internal import LMDB

/// A group of reads and writes, over any caches of a store, that commits in both tiers or in neither.
///
/// It exists while the body of ``Store/write(_:)-swift.method`` runs, on that body's thread; the compiler sees to it that it is not kept,
/// returned or awaited over. It sees its own writes, and no one else does until they are committed and flushed. If the body throws,
/// nothing of it happens.
///
/// The body may run more than once: when the file's map has to grow, the transaction begins again. So it should have no effects
/// but those on the transaction.
@safe
public struct Transaction: ~Copyable {
    private let pointer: UnsafeMutablePointer<WriteTransaction>
    // Not an object: every access to a property of one would be checked for exclusivity.
    private let changes: UnsafeMutablePointer<ChangeSet>
    /// What the transactions before this one in the same commit change, if there are any.
    private let earlier: UnsafeMutablePointer<ChangeSet>?
    let durable: DurableTier
    let now: Milliseconds
    private let foreignCommits: Int

    init(
        _ pointer: UnsafeMutablePointer<WriteTransaction>, _ changes: UnsafeMutablePointer<ChangeSet>,
        after earlier: UnsafeMutablePointer<ChangeSet>?, durable: DurableTier, now: Milliseconds, foreignCommits: Int
    ) {
        unsafe self.pointer = pointer
        unsafe self.changes = changes
        unsafe self.earlier = earlier
        self.durable = durable
        self.now = now
        self.foreignCommits = foreignCommits
    }

    // MARK: What the typed operations are made of

    /// Errors of the layer below become those of this one: a body sees no other. What failed is kept by the transaction itself.
    @inline(__always)
    func withWriteTransaction<Result>(_ body: (inout WriteTransaction) throws -> Result) throws -> Result {
        do {
            return try unsafe body(&pointer.pointee)
        } catch let error as LMDBError {
            throw LarderError(error, path: durable.environment.path)
        }
    }

    @inline(__always)
    func withChanges<Result>(_ body: (inout ChangeSet) throws -> Result) rethrows -> Result {
        try unsafe body(&changes.pointee)
    }

    /// Whether a transaction before this one in the same commit changes a key, or was to remove it.
    func isTouchedEarlier(_ key: MemoryKey, in keyspace: Keyspace) -> Bool {
        guard let earlier = unsafe earlier else { return false }
        return unsafe earlier.pointee.touches(key, in: keyspace)
    }

    func withRecord<Result>(
        for key: Span<UInt8>, hash: UInt64, in keyspace: Keyspace,
        _ body: (Record.Header, Span<UInt8>) throws -> Result
    ) throws -> Result? {
        try withWriteTransaction { transaction in
            try durable.withRecord(for: key, hash: hash, in: keyspace, of: transaction, now: { now }, body)
        }
    }

    /// Sets a record. Returns its deadline.
    @discardableResult
    func put(_ write: PreparedWrite, isLoaded: Bool = false) throws -> Milliseconds {
        let terms = write.terms(now: now)
        try put(
            write.payload.span, terms, for: write.key, in: write.keyspace, value: write.memoryValue, isLoaded: isLoaded)
        return terms.expiry
    }

    func put(
        _ payload: Span<UInt8>, _ terms: RecordTerms, for key: MemoryKey, in keyspace: Keyspace, value: MemoryValue?,
        isLoaded: Bool = false
    ) throws {
        try putRecord(payload, terms, for: key.bytes.span, hash: key.hash, in: keyspace)
        withChanges {
            $0.add(.init(keyspace: keyspace, key: key, value: value, expiry: terms.plainUntil, isLoaded: isLoaded))
        }
    }

    /// Sets a record in the durable tier; the caller adds the change.
    @inline(__always)
    func putRecord(
        _ payload: Span<UInt8>, _ terms: RecordTerms, for key: Span<UInt8>, hash: UInt64, in keyspace: Keyspace
    ) throws {
        guard payload.count <= durable.maximumPayload else {
            throw LarderError(
                .valueTooLarge, "a value has more than \(durable.maximumPayload) bytes", cacheName: keyspace.name,
                keyHash: hash)
        }
        try checkExists(keyspace)
        if try hasClaims() { try overtakeClaim(on: hash, in: keyspace) }
        // Before it is written: whoever finds no room asks for what.
        let isInOrder = withChanges { changes in
            changes.wantedRoom.add(bytes: key.count + payload.count)
            return changes.isInOrder(key, in: keyspace)
        }
        let isAppended = try withWriteTransaction { transaction in
            try durable.put(
                payload, terms, for: key, hash: hash, in: keyspace, isInOrder: isInOrder, of: &transaction)
        }
        withChanges { changes in
            changes.run.note(isAppended: isAppended)
            changes.payloadBytes += payload.count
        }
    }

    /// Removes a record; returns whether it was there, that is, neither absent nor expired.
    ///
    /// - Parameter isHousekeeping: Whether the record goes because its time has come rather than because the value has changed. Then what is
    ///   being loaded for the key is as good as before.
    @discardableResult
    func remove(_ key: MemoryKey, in keyspace: Keyspace, isHousekeeping: Bool = false) throws -> Bool {
        try checkExists(keyspace)
        if !isHousekeeping, try hasClaims() { try overtakeClaim(on: key.hash, in: keyspace) }
        let (wasLive, existed) = try withWriteTransaction { transaction in
            // A damaged record can be removed: that is how it is got rid of.
            let wasLive = try transaction.withValue(for: key.bytes.span, in: keyspace.table) { bytes in
                (try? Record.header(bytes))?.isLive(version: keyspace.version, now: now) ?? false
            }
            return (
                wasLive ?? false,
                try durable.remove(key.bytes.span, hash: key.hash, in: keyspace, of: &transaction)
            )
        }
        if existed {
            withChanges {
                $0.add(.init(keyspace: keyspace, key: key, value: nil, expiry: 0, isLoaded: isHousekeeping))
            }
        } else if !isHousekeeping {
            withChanges { $0.addAbsent(key) }
        }
        return wasLive
    }

    func removeAll(in keyspace: Keyspace) throws {
        try checkExists(keyspace)
        try withWriteTransaction { transaction in try durable.removeAll(in: keyspace, of: &transaction) }
        if try hasClaims() { try overtakeClaims(in: keyspace) }
        withChanges { $0.addClear(of: keyspace) }
    }

    /// Throws if another process has dropped the cache: LMDB would bring half of it back.
    func checkExists(_ keyspace: Keyspace) throws {
        try withWriteTransaction { transaction in
            try durable.checkExists(keyspace, foreignCommits: foreignCommits, in: transaction)
        }
    }
}
