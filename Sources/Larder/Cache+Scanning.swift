internal import LMDB

extension Cache {
    /// Visits the entries from `lower`, included, to `upper`, not included, in the order of their keys, as of one moment; `nil` is open.
    ///
    /// `body` runs inside a snapshot, so it must not write to the store. To scan several caches as of one moment, see ``Store/read(_:)``.
    ///
    /// - Throws: As ``Snapshot/forEach(in:from:to:order:limit:_:)``.
    public func forEach(
        from lower: Key? = nil, to upper: Key? = nil, order: ScanOrder = .ascending, limit: Int? = nil,
        _ body: (Key, Value) throws -> Void
    ) throws {
        try store.read { snapshot in
            try snapshot.forEach(in: self, from: lower, to: upper, order: order, limit: limit, body)
        }
    }

    /// The entries from `lower`, included, to `upper`, not included, in the order of their keys, as of one moment; `nil` is open.
    ///
    /// - Throws: As ``forEach(from:to:order:limit:_:)``.
    public func entries(
        from lower: Key? = nil, to upper: Key? = nil, order: ScanOrder = .ascending, limit: Int? = nil
    ) throws -> [(key: Key, value: Value)] {
        var entries: [(key: Key, value: Value)] = []
        try forEach(from: lower, to: upper, order: order, limit: limit) { entries.append(($0, $1)) }
        return entries
    }

    /// The encoded bounds of a range. A bound may be longer than a key or encode to nothing: it only has to sort.
    func range(from lower: Key?, to upper: Key?) throws -> KeyRange {
        KeyRange(lower: try lower.map(bound), upper: try upper.map(bound))
    }

    private func bound(_ key: Key) throws -> [UInt8] {
        try unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Environment.maximumKeyLength) { storage in
            var buffer = unsafe KeyBuffer(storage)
            try keyCoding.encode(key, into: &buffer)
            guard buffer.count <= storage.count else {
                throw LarderError(
                    .invalidKey, "a bound has \(buffer.count) bytes, more than \(storage.count)", cacheName: name)
            }
            return unsafe Array(storage[..<buffer.count])
        }
    }

    func forEach(
        _ range: KeyRange, _ order: ScanOrder, _ limit: Int?,
        of transaction: borrowing some ReadableTransaction & ~Copyable,
        now: Milliseconds, _ body: (Key, Value) throws -> Void
    ) throws {
        var remaining = limit ?? .max
        guard remaining > 0 else { return }
        try store.durable.forEachRecord(in: keyspace, range, order, of: transaction, now: { now }) { key, _, payload in
            try body(decodeKey(key), decode(payload, keyHash: keyspace.hash(key)))
            remaining -= 1
            return remaining > 0
        }
    }
}

extension Cache where Key == String {
    /// The entries whose keys begin with `prefix`, in the order of their keys, as of one moment.
    ///
    /// - Throws: As ``forEach(from:to:order:limit:_:)``.
    public func entries(
        prefix: String, order: ScanOrder = .ascending, limit: Int? = nil
    ) throws -> [(key: String, value: Value)] {
        var entries: [(key: String, value: Value)] = []
        try store.read { snapshot in
            try snapshot.forEach(in: self, prefix: prefix, order: order, limit: limit) { entries.append(($0, $1)) }
        }
        return entries
    }
}
