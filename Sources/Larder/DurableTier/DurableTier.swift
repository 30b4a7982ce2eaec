internal import LMDB
internal import Synchronization

/// The tier that lasts: which LMDB tables hold what, and in what form. It does not know the memory tier.
///
/// The store's own table `larder` holds its header and the caches' descriptors, the table `expiry` says which records expire when
/// (see ``ExpiryIndex``), the table `tags` which have which tag (see ``TagIndex``), the table `claims` who is loading or writing which key
/// (see ``ClaimTable``), the table `hotset` which keys were hot (see ``HotSetTable``), and each cache has a table of its records.
final class DurableTier: Sendable {
    let environment: Environment
    let header: StoreHeader
    let descriptions: Table
    let expiryIndex: ExpiryIndex
    let tagIndex: TagIndex
    let claims: ClaimTable
    private let secondaryTables = SecondaryTables()
    /// What was read from this tier lately, where records may be evicted.
    let references: ReferenceCounters?
    /// The budget on disk, where there is one, as of the opening.
    let budget: DiskBudget?
    private let payloadLimit = Atomic<Int>(Record.maximumPayload)

    /// The longest payload in bytes.
    var maximumPayload: Int { payloadLimit.load(ordering: .relaxed) }

    /// Sets the longest payload in bytes, below what a record can hold.
    func setMaximumPayload(_ count: Int) {
        payloadLimit.store(min(count, Record.maximumPayload), ordering: .relaxed)
    }

    static let headerKeyName = "store"
    private static let headerKey: [UInt8] = Array(headerKeyName.utf8)

    /// Opens the store in a directory, and makes it first if told to.
    ///
    /// - Parameter memory: Bytes of memory of which a part may be taken for what is known of the reads of a cache.
    /// - Throws: ``LarderError``.
    init(
        at path: String, options: EnvironmentOptions, purpose: StorePurpose, memory: Int, creating: Bool,
        clock: WallClock
    ) throws {
        environment = try translatingErrors(at: path) {
            try Environment.open(at: path, options: options, createsIfMissing: creating) { transaction in
                let table = try transaction.createTable(TableName.descriptions)
                let header = StoreHeader.make(now: clock.now())
                try transaction.put(header.bytes.span, for: Self.headerKey.span, in: table)
                for name in TableName.all where name != TableName.descriptions {
                    _ = try transaction.createTable(name)
                }
                if let budget = purpose.diskBudget {
                    try RecordedPurpose.put(budget, seed: header.hashSeed, in: table, of: &transaction)
                }
            }
        }
        let environment = environment
        (descriptions, expiryIndex, tagIndex, claims, header) = try translatingErrors(at: path) {
            guard let descriptions = try environment.openTable(TableName.descriptions),
                let expiry = try environment.openTable(TableName.expiry),
                let tags = try environment.openTable(TableName.tags),
                let claims = try environment.openTable(TableName.claims),
                let header = try environment.read({ transaction in
                    try transaction.withValue(for: Self.headerKey.span, in: descriptions) { try StoreHeader($0) }
                })
            else { throw LarderError(.notAStore, "the file at '\(path)' is not a Larder store") }
            return (
                descriptions, ExpiryIndex(table: expiry), TagIndex(table: tags), ClaimTable(table: claims), header
            )
        }
        let (descriptions, header) = (descriptions, header)
        budget = try translatingErrors(at: path) {
            let budget = try Self.settle(purpose, environment, descriptions, hashSeed: header.hashSeed)
            if let budget { try environment.limitMap(to: budget.fileLimit) }
            return budget
        }
        references = budget.map {
            ReferenceCounters(byteCount: ReferenceCounters.byteCount(for: $0, memory: memory))
        }
        if let budget { setMaximumPayload(budget.maximumPayload) }
    }

    /// The store's own tables.
    enum TableName {
        static let descriptions = "larder"
        static let expiry = "expiry"
        static let tags = "tags"
        static let claims = "claims"
        static let hotSet = "hotset"

        /// All of them.
        static let all = [descriptions, expiry, tags, claims, hotSet]
    }

    /// The table of the hot set, or nil in a store that was made before there was one and has kept none since.
    func hotSetTable() throws -> HotSetTable? {
        try environment.openTable(TableName.hotSet).map { HotSetTable(table: $0, seed: header.hashSeed) }
    }

    /// The table of the hot set, which is made if it is not there. That is a commit, once in the life of a store.
    func makeHotSetTable() throws -> HotSetTable {
        if let table = try hotSetTable() { return table }
        try environment.writeTables { transaction in _ = try transaction.createTable(TableName.hotSet) }
        guard let table = try hotSetTable() else {
            throw LarderError(.damagedStore, "the table of the hot set is gone")
        }
        return table
    }

    // MARK: Records

    /// Calls `body` with the header and payload of a record that is there, or returns `nil`.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/damagedRecord`` and ``LarderError/Code-swift.struct/newerFormat``; `LMDBError`; what
    ///   `body` throws.
    @inline(__always)
    func withRecord<Result>(
        for key: Span<UInt8>, hash: UInt64, in keyspace: Keyspace,
        of transaction: borrowing some ReadableTransaction & ~Copyable,
        now: () -> Milliseconds, _ body: (Record.Header, Span<UInt8>) throws -> Result
    ) throws -> Result? {
        try keyspace.checkUsable()
        let result = try transaction.withValue(for: key, in: keyspace.records) { bytes -> Result? in
            let header = try Self.verify(bytes, keyHash: hash, in: keyspace)
            guard header.isLive(version: keyspace.version, now: now()) else { return nil }
            return try body(header, bytes.extracting(header.size...))
        }
        return result ?? nil
    }

    /// As ``withRecord(for:hash:in:of:now:_:)``, but an absence is a record too.
    func withRecordOrAbsence<Result>(
        for key: Span<UInt8>, hash: UInt64, in keyspace: Keyspace,
        of transaction: borrowing some ReadableTransaction & ~Copyable,
        now: () -> Milliseconds, _ body: (Record.Header, Span<UInt8>) throws -> Result
    ) throws -> Result? {
        try keyspace.checkUsable()
        let result = try transaction.withValue(for: key, in: keyspace.records) { bytes -> Result? in
            let header = try Self.verify(bytes, keyHash: hash, in: keyspace)
            guard header.isKept(version: keyspace.version, now: now()) else { return nil }
            return try body(header, bytes.extracting(header.size...))
        }
        return result ?? nil
    }

    /// Checks a record, with an error that names the cache and the key's hash.
    @inline(__always)
    static func verify(_ bytes: Span<UInt8>, keyHash: UInt64, in keyspace: Keyspace) throws -> Record.Header {
        do {
            return try Record.verify(bytes, keyHash: keyHash)
        } catch {
            throw keyspace.error(error, keyHash: keyHash)
        }
    }

    /// Reads a record's header without its checksum.
    @inline(__always)
    static func header(_ bytes: Span<UInt8>, of key: Span<UInt8>, in keyspace: Keyspace) throws -> Record.Header {
        do {
            return try Record.header(bytes)
        } catch {
            throw keyspace.error(error, keyHash: keyspace.hash(key))
        }
    }

    /// Sets a record.
    ///
    /// - Parameter isInOrder: Whether the writes so far suggest that the key comes behind all others of the cache.
    /// - Returns: Whether it does, and so was not there before.
    func put(
        _ payload: Span<UInt8>, _ terms: RecordTerms, for key: Span<UInt8>, hash: UInt64, in keyspace: Keyspace,
        isInOrder: Bool, of transaction: inout WriteTransaction
    ) throws -> Bool {
        try keyspace.checkUsable()
        let header = terms.header(cacheVersion: keyspace.version)
        let size = header.size + payload.count
        var isAppended = false
        if isInOrder {
            isAppended = try unsafe transaction.append(count: size, for: key, in: keyspace.table) { target in
                unsafe Record.write(header, tags: terms.tags, payload: payload, keyHash: hash, to: target)
            }
        }
        if !isAppended {
            try unindex(key, hash: hash, in: keyspace, of: &transaction)
            try unsafe transaction.put(count: size, for: key, in: keyspace.table) { target in
                unsafe Record.write(header, tags: terms.tags, payload: payload, keyHash: hash, to: target)
            }
        }
        if terms.areIndexed { secondaryTables.noteInsertion() }
        if terms.expiry != 0 {
            try expiryIndex.insert(terms.expiry, keyHash: hash, key: key, keyspace: keyspace.number, in: &transaction)
        }
        for tag in terms.tags {
            try tagIndex.insert(tag, keyHash: hash, key: key, keyspace: keyspace.number, in: &transaction)
        }
        if terms.isAbsence {
            try tagIndex.insert(
                TagIndex.absences, keyHash: hash, key: key, keyspace: keyspace.number, in: &transaction)
        }
        return isAppended
    }

    /// Whether nothing expires or has a tag, and nobody claims anything.
    @inline(__always)
    func areSecondaryTablesEmpty(in transaction: borrowing WriteTransaction) throws -> Bool {
        try secondaryTables.areEmpty(in: transaction) { transaction in
            try expiryIndex.isEmpty(in: transaction) && tagIndex.isEmpty(in: transaction)
                && claims.isEmpty(in: transaction)
        }
    }

    /// Makes a claim on a key, in place of another.
    func put(
        _ claim: Claim, on keyHash: UInt64, in keyspace: Keyspace, of transaction: inout WriteTransaction
    ) throws {
        secondaryTables.noteInsertion()
        try claims.put(claim, on: keyHash, in: keyspace, of: &transaction)
    }

    /// A write transaction of this process has committed.
    func noteCommit(of id: UInt64) {
        secondaryTables.noteCommit(of: id)
    }

    /// Removes a record; returns whether there was one, expired or not.
    func remove(
        _ key: Span<UInt8>, hash: UInt64, in keyspace: Keyspace, of transaction: inout WriteTransaction
    ) throws -> Bool {
        try keyspace.checkUsable()
        try unindex(key, hash: hash, in: keyspace, of: &transaction)
        return try transaction.delete(key, in: keyspace.table)
    }

    /// Removes the index entries of the record that is about to be replaced or removed.
    private func unindex(
        _ key: Span<UInt8>, hash: UInt64, in keyspace: Keyspace, of transaction: inout WriteTransaction
    ) throws {
        // Where nothing expires or has a tag, no record has an index entry and none need be looked up.
        if try areSecondaryTablesEmpty(in: transaction) { return }
        if try expiryIndex.isEmpty(in: transaction) && tagIndex.isEmpty(in: transaction) { return }
        let found = try transaction.withValue(for: key, in: keyspace.table) { bytes in
            // Damaged or not, the record goes; a wrong number here leaves an index entry that means nothing.
            let header = try? Record.header(bytes)
            let tags = header?.tagCount ?? 0 > 0 ? Record.tags(bytes) : []
            return (expiry: header?.expiry ?? 0, isAbsence: header?.flags.contains(.isAbsence) ?? false, tags: tags)
        }
        guard let found else { return }
        if found.expiry != 0 {
            try expiryIndex.remove(found.expiry, keyHash: hash, keyspace: keyspace.number, in: &transaction)
        }
        for tag in found.isAbsence ? found.tags + [TagIndex.absences] : found.tags {
            try tagIndex.remove(tag, keyHash: hash, keyspace: keyspace.number, in: &transaction)
        }
    }

    /// Removes every record of a cache. The entries of the index of what expires stay until their time comes.
    func removeAll(in keyspace: Keyspace, of transaction: inout WriteTransaction) throws {
        try keyspace.checkUsable()
        try transaction.removeAll(in: keyspace.table)
        try tagIndex.removeAll(of: keyspace.number, in: &transaction)
    }
}
