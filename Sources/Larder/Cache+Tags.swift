extension Cache {
    /// Sets the value of a key and gives it tags, under which it can be removed together with others; see ``set(_:for:expires:)``.
    ///
    /// The tags are kept with the record and go when it is set again.
    ///
    /// - Parameter tags: At most 255.
    /// - Throws: As ``set(_:for:expires:)``; ``LarderError/Code-swift.struct/invalidOption`` for too many tags.
    public func set(
        _ value: Value, for key: Key, tags: Set<String>, expires expiration: Expiration = .cacheDefault
    ) async throws {
        var write = try prepare(value, key, expiration)
        write.tags = try tagHashes(tags)
        let deadline = try await store.write(singleKey: write.key) { [write] transaction in try transaction.put(write) }
        noteDeadline(deadline)
    }

    /// Removes every entry with a tag, in one commit; returns how many were there.
    /// O(entries removed), in one transaction: ``LarderError/Code-swift.struct/transactionTooLarge`` for very many.
    ///
    /// - Throws: As ``remove(_:)``.
    @discardableResult
    public func removeAll(tagged tag: String) async throws -> Int {
        let (keyspace, hash) = (keyspace, TagIndex.hash(tag, in: keyspace))
        return try await store.write { transaction in try transaction.removeAll(in: keyspace, tagged: hash) }
    }

    /// The hashes of tags.
    func tagHashes(_ tags: Set<String>) throws -> [UInt64] {
        guard tags.count <= Record.maximumTags else {
            throw LarderError(
                .invalidOption, "an entry has more than \(Record.maximumTags) tags", cacheName: name)
        }
        return Set(tags.map { TagIndex.hash($0, in: keyspace) }).sorted()
    }
}

extension Cache where Key == String {
    /// Removes every entry whose key begins with `prefix`, in one commit; returns how many were there.
    ///
    /// - Throws: As ``remove(_:)``.
    @discardableResult
    public func removeAll(prefix: String) async throws -> Int {
        let (keyspace, range) = (keyspace, KeyRange(prefix: Array(prefix.utf8)))
        return try await store.write { transaction in try transaction.removeAll(in: keyspace, range) }
    }
}

extension Cache where Key == [UInt8] {
    /// Removes every entry whose key begins with `prefix`, in one commit; returns how many were there.
    ///
    /// - Throws: As ``remove(_:)``.
    @discardableResult
    public func removeAll(prefix: [UInt8]) async throws -> Int {
        let (keyspace, range) = (keyspace, KeyRange(prefix: prefix))
        return try await store.write { transaction in try transaction.removeAll(in: keyspace, range) }
    }
}

extension Transaction {
    /// Sets the value of a key and gives it tags; see ``Cache/set(_:for:tags:expires:)``.
    ///
    /// - Throws: As ``Cache/set(_:for:tags:expires:)``; ``LarderError/Code-swift.struct/otherStore``.
    public func set<Key, Value>(
        _ value: Value, for key: Key, in cache: Cache<Key, Value>, tags: Set<String>,
        expires expiration: Expiration = .cacheDefault
    ) throws {
        try cache.check(in: durable)
        var write = try cache.prepare(value, key, expiration)
        write.tags = try cache.tagHashes(tags)
        cache.noteDeadline(try put(write))
    }

    /// Removes every entry with a tag; returns how many were there.
    ///
    /// - Throws: As ``Cache/removeAll(tagged:)``; ``LarderError/Code-swift.struct/otherStore``.
    @discardableResult
    public func removeAll<Key, Value>(in cache: Cache<Key, Value>, tagged tag: String) throws -> Int {
        try cache.check(in: durable)
        return try removeAll(in: cache.keyspace, tagged: TagIndex.hash(tag, in: cache.keyspace))
    }
}

extension Transaction {
    /// Removes every entry whose key begins with `prefix`; returns how many were there.
    ///
    /// - Throws: As ``Cache/removeAll(prefix:)-(String)``; ``LarderError/Code-swift.struct/otherStore``.
    @discardableResult
    public func removeAll<Value>(in cache: Cache<String, Value>, prefix: String) throws -> Int {
        try cache.check(in: durable)
        return try removeAll(in: cache.keyspace, KeyRange(prefix: Array(prefix.utf8)))
    }

    /// Removes every entry whose key begins with `prefix`; returns how many were there.
    ///
    /// - Throws: As ``Cache/removeAll(prefix:)-([UInt8])``; ``LarderError/Code-swift.struct/otherStore``.
    @discardableResult
    public func removeAll<Value>(in cache: Cache<[UInt8], Value>, prefix: [UInt8]) throws -> Int {
        try cache.check(in: durable)
        return try removeAll(in: cache.keyspace, KeyRange(prefix: prefix))
    }
}
