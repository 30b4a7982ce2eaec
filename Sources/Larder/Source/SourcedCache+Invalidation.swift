extension SourcedCache {
    /// Forgets a key, so that its next reader loads it; the source is left alone. Returns whether the cache held a value.
    ///
    /// Durable when it returns, in this process and others. What is being loaded for the key is not kept, here or elsewhere, and neither is
    /// what is being written through: nobody knows which of the two changes came last.
    ///
    /// - Throws: As ``Cache/remove(_:)``.
    @discardableResult
    public func invalidate(_ key: Key) async throws -> Bool {
        try await cache.remove(key)
    }

    /// Forgets every entry with a tag, in one commit, as ``invalidate(_:)`` does; returns how many held a value.
    ///
    /// - Throws: As ``Cache/remove(_:)``.
    @discardableResult
    public func invalidate(tag: String) async throws -> Int {
        try await cache.removeAll(tagged: tag)
    }

    /// Forgets every entry, in one commit, as ``invalidate(_:)`` does.
    ///
    /// - Throws: As ``Cache/remove(_:)``.
    public func invalidateAll() async throws {
        try await cache.removeAll()
    }
}

extension SourcedCache where Key == String {
    /// Forgets every entry whose key begins with `prefix`, in one commit, as ``invalidate(_:)`` does; returns how many held a value.
    ///
    /// - Throws: As ``Cache/remove(_:)``.
    @discardableResult
    public func invalidate(prefix: String) async throws -> Int {
        try await cache.removeAll(prefix: prefix)
    }
}

extension SourcedCache where Key == [UInt8] {
    /// Forgets every entry whose key begins with `prefix`, in one commit, as ``invalidate(_:)`` does; returns how many held a value.
    ///
    /// - Throws: As ``Cache/remove(_:)``.
    @discardableResult
    public func invalidate(prefix: [UInt8]) async throws -> Int {
        try await cache.removeAll(prefix: prefix)
    }
}
