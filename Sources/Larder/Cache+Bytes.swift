extension Cache where Key == [UInt8] {
    /// The value of a key that is given as a span; see ``value(for:)-(Key)``. The key is not copied.
    ///
    /// - Throws: As for a key that is given as an array.
    @inlinable
    public func value(for key: Span<UInt8>) throws -> Value? {
        let held = try memoryHit(for: key).flatMap { value($0) }
        return held == nil ? try durableValue(for: key) : held
    }

    @usableFromInline
    func memoryHit(for key: Span<UInt8>) throws -> MemoryValue? {
        try checkLength(of: key)
        return try memoryHit(key, keyspace.hash(key))
    }

    @usableFromInline
    func durableValue(for key: Span<UInt8>) throws -> Value? {
        try durableValue(key, keyspace.hash(key))
    }

    /// Calls `body` with the bytes of the value of a key that is given as a span; see ``withBytes(for:_:)-(Key,_)``.
    ///
    /// - Throws: As for a key that is given as an array.
    @inlinable
    public func withBytes<Result>(for key: Span<UInt8>, _ body: (Span<UInt8>) throws -> Result) throws -> Result? {
        var result: Result?
        try lendBytes(for: key) { result = try body($0) }
        return result
    }

    // Inlinable like all that is generic on a hit's way: the caller would have to look up which `Cache` it is.
    @inlinable
    func lendBytes(for key: Span<UInt8>, _ body: (Span<UInt8>) throws -> Void) throws {
        if answersWithBytes {
            try store.lendBytes(of: key, in: keyspace, body)
        } else {
            try lendOtherBytes(for: key, body)
        }
    }

    @usableFromInline
    func lendOtherBytes(for key: Span<UInt8>, _ body: (Span<UInt8>) throws -> Void) throws {
        try checkLength(of: key)
        try lendBytes(key, keyspace.hash(key), body)
    }

    /// Copies the bytes of the value of a key that is given as a span; see ``copyBytes(for:into:)-(Key,_)``.
    ///
    /// - Throws: As for a key that is given as an array.
    @inlinable
    public func copyBytes(for key: Span<UInt8>, into buffer: inout MutableSpan<UInt8>) throws -> Int? {
        answersWithBytes
            ? try store.copyBytes(of: key, in: keyspace, into: &buffer) : try copyLentBytes(of: key, into: &buffer)
    }

    @usableFromInline
    func copyLentBytes(of key: Span<UInt8>, into buffer: inout MutableSpan<UInt8>) throws -> Int? {
        try checkLength(of: key)
        return try copyLentBytes(key, keyspace.hash(key), into: &buffer)
    }

    /// Whether a key that is given as a span is there; see ``contains(_:)-(Key)``.
    ///
    /// - Throws: As for a key that is given as an array.
    public func contains(_ key: Span<UInt8>) throws -> Bool {
        try checkLength(of: key)
        return try store.contains(key, keyspace.hash(key), in: keyspace)
    }
}

extension Cache where Key == [UInt8], Value == [UInt8] {
    /// Sets the value of a key, both given as spans, and blocks the calling thread; see ``setBlocking(_:for:expires:)-(_,Key,_)``.
    ///
    /// - Throws: As for arrays.
    @available(*, noasync, message: "it blocks the thread; use set(_:for:expires:)")
    public func setBlocking(
        _ value: Span<UInt8>, for key: Span<UInt8>, expires expiration: Expiration = .cacheDefault
    ) throws {
        try checkLength(of: key)
        try setBlocking(prepare([UInt8](copying: value), memoryKey(key, keyspace.hash(key)), expiration))
    }
}
