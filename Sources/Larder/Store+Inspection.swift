internal import LMDB

// What the operator's tool needs to see of a cache, and no user of the library: records as they stand, beside damaged ones.

extension Store {
    /// What the store records about one cache; the description of another may be damaged.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/cacheNotFound``; ``LarderError/Code-swift.struct/damagedStore``; what a read throws.
    package func description(ofCache name: String) throws -> CacheDescription {
        try checkUsable()
        guard let descriptor = try withReadTransaction({ try durable.descriptor(of: name, in: $0) }) else {
            throw LarderError(.cacheNotFound, "there is no cache '\(name)'", cacheName: name)
        }
        return CacheDescription(
            name: name, keyCoding: descriptor.keyCoding, valueCoding: descriptor.valueCoding,
            version: descriptor.version, createdMillisecondsSince1970: descriptor.created)
    }

    /// How much a cache holds, as of one moment. O(1), but for what ``Cache/count()`` says.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/cacheNotFound``; what a read throws.
    package func size(ofCache name: String) throws -> CacheSize {
        let keyspace = try rawCache(name).keyspace
        return try withReadTransaction { transaction in
            CacheSize(
                entries: try durable.count(in: keyspace, of: transaction, now: clock.now()),
                fileBytes: try transaction.statistics(of: keyspace.table).bytes)
        }
    }
}

/// How much a cache holds.
package struct CacheSize: Hashable, Sendable {
    /// Entries that are there.
    package var entries: Int
    /// Bytes of the file's pages that hold its records, expired ones included.
    package var fileBytes: Int
}

extension Cache where Key == [UInt8], Value == [UInt8] {
    /// The hash under which errors name an encoded key.
    package func keyHash(of key: Span<UInt8>) -> UInt64 {
        keyspace.hash(key)
    }

    /// The payload of a key on disk and its deadline in milliseconds since 1970, 0 for never; `nil` if there is no such entry.
    ///
    /// - Throws: As ``Cache/value(for:)-(Key)``.
    package func record(for key: [UInt8]) throws -> (payload: [UInt8], expiry: UInt64)? {
        try withEncoded(key) { key, hash in
            try store.withReadTransaction { transaction in
                try store.durable.withRecord(
                    for: key, hash: hash, in: keyspace, of: transaction, now: store.clock.now
                ) { header, payload in ([UInt8](copying: payload), header.expiry) }
            }
        }
    }

    /// Visits the records of a range on disk, damaged ones included, until a closure returns `false`, as of one moment.
    ///
    /// - Parameters:
    ///   - prefix: What the keys begin with.
    ///   - lower: The least key, included, or `nil`.
    ///   - upper: The end of the keys, not included, or `nil`.
    ///   - last: Where an earlier visit ended: only the keys that come after it in this order.
    ///   - body: Called with key, deadline (in milliseconds since 1970, 0 for never) and payload of each record that is there.
    ///   - damaged: Called with the key of each damaged record and the error that a read of it gives.
    /// - Throws: What a read throws; what the closures throw.
    package func inspect(
        prefix: [UInt8] = [], from lower: [UInt8]? = nil, to upper: [UInt8]? = nil, after last: [UInt8]? = nil,
        order: ScanOrder = .ascending,
        _ body: (_ key: Span<UInt8>, _ expiry: UInt64, _ payload: Span<UInt8>) throws -> Bool,
        damaged: (_ key: Span<UInt8>, LarderError) throws -> Bool
    ) throws {
        var range = prefix.isEmpty ? .all : KeyRange(prefix: prefix)
        if let lower, !lower.isEmpty, range.isAtOrAboveLower(lower.span) { range.lower = lower }
        if let upper, range.isBelowUpper(upper.span) { range.upper = upper }
        switch (last, order) {
        case (let last?, .ascending): range.continueAfter(last)
        case (let last?, .descending): range.upper = last
        case (nil, _): break
        }
        let now = store.clock.now()
        try store.withReadTransaction { transaction in
            try keyspace.checkUsable()
            try transaction.withCursor(in: keyspace.table) { cursor in
                var found = try store.durable.start(range, order, &cursor)
                while found {
                    let goesOn = try cursor.withEntry { key, record in
                        let header: Record.Header
                        do throws(Record.Damage) {
                            header = try Record.verify(record, keyHash: keyspace.hash(key))
                        } catch {
                            return try damaged(key, keyspace.error(error, keyHash: keyspace.hash(key)))
                        }
                        guard header.isLive(version: keyspace.version, now: now) else { return true }
                        return try body(key, header.expiry, record.extracting(header.size...))
                    }
                    guard goesOn else { return }
                    found =
                        try cursor.move(order == .ascending ? .next : .previous)
                        && store.durable.isInside(range, order, cursor)
                }
            }
        }
    }
}
