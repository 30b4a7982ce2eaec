internal import LMDB

extension Store {
    /// Opens a cache, and makes it if there is none of that name.
    ///
    /// The store records the names of the codings and the version. Opening a cache again, also while it is open, gives the same entries.
    /// Making a cache, or raising its version, is a commit: it blocks the calling thread, and memory starts anew as after a commit of another
    /// process. Opening one that is there costs a few microseconds. Not to be done inside the body of a write or a read.
    ///
    /// - Parameters:
    ///   - name: 1 to 255 bytes of UTF-8 without NUL.
    ///   - key: How keys become bytes: `.string`, `.bytes`, `.int64` and the like, or your own.
    ///   - value: How values become bytes: `.bytes`, `.string`, `.json(Type.self)` of LarderFoundation, or your own.
    /// - Throws: ``LarderError/Code-swift.struct/codingMismatch``, ``LarderError/Code-swift.struct/newerCacheVersion``,
    ///   ``LarderError/Code-swift.struct/invalidCacheName``, ``LarderError/Code-swift.struct/invalidOption``,
    ///   ``LarderError/Code-swift.struct/tooManyCaches``, ``LarderError/Code-swift.struct/nestedWrite``,
    ///   ``LarderError/Code-swift.struct/writeInsideRead``; what a commit throws.
    public func cache<Key, Value>(
        _ name: String, key: some KeyCoding<Key>, value: some ValueCoding<Value>, options: CacheOptions = .init()
    ) throws -> Cache<Key, Value> {
        try checkUsable()
        try options.check()
        guard 1...255 ~= name.utf8.count, !name.utf8.contains(0) else {
            throw LarderError(.invalidCacheName, "a cache's name has 1 to 255 bytes of UTF-8 without NUL")
        }
        try checkOutsideTransactions()
        let keyspace = try translatingErrors(at: path) {
            try keyspaces.keyspace(named: name) {
                try durable.keyspace(
                    name, keyCoding: key.identifier, valueCoding: value.identifier, version: options.version,
                    now: clock.now())
            }
        }
        guard let keyspace else { throw LarderError(.cacheNotFound, "there is no such cache", cacheName: name) }
        let cache = Cache<Key, Value>(
            store: self, keyspace: keyspace, keyCoding: key, valueCoding: value, options: options)
        cache.beginWarming()
        return cache
    }

    /// Opens a cache that exists, with keys and values as the bytes they are in the store, whatever its codings: for tools.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/cacheNotFound``, ``LarderError/Code-swift.struct/nestedWrite`` and
    ///   ``LarderError/Code-swift.struct/writeInsideRead`` inside the body of a write or a read; what a read throws.
    public func rawCache(_ name: String) throws -> Cache<[UInt8], [UInt8]> {
        try checkUsable()
        try checkOutsideTransactions()
        let keyspace = try translatingErrors(at: path) {
            try keyspaces.keyspace(named: name) { try durable.existingKeyspace(name) }
        }
        guard let keyspace else { throw LarderError(.cacheNotFound, "there is no cache '\(name)'", cacheName: name) }
        return Cache(
            store: self, keyspace: keyspace, keyCoding: BytesCoding(), valueCoding: BytesCoding(), options: .init())
    }

    /// Throws inside the body of a write or a read. Whoever opens or drops a cache may wait for writers and readers, and holds up everyone
    /// else who does: together they would wait for each other.
    private func checkOutsideTransactions() throws {
        if groupCommit.isLeading {
            throw LarderError(.nestedWrite, "a cache was opened or dropped inside the body of a write")
        }
        if durable.environment.isReading {
            throw LarderError(.writeInsideRead, "a cache was opened or dropped inside the body of a read")
        }
    }

    /// The caches of the store, in the order of their names.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/closed``, ``LarderError/Code-swift.struct/forked``,
    ///   ``LarderError/Code-swift.struct/tooManyReaders``, ``LarderError/Code-swift.struct/damagedStore``,
    ///   ``LarderError/Code-swift.struct/reopenNeeded``.
    public func caches() throws -> [CacheDescription] {
        try checkUsable()
        return try withReadTransaction { transaction in
            try durable.descriptors(in: transaction).map { name, descriptor in
                CacheDescription(
                    name: name, keyCoding: descriptor.keyCoding, valueCoding: descriptor.valueCoding,
                    version: descriptor.version, createdMillisecondsSince1970: descriptor.created)
            }
        }
    }

    /// Removes a cache with everything in it, in one commit. Its ``Cache`` values throw ``LarderError/Code-swift.struct/cacheDropped``
    /// from then on, in other processes too as soon as they write. Returns whether there was one.
    ///
    /// Blocks the calling thread until no read of this process is under way, a backup included, and then for the length of a commit. Writes,
    /// and reads that memory does not answer, wait for as long. Memory then starts anew, as after a commit of another process.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/nestedWrite`` and ``LarderError/Code-swift.struct/writeInsideRead`` inside the body of a
    ///   write or a read; what a commit throws.
    @discardableResult
    public func dropCache(_ name: String) throws -> Bool {
        try checkUsable()
        try checkOutsideTransactions()
        return try translatingErrors(at: path) {
            guard let keyspace = try keyspaces.keyspace(named: name, open: { try durable.existingKeyspace(name) })
            else { return false }
            defer { if keyspace.isRetired { keyspaces.forget(keyspace) } }
            try durable.drop(keyspace)
            return true
        }
    }
}

/// What a store records about a cache.
public struct CacheDescription: Hashable, Sendable {
    /// The cache's name.
    public var name: String
    /// The name of its key coding.
    public var keyCoding: String
    /// The name of its value coding.
    public var valueCoding: String
    /// Its version: records of an earlier one are absent.
    public var version: UInt16
    /// When it was made, in milliseconds since 1970-01-01 00:00 UTC.
    public var createdMillisecondsSince1970: UInt64
}
