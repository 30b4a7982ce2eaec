extension Cache {
    /// Reads, changes and writes the value of a key as one transaction (read-modify-write), and returns what `body` returns.
    ///
    /// `body` gets the value in place, `nil` if there is none: assigning writes it, assigning `nil` removes it. If the value's bytes are the
    /// same afterwards and no expiration is given, nothing is written. It runs on a thread of the store's own and may run more than once, so it should have no effects
    /// but that one.
    ///
    /// ```swift
    /// let visits = try await pages.update("/home") { count in
    ///     count = (count ?? 0) + 1
    ///     return count
    /// }
    /// ```
    ///
    /// - Parameter expiration: The deadline of the value written: a new one, as the cache's options say, unless given.
    /// - Throws: As ``set(_:for:expires:)`` and ``value(for:)-(Key)``; what `body` throws, and then nothing is written.
    public func update<Result: Sendable>(
        _ key: Key, expires expiration: Expiration = .cacheDefault,
        _ body: @escaping @Sendable (inout Value?) throws -> Result
    ) async throws -> Result {
        let (memoryKey, lifetime) = (try memoryKey(key), try lifetime(expiration))
        return try await store.write(singleKey: memoryKey) { transaction in
            try transaction.update(memoryKey, in: self, lifetime, renews: { _ in expiration != .cacheDefault }, body)
        }
    }

    /// Reads, changes and writes the value of a key as ``update(_:expires:_:)`` does, and blocks the calling thread.
    ///
    /// - Throws: As ``setBlocking(_:for:expires:)-(_,Key,_)`` and ``value(for:)-(Key)``; what `body` throws, and then nothing is written.
    @available(*, noasync, message: "it blocks the thread; use update(_:expires:_:)")
    public func updateBlocking<Result: Sendable>(
        _ key: Key, expires expiration: Expiration = .cacheDefault,
        _ body: @escaping @Sendable (inout Value?) throws -> Result
    ) throws -> Result {
        let (memoryKey, lifetime) = (try memoryKey(key), try lifetime(expiration))
        return try store.writeBlocking(singleKey: memoryKey) { transaction in
            try transaction.update(memoryKey, in: self, lifetime, renews: { _ in expiration != .cacheDefault }, body)
        }
    }
}

extension Cache where Value: Equatable {
    /// Sets the value of a key to `desired` if it is `expected`, as one transaction (compare-and-set); returns whether it was. `nil` stands
    /// for no entry on either side. Setting what is there already gives it its new deadline, as a lease that is renewed.
    ///
    /// - Throws: As ``update(_:expires:_:)``.
    public func compareAndSet(
        _ key: Key, expected: Value?, desired: Value?, expires expiration: Expiration = .cacheDefault
    ) async throws -> Bool {
        let (memoryKey, lifetime) = (try memoryKey(key), try lifetime(expiration))
        return try await store.write(singleKey: memoryKey) { transaction in
            try transaction.compareAndSet(memoryKey, in: self, lifetime, expected: expected, desired: desired)
        }
    }

    /// Sets the value of a key if it is the expected one as ``compareAndSet(_:expected:desired:expires:)`` does, and blocks the calling thread.
    ///
    /// - Throws: As ``updateBlocking(_:expires:_:)``.
    @available(*, noasync, message: "it blocks the thread; use compareAndSet(_:expected:desired:expires:)")
    public func compareAndSetBlocking(
        _ key: Key, expected: Value?, desired: Value?, expires expiration: Expiration = .cacheDefault
    ) throws -> Bool {
        let (memoryKey, lifetime) = (try memoryKey(key), try lifetime(expiration))
        return try store.writeBlocking(singleKey: memoryKey) { transaction in
            try transaction.compareAndSet(memoryKey, in: self, lifetime, expected: expected, desired: desired)
        }
    }
}

extension Cache where Value: FixedWidthInteger {
    /// Adds to the number of a key, which is 0 if there is none, as one transaction; returns the sum. The deadline of a counter that is there
    /// stays.
    ///
    /// - Throws: As ``update(_:expires:_:)``; ``LarderError/Code-swift.struct/overflow`` if the sum does not fit, and then nothing is
    ///   written.
    @discardableResult
    public func increment(
        _ key: Key, by amount: Value = 1, expires expiration: Expiration = .cacheDefault
    ) async throws -> Value {
        let (memoryKey, lifetime) = (try memoryKey(key), try lifetime(expiration))
        return try await store.write(singleKey: memoryKey) { transaction in
            try transaction.increment(memoryKey, in: self, lifetime, by: amount)
        }
    }

    /// Adds to the number of a key as ``increment(_:by:expires:)`` does, and blocks the calling thread.
    ///
    /// - Throws: As ``updateBlocking(_:expires:_:)``; ``LarderError/Code-swift.struct/overflow`` if the sum does not fit, and then nothing is
    ///   written.
    @available(*, noasync, message: "it blocks the thread; use increment(_:by:expires:)")
    @discardableResult
    public func incrementBlocking(
        _ key: Key, by amount: Value = 1, expires expiration: Expiration = .cacheDefault
    ) throws -> Value {
        let (memoryKey, lifetime) = (try memoryKey(key), try lifetime(expiration))
        return try store.writeBlocking(singleKey: memoryKey) { transaction in
            try transaction.increment(memoryKey, in: self, lifetime, by: amount)
        }
    }
}

extension Transaction {
    /// Reads, changes and writes the value of a key; see ``Cache/update(_:expires:_:)``.
    ///
    /// - Throws: As ``Cache/update(_:expires:_:)``; ``LarderError/Code-swift.struct/otherStore``.
    public func update<Key, Value, Result>(
        _ key: Key, in cache: Cache<Key, Value>, expires expiration: Expiration = .cacheDefault,
        _ body: (inout Value?) throws -> Result
    ) throws -> Result {
        try cache.check(in: durable)
        return try update(
            cache.memoryKey(key), in: cache, cache.lifetime(expiration), renews: { _ in expiration != .cacheDefault },
            body)
    }

    fileprivate func compareAndSet<Key, Value: Equatable>(
        _ key: MemoryKey, in cache: Cache<Key, Value>, _ lifetime: Lifetime, expected: Value?, desired: Value?
    ) throws -> Bool {
        try update(key, in: cache, lifetime, renews: { $0 }) { value in
            guard value == expected else { return false }
            value = desired
            return true
        }
    }

    fileprivate func increment<Key, Value: FixedWidthInteger>(
        _ key: MemoryKey, in cache: Cache<Key, Value>, _ lifetime: Lifetime, by amount: Value
    ) throws -> Value {
        try update(key, in: cache, lifetime, keepsDeadline: cache.expiresAfterAccess == nil) { value in
            let (sum, overflow) = (value ?? 0).addingReportingOverflow(amount)
            if overflow {
                throw LarderError(.overflow, "a counter would overflow", cacheName: cache.name, keyHash: key.hash)
            }
            value = sum
            return sum
        }
    }

    /// - Parameters:
    ///   - keepsDeadline: Whether an entry that is there keeps its deadline.
    ///   - renews: Whether a value with the same bytes is given its new deadline.
    func update<Key, Value, Result>(
        _ key: MemoryKey, in cache: Cache<Key, Value>, _ lifetime: Lifetime, keepsDeadline: Bool = false,
        renews: (Result) -> Bool = { _ in false }, _ body: (inout Value?) throws -> Result
    ) throws -> Result {
        let found = try withRecord(for: key.bytes.span, hash: key.hash, in: cache.keyspace) { header, payload in
            (try cache.decode(payload, keyHash: key.hash), [UInt8](copying: payload), header.expiry)
        }
        var value = found?.0
        if !ProtocolGuards.updatesInTransaction {
            let held = cache.store.memory.value(of: key, floor: cache.store.coherence.floorNow)
            value = held.flatMap { cache.value($0) } ?? value
        }
        let result = try body(&value)
        guard let value else {
            if found != nil { try remove(key, in: cache.keyspace) }
            return result
        }
        let payload = try cache.valueCoding.encode(value)
        let deadline = if keepsDeadline, let found { found.2 } else { lifetime.deadline(now: now) }
        if payload != found?.1 || (renews(result) && deadline != found?.2) {
            try put(
                payload.span, RecordTerms(expiry: deadline), for: key, in: cache.keyspace,
                value: cache.memoryValue(value, payloadSize: payload.count))
            cache.noteDeadline(deadline)
        }
        return result
    }
}
