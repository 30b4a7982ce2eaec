extension SourcedCache where Origin: WritableSource {
    /// Sets the value of a key in the source and in both tiers (write-through).
    ///
    /// First a durable intent makes the key absent from the cache and keeps every load from installing what it reads; then the source is
    /// written; then the value is committed and the intent removed in one transaction. So whatever kills the process, and wherever, the cache
    /// never holds a value that the source does not: see <doc:Sources>. Costs two commits and the source's write.
    ///
    /// Writes of one key wait for each other, in all processes. Cancelling the task counts until the source is being written; after that the
    /// outcome is the write's. If the cache cannot keep the value (a full disk), the write has succeeded all the same and the key is absent.
    ///
    /// - Throws: What the source throws, which means that the write has failed: the key is absent from the cache, and loaded when it is next asked
    ///   for. ``LarderError`` with ``LarderError/Code-swift.struct/outcomeUnknown`` if the source timed out, or threw ``UnknownOutcome``:
    ///   the key is then not kept until ``SourceOptions/settlement`` has passed; ``LarderError/Code-swift.struct/busy`` if another write of the key was not done in
    ///   ``SourceOptions/writeTimeout``, and nothing has happened; as ``Cache/set(_:for:expires:)``, and nothing has happened.
    public func set(_ value: Value, for key: Key) async throws {
        let (lifetime, tags) = try Self.attributes(of: value, for: key, in: cache, source, options)
        var write = try cache.prepare(value, key, .cacheDefault)
        write.lifetime = lifetime
        write.tags = tags
        let source = source
        try await SourceWrite(key: write.key, write: write, cache: cache, options: options) {
            try await source.store(value, for: key)
        }.run()
    }

    /// Removes a key from the source and from both tiers (write-through), as ``set(_:for:)`` sets one.
    ///
    /// - Throws: As ``set(_:for:)``.
    public func remove(_ key: Key) async throws {
        let memoryKey = try cache.memoryKey(key)
        let absence = plan.absenceLifetime.map {
            PreparedWrite.absence(of: memoryKey, in: cache.keyspace, lifetime: $0)
        }
        let source = source
        try await SourceWrite(key: memoryKey, write: absence, cache: cache, options: options) {
            try await source.remove(key)
        }.run()
    }
}
