internal import LMDB

extension DurableTier {
    static let descriptorPrefix = "cache/"
    static let lastNumberKeyName = "last-cache"
    private static let lastNumberKey: [UInt8] = Array(lastNumberKeyName.utf8)

    private static func descriptorKey(_ name: String) -> [UInt8] {
        Array((descriptorPrefix + name).utf8)
    }

    /// What the store records about a cache, or `nil`.
    func descriptor(
        of name: String, in transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws -> CacheDescriptor? {
        try transaction.withValue(for: Self.descriptorKey(name).span, in: descriptions) { bytes in
            try CacheDescriptor(bytes, name: name, seed: header.hashSeed)
        }
    }

    /// Every cache's name and descriptor, in the order of the names.
    func descriptors(in transaction: borrowing some ReadableTransaction & ~Copyable) throws -> [(
        name: String, CacheDescriptor
    )] {
        let prefix = Array(Self.descriptorPrefix.utf8)
        return try transaction.withCursor(in: descriptions) { cursor in
            var found = try cursor.move(toFirstNotLess: prefix.span)
            var result: [(name: String, CacheDescriptor)] = []
            while found {
                let next: (String, CacheDescriptor)? = try cursor.withEntry { key, value in
                    let key = [UInt8](copying: key)
                    guard key.starts(with: prefix) else { return nil }
                    let name = String(decoding: key.dropFirst(prefix.count), as: UTF8.self)
                    return (name, try CacheDescriptor(value, name: name, seed: header.hashSeed))
                }
                guard let next else { break }
                result.append(next)
                found = try cursor.move(.next)
            }
            return result
        }
    }

    /// The keyspace of a cache that exists, or `nil`.
    func existingKeyspace(_ name: String) throws -> Keyspace? {
        guard let descriptor = try environment.read({ try self.descriptor(of: name, in: $0) }) else { return nil }
        return try keyspace(name, descriptor)
    }

    private func keyspace(_ name: String, _ descriptor: CacheDescriptor) throws -> Keyspace {
        guard let table = try environment.openTable(descriptor.tableName) else {
            throw LarderError(.damagedStore, "the cache's table is missing", cacheName: name)
        }
        let records = try PointLookup(of: table, named: descriptor.tableName, in: environment)
        return Keyspace(name: name, descriptor: descriptor, records: records, storeSeed: header.hashSeed)
    }

    /// The keyspace of a cache, which is made if it is not there; its version is raised if it is lower.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/codingMismatch``, ``LarderError/Code-swift.struct/newerCacheVersion``; `LMDBError`.
    func keyspace(
        _ name: String, keyCoding: String, valueCoding: String, version: UInt16, now: Milliseconds
    ) throws -> Keyspace {
        let existing = try environment.read { try self.descriptor(of: name, in: $0) }
        if let existing {
            try check(existing, name, keyCoding, valueCoding, version)
            if existing.version == version { return try keyspace(name, existing) }
        }
        var descriptor = CacheDescriptor(
            number: 0, version: version, created: now, keyCoding: keyCoding, valueCoding: valueCoding)
        let key = Self.descriptorKey(name)
        // Made, and made visible, in one transaction; what another process did since the look above is seen here.
        try environment.writeTables { transaction in
            if let existing = try self.descriptor(of: name, in: transaction) {
                try check(existing, name, keyCoding, valueCoding, version)
                descriptor = existing
                descriptor.version = version
            } else {
                descriptor.number = try nextNumber(in: &transaction)
                _ = try transaction.createTable(descriptor.tableName)
            }
            try transaction.put(
                descriptor.bytes(name: name, seed: header.hashSeed).span, for: key.span, in: descriptions)
        }
        return try keyspace(name, descriptor)
    }

    private func check(
        _ existing: CacheDescriptor, _ name: String, _ keyCoding: String, _ valueCoding: String, _ version: UInt16
    ) throws {
        guard existing.keyCoding == keyCoding, existing.valueCoding == valueCoding else {
            throw LarderError(
                .codingMismatch,
                "the cache was made with key coding '\(existing.keyCoding)' and value coding '\(existing.valueCoding)',"
                    + " not '\(keyCoding)' and '\(valueCoding)'", cacheName: name)
        }
        guard existing.version <= version else {
            throw LarderError(
                .newerCacheVersion, "the cache has version \(existing.version), later than \(version)", cacheName: name)
        }
    }

    private func nextNumber(in transaction: inout WriteTransaction) throws -> UInt32 {
        let last = try transaction.withValue(for: Self.lastNumberKey.span, in: descriptions) { bytes in
            do {
                var reader = ByteReader(bytes)
                let number: UInt32 = try reader.integer()
                try reader.checksum(seed: header.hashSeed)
                return number
            } catch {
                throw LarderError(.damagedStore, "the number last given to a cache is damaged")
            }
        }
        // A number that was lost would give a cache the table of another.
        guard try descriptors(in: transaction).allSatisfy({ $0.1.number <= last ?? 0 }) else {
            throw LarderError(.damagedStore, "the number last given to a cache is damaged")
        }
        let (number, overflow) = (last ?? 0).addingReportingOverflow(1)
        guard !overflow else { throw LarderError(.tooManyCaches, "the store has given out every number for a cache") }
        var writer = ByteWriter()
        writer.append(number)
        writer.appendChecksum(seed: header.hashSeed)
        try transaction.put(writer.bytes.span, for: Self.lastNumberKey.span, in: descriptions)
        return number
    }

    /// Removes a cache with its records. If the commit fails, the keyspace is retired all the same, and the cache is to be opened again.
    func drop(_ keyspace: Keyspace) throws {
        let tableName = "cache.\(keyspace.number)"
        let key = Self.descriptorKey(keyspace.name)
        try environment.dropTable(tableName) { transaction throws(LMDBError) in
            try transaction.delete(key.span, in: descriptions)
            try tagIndex.removeAll(of: keyspace.number, in: &transaction)
            try claims.removeAll(of: keyspace.number, in: &transaction)
        } invalidated: {
            keyspace.markDropped()
        }
    }
}
