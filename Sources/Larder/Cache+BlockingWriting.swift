extension Cache {
    /// Sets the value of a key as ``set(_:for:expires:)`` does, and blocks the calling thread until it is durable. Where nobody else is
    /// writing, everything happens on the calling thread.
    ///
    /// - Throws: As ``set(_:for:expires:)`` but for cancellation; ``LarderError/Code-swift.struct/nestedWrite`` inside the body of a write,
    ///   ``LarderError/Code-swift.struct/writeInsideRead`` inside that of a read.
    @available(*, noasync, message: "it blocks the thread; use set(_:for:expires:)")
    public func setBlocking(_ value: Value, for key: Key, expires expiration: Expiration = .cacheDefault) throws {
        try setBlocking(prepare(value, key, expiration))
    }

    @available(*, noasync)
    func setBlocking(_ write: PreparedWrite) throws {
        try store.checkUsable()
        let groupCommit = store.groupCommit
        try groupCommit.submitBlocking(singleKey: write.key) { transaction in
            let deadline = try transaction.put(write)
            if deadline != 0 { groupCommit.noteDeadline(deadline) }
        }
    }

    /// Sets the value of a key unless it has one, as ``setIfAbsent(_:for:expires:)`` does, and blocks the calling thread.
    ///
    /// - Throws: As ``setBlocking(_:for:expires:)-(_,Key,_)``.
    @available(*, noasync, message: "it blocks the thread; use setIfAbsent(_:for:expires:)")
    public func setIfAbsentBlocking(
        _ value: Value, for key: Key, expires expiration: Expiration = .cacheDefault
    ) throws -> Bool {
        let write = try prepare(value, key, expiration)
        let deadline = try store.writeBlocking(singleKey: write.key) { transaction in try transaction.putIfAbsent(write)
        }
        noteDeadline(deadline ?? 0)
        return deadline != nil
    }

    /// Removes a key as ``remove(_:)`` does, and blocks the calling thread.
    ///
    /// - Throws: As ``setBlocking(_:for:expires:)-(_,Key,_)``.
    @available(*, noasync, message: "it blocks the thread; use remove(_:)")
    @discardableResult
    public func removeBlocking(_ key: Key) throws -> Bool {
        let key = try memoryKey(key)
        let keyspace = keyspace
        return try store.writeBlocking(singleKey: key) { transaction in try transaction.remove(key, in: keyspace) }
    }

    /// Removes everything in the cache as ``removeAll()`` does, and blocks the calling thread.
    ///
    /// - Throws: As ``setBlocking(_:for:expires:)-(_,Key,_)``.
    @available(*, noasync, message: "it blocks the thread; use removeAll()")
    public func removeAllBlocking() throws {
        let keyspace = keyspace
        try store.writeBlocking(singleKey: nil) { transaction in try transaction.removeAll(in: keyspace) }
    }

    /// Gives an entry a new deadline as ``touch(_:expires:)`` does, and blocks the calling thread.
    ///
    /// - Throws: As ``setBlocking(_:for:expires:)-(_,Key,_)``.
    @available(*, noasync, message: "it blocks the thread; use touch(_:expires:)")
    @discardableResult
    public func touchBlocking(_ key: Key, expires expiration: Expiration = .cacheDefault) throws -> Bool {
        let (key, lifetime, keyspace) = (try memoryKey(key), try lifetime(expiration), keyspace)
        let deadline = try store.writeBlocking(singleKey: key) { [memory = store.memory, coherence = store.coherence] in
            try $0.touch(key, in: keyspace, lifetime, memory, coherence)
        }
        noteDeadline(deadline ?? 0)
        return deadline != nil
    }
}
