internal import LMDB

/// A check of a whole store: every page of its file, every record's checksum, the descriptions of store and caches, the index of what
/// expires, and the list of hot keys.
///
/// It reads the file itself rather than through LMDB, which on a damaged page aborts, faults or answers wrongly, so it neither crashes nor
/// calls such a store healthy. It checks the store as of one commit; services may go on using it. Of a record that an older one
/// of the same key has replaced as a whole page it cannot know.
public struct StoreVerification: Sendable {
    /// A record whose bytes do not fit its checksum or that has no sound header.
    public struct DamagedRecord: Hashable, Sendable {
        /// The cache's name, or its table's where the cache has no description.
        public var cacheName: String
        /// The hash of the key, as in ``LarderError/keyHash``.
        public var keyHash: UInt64
        /// The encoded key.
        public var key: [UInt8]
        /// What is wrong, in words.
        public var problem: String
    }

    /// What a cache holds.
    public struct CacheContents: Hashable, Sendable {
        /// The cache's name.
        public var name: String
        /// Sound records, expired ones and those of other versions included.
        public var records = 0
        /// Bytes of their payloads.
        public var payloadBytes = 0
        /// Records that are damaged.
        public var damagedRecords = 0
    }

    /// The caches, in the order of their names.
    public private(set) var caches: [CacheContents] = []
    /// The damaged records, at most 1,000; ``CacheContents/damagedRecords`` counts all of them.
    public private(set) var damagedRecords: [DamagedRecord] = []
    /// What is wrong with the file's pages or with the store's own tables, each in words; at most 1,000.
    public private(set) var problems: [String] = []
    /// Pages in use, pages free to be used again, and pages lost to both, which does no harm.
    public private(set) var pages: (used: UInt64, free: UInt64, lost: UInt64) = (0, 0, 0)

    /// Whether nothing is wrong.
    public var isHealthy: Bool {
        problems.isEmpty && caches.allSatisfy { $0.damagedRecords == 0 }
    }

    /// Checks the store in a directory, which this process must not have open as a ``Store``; other processes may.
    ///
    /// Blocks the calling thread and reads the file twice. Takes time in proportion to the file, and memory for what is wrong and for 16 bytes
    /// of each deadline and each tag of a record.
    ///
    /// - Parameter eachRecord: Is called with the cache's name, the encoded key and the payload of each sound record, expired ones and those
    ///   of other versions included.
    /// - Throws: ``LarderError``: ``LarderError/Code-swift.struct/alreadyOpen`` if this process has the store open;
    ///   ``LarderError/Code-swift.struct/tooManyReaders``; where the file cannot be opened as an LMDB file at all,
    ///   ``LarderError/Code-swift.struct/storeNotFound``, ``LarderError/Code-swift.struct/notAStore``,
    ///   ``LarderError/Code-swift.struct/fileSystem``.
    public static func run(
        at path: String,
        eachRecord: ((_ cacheName: String, _ key: Span<UInt8>, _ payload: Span<UInt8>) -> Void)? = nil
    ) throws -> StoreVerification {
        try translatingErrors(at: path) {
            let environment: Environment
            do {
                environment = try Environment.open(at: path, options: EnvironmentOptions(flushing: nil))
            } catch let error as LMDBError where error.code == .unflushed {
                // Nobody has it open, and to open it would take away the mark that says so.
                return try run(unopenedAt: path, eachRecord)
            }
            defer { try? environment.close() }
            return try run(eachRecord) { visitor in try FileVerification.run(environment, visitor) }
        }
    }

    /// Checks a store that nobody has open.
    static func run(unopenedAt path: String, _ eachRecord: RecordVisitor? = nil) throws -> StoreVerification {
        try run(eachRecord) { visitor in
            try FileVerification.run(fileAt: path + "/" + Environment.FileName.data, visitor)
        }
    }

    typealias RecordVisitor = (_ cacheName: String, _ key: Span<UInt8>, _ payload: Span<UInt8>) -> Void

    private static func run(
        _ eachRecord: RecordVisitor?, _ walk: (FileVerification.Visitor) throws -> FileVerification
    ) throws -> StoreVerification {
        // The descriptions lie behind the caches' tables, so they are read first.
        var descriptions = Descriptions()
        _ = try walk { table, key, value in
            if table == DurableTier.TableName.descriptions { descriptions.read(key, value) }
        }
        var contents: [String: CacheContents] = [:]
        var verification = StoreVerification()
        var expiries = IndexCheck()
        var tags = IndexCheck()
        var damagedHotSetParts = 0
        let file = try walk { table, key, value in
            switch table {
            case DurableTier.TableName.descriptions: break
            case DurableTier.TableName.expiry:
                guard let entry = ExpiryIndex.entry(key: key, value: value) else { break }
                expiries.visit(entry.deadline, entry.keyspace, entry.keyHash)
            case DurableTier.TableName.tags:
                guard let entry = TagIndex.entry(key: key) else { break }
                tags.visit(entry.tag, entry.keyspace, entry.keyHash)
            case DurableTier.TableName.claims: verification.checkClaim(key, value)
            case DurableTier.TableName.hotSet:
                if HotSetTable.entries(key: key, value: value, seed: descriptions.hashSeed) == nil {
                    damagedHotSetParts += 1
                }
            default:
                let cache = descriptions.caches[table]
                let name = cache?.name ?? table
                verification.check(
                    key, value, number: cache?.descriptor.number, name: name, seed: descriptions.hashSeed,
                    &contents[name, default: CacheContents(name: name)], &expiries, &tags, eachRecord)
            }
        }
        for cache in descriptions.caches.values where contents[cache.name] == nil {
            contents[cache.name] = CacheContents(name: cache.name)
        }
        verification.caches = contents.values.sorted { $0.name < $1.name }
        verification.problems += file.problems.map(\.description) + descriptions.problems(tables: file.tables)
        if verification.problems.isEmpty, !expiries.isComplete {
            verification.problems.append("the index of what expires lacks entries of records that do")
        }
        if verification.problems.isEmpty, !tags.isComplete {
            verification.problems.append("the index of tags lacks entries of records that have them")
        }
        if damagedHotSetParts > 0 {
            verification.problems.append(
                "\(damagedHotSetParts) parts of the list of hot keys are damaged; no answer depends on them")
        }
        verification.pages = (file.usedPages, file.freePages, file.lostPages)
        return verification
    }

    private mutating func checkClaim(_ key: Span<UInt8>, _ value: Span<UInt8>) {
        guard let entry = ClaimTable.entry(key: key), Claim(value, keyHash: entry.keyHash) != nil else {
            if problems.count < 1_000 { problems.append("a claim on a key is damaged") }
            return
        }
    }

    private mutating func check(
        _ key: Span<UInt8>, _ value: Span<UInt8>, number: UInt32?, name: String, seed: UInt64,
        _ contents: inout CacheContents, _ expiries: inout IndexCheck, _ tags: inout IndexCheck,
        _ eachRecord: RecordVisitor?
    ) {
        guard let number else {
            contents.damagedRecords += 1
            return
        }
        let hash = xxh3(key, seed: Keyspace.hashSeed(storeSeed: seed, number: number))
        do {
            let header = try Record.verify(value, keyHash: hash)
            contents.records += 1
            contents.payloadBytes += value.count - header.size
            if header.expiry != 0 { expiries.expect(header.expiry, number, hash) }
            for tag in Record.tags(value) { tags.expect(tag, number, hash) }
            if header.flags.contains(.isAbsence) {
                tags.expect(TagIndex.absences, number, hash)
            } else {
                eachRecord?(name, key, value.extracting(header.size...))
            }
        } catch {
            contents.damagedRecords += 1
            guard damagedRecords.count < 1_000 else { return }
            damagedRecords.append(
                DamagedRecord(cacheName: name, keyHash: hash, key: [UInt8](copying: key), problem: error.message))
        }
    }
}

/// The store's header and the caches' descriptors, as far as they can be read.
private struct Descriptions {
    var hashSeed: UInt64 = 0
    var hasHeader = false
    /// By the name of the cache's table.
    var caches: [String: (name: String, descriptor: CacheDescriptor)] = [:]
    private var unread: [(name: String, bytes: [UInt8])] = []
    private var errors: [String] = []
    /// The number last given to a cache.
    private var lastNumber: UInt32 = 0
    /// What the store records of its purpose; its checksum is seeded with what the header says.
    private var purpose: [UInt8]?

    /// What is wrong with them in a store that has these tables, empty ones included.
    func problems(tables: Set<String>) -> [String] {
        var problems = errors
        if !hasHeader { problems.append("the store's description of itself is missing") }
        if let purpose {
            do { _ = try RecordedPurpose.budget(purpose.span, seed: hashSeed) } catch { problems.append("\(error)") }
        }
        let own = [DurableTier.TableName.expiry, DurableTier.TableName.tags, DurableTier.TableName.claims]
        for table in own + caches.keys.sorted() where !tables.contains(table) {
            problems.append("the table '\(table)' is missing")
        }
        if caches.values.contains(where: { $0.descriptor.number > lastNumber }) {
            problems.append("the number last given to a cache is damaged")
        }
        return problems
    }

    mutating func read(_ key: Span<UInt8>, _ value: Span<UInt8>) {
        let name = String(decoding: [UInt8](copying: key), as: UTF8.self)
        if name == DurableTier.headerKeyName {
            do {
                hashSeed = try StoreHeader(value).hashSeed
                hasHeader = true
                for (name, bytes) in unread { read(name, bytes) }
            } catch {
                errors.append("\(error)")
            }
        } else if name == DurableTier.lastNumberKeyName {
            var reader = ByteReader(value)
            lastNumber = (try? reader.integer()) ?? 0
        } else if name == RecordedPurpose.keyName {
            purpose = [UInt8](copying: value)
        } else if name.hasPrefix(DurableTier.descriptorPrefix) {
            let cache = String(name.dropFirst(DurableTier.descriptorPrefix.count))
            // The descriptors' checksums are seeded with what the header says, and it comes behind them.
            if hasHeader {
                read(cache, [UInt8](copying: value))
            } else {
                unread.append((cache, [UInt8](copying: value)))
            }
        } else {
            errors.append("the store's own table has an entry of an unknown name")
        }
    }

    private mutating func read(_ name: String, _ bytes: [UInt8]) {
        do {
            let descriptor = try CacheDescriptor(bytes.span, name: name, seed: hashSeed)
            caches[descriptor.tableName] = (name, descriptor)
        } catch {
            errors.append("\(error)")
        }
    }
}

/// Whether every record that belongs into an index is there: 64-bit fingerprints of both sides. The index may hold more, of records that
/// are gone.
private struct IndexCheck {
    private var indexed: Set<UInt64> = []
    private var expected: Set<UInt64> = []

    /// A record says that it has an entry under this deadline or tag.
    mutating func expect(_ number: UInt64, _ keyspace: UInt32, _ keyHash: UInt64) {
        expected.insert(Self.fingerprint(number, keyspace, keyHash))
    }

    mutating func visit(_ number: UInt64, _ keyspace: UInt32, _ keyHash: UInt64) {
        indexed.insert(Self.fingerprint(number, keyspace, keyHash))
    }

    var isComplete: Bool {
        expected.isSubset(of: indexed)
    }

    private static func fingerprint(_ number: UInt64, _ keyspace: UInt32, _ keyHash: UInt64) -> UInt64 {
        (number &* 0x9E37_79B9_7F4A_7C15) ^ (UInt64(keyspace) &* 0xC2B2_AE3D_27D4_EB4F) ^ keyHash
    }
}
