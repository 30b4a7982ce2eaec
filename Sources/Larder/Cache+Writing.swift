extension Cache {
    /// Sets the value of a key. When it returns, the value is durable and every later read sees it.
    ///
    /// Shares its commit with the writes of other tasks. The value is encoded on the caller's side, before anything is written.
    ///
    /// - Parameter expiration: When the entry expires; as the cache's options say unless given.
    /// - Throws: ``LarderError``: ``LarderError/Code-swift.struct/invalidKey``, ``LarderError/Code-swift.struct/invalidExpiration``,
    ///   ``LarderError/Code-swift.struct/valueTooLarge``, ``LarderError/Code-swift.struct/transactionTooLarge``,
    ///   ``LarderError/Code-swift.struct/diskFull``, ``LarderError/Code-swift.struct/diskBudgetExceeded``,
    ///   ``LarderError/Code-swift.struct/cacheDropped``, ``LarderError/Code-swift.struct/outcomeUnknown``,
    ///   ``LarderError/Code-swift.struct/reopenNeeded``, ``LarderError/Code-swift.struct/damagedStore``,
    ///   ``LarderError/Code-swift.struct/fileSystem``, ``LarderError/Code-swift.struct/busy``,
    ///   ``LarderError/Code-swift.struct/closed``, ``LarderError/Code-swift.struct/forked``; what the coding throws;
    ///   `CancellationError` if the task was cancelled before the write began, which then did not happen.
    public func set(_ value: Value, for key: Key, expires expiration: Expiration = .cacheDefault) async throws {
        let write = try prepare(value, key, expiration)
        let deadline = try await store.write(singleKey: write.key) { transaction in try transaction.put(write) }
        noteDeadline(deadline)
    }

    /// Sets the value of a key that expires after `duration`; see ``set(_:for:expires:)``.
    ///
    /// - Throws: As ``set(_:for:expires:)``.
    public func set(_ value: Value, for key: Key, expiresIn duration: Duration) async throws {
        try await set(value, for: key, expires: .after(duration))
    }

    /// Sets the value of a key unless it has one; returns whether it was set.
    ///
    /// - Throws: As ``set(_:for:expires:)``; ``LarderError/Code-swift.struct/damagedRecord`` if the record there is damaged.
    public func setIfAbsent(
        _ value: Value, for key: Key, expires expiration: Expiration = .cacheDefault
    ) async throws -> Bool {
        let write = try prepare(value, key, expiration)
        let deadline = try await store.write(singleKey: write.key) { transaction in try transaction.putIfAbsent(write) }
        noteDeadline(deadline ?? 0)
        return deadline != nil
    }

    /// Removes a key; returns whether it was there. A damaged record is removed too.
    ///
    /// - Throws: As ``set(_:for:expires:)``.
    @discardableResult
    public func remove(_ key: Key) async throws -> Bool {
        let key = try memoryKey(key)
        let keyspace = keyspace
        return try await store.write(singleKey: key) { transaction in try transaction.remove(key, in: keyspace) }
    }

    /// Removes everything in the cache, in one commit. Costs time for each page, not for each entry.
    ///
    /// - Throws: As ``set(_:for:expires:)``.
    public func removeAll() async throws {
        let keyspace = keyspace
        try await store.write { transaction in try transaction.removeAll(in: keyspace) }
    }

    /// Removes the keys from `lower`, included, to `upper`, not included, in one commit; `nil` is open. Returns how many were there.
    /// O(entries removed), in one transaction: ``LarderError/Code-swift.struct/transactionTooLarge`` for very many.
    ///
    /// - Throws: As ``set(_:for:expires:)``.
    @discardableResult
    public func removeAll(from lower: Key? = nil, to upper: Key? = nil) async throws -> Int {
        let range = try range(from: lower, to: upper)
        let keyspace = keyspace
        return try await store.write { transaction in try transaction.removeAll(in: keyspace, range) }
    }

    /// Gives an entry a new deadline and keeps its value; returns whether there was such an entry.
    ///
    /// - Throws: As ``set(_:for:expires:)``.
    @discardableResult
    public func touch(_ key: Key, expires expiration: Expiration = .cacheDefault) async throws -> Bool {
        let (key, lifetime, keyspace) = (try memoryKey(key), try lifetime(expiration), keyspace)
        let deadline = try await store.write(singleKey: key) { [memory = store.memory, coherence = store.coherence] in
            try $0.touch(key, in: keyspace, lifetime, memory, coherence)
        }
        noteDeadline(deadline ?? 0)
        return deadline != nil
    }

    func noteDeadline(_ deadline: Milliseconds) {
        if deadline != 0 { store.groupCommit.noteDeadline(deadline) }
    }

    /// Extends the deadline of an entry that was read, where the cache expires entries after access and a tenth of the time has passed
    /// since it was last extended. Waits for nothing.
    @inline(__always)
    func touchIfDue(_ key: Span<UInt8>, _ hash: UInt64, expiry: Milliseconds) {
        guard let expiresAfterAccess, expiry != 0 else { return }
        let now = store.clock.now()
        if expiry < now + expiresAfterAccess { extendDeadline(memoryKey(key, hash)) }
    }

    @inline(never)
    private func extendDeadline(_ key: MemoryKey) {
        guard keyspace.beginTouch(key.hash) else { return }
        // Where the queue is full, a later read extends it.
        guard let lifetime = try? lifetime(.cacheDefault), store.groupCommit.reservesUnawaited(bytes: 0) else {
            return keyspace.endTouch(key.hash)
        }
        let keyspace = keyspace
        let request = WriteRequest(singleKey: key) { [memory = store.memory, coherence = store.coherence] in
            try $0.touch(key, in: keyspace, lifetime, memory, coherence)
        }
        request.whenDecided { _ in keyspace.endTouch(key.hash) }
        store.groupCommit.submit(request)
    }
}
