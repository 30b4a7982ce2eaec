internal import LMDB

extension Transaction {
    /// Sets a record unless there is one; returns its deadline if it was set.
    func putIfAbsent(_ write: PreparedWrite) throws -> Milliseconds? {
        let exists = try withRecord(for: write.key.bytes.span, hash: write.key.hash, in: write.keyspace) { _, _ in true
        }
        return exists == nil ? try put(write) : nil
    }

    /// Gives a record a new deadline; returns it if there is such a record.
    @discardableResult
    func touch(_ key: MemoryKey, in keyspace: Keyspace, _ lifetime: Lifetime) throws -> Milliseconds? {
        let found = try withRecord(for: key.bytes.span, hash: key.hash, in: keyspace) { header, payload in
            (header.expiry, [UInt8](copying: payload))
        }
        guard let (expiry, payload) = found else { return nil }
        let deadline = lifetime.deadline(now: now)
        // Memory reads the value again, rather than knowing here how to decode it.
        if deadline != expiry { try put(payload.span, expiry: deadline, for: key, in: keyspace, value: nil) }
        return deadline
    }

    /// Removes the records of a range; returns how many were there, that is, had not expired.
    func removeAll(in keyspace: Keyspace, _ range: KeyRange) throws -> Int {
        // The keys are collected first: removing moves the cursor, and a range that is to be removed fits in memory as a transaction must.
        let keys = try withWriteTransaction { transaction in
            try transaction.withCursor(in: keyspace.table) { cursor in
                var keys: [[UInt8]] = []
                var found = try durable.start(range, .ascending, &cursor)
                while found {
                    keys.append(cursor.withEntry { key, _ in [UInt8](copying: key) })
                    found = try cursor.move(.next) && durable.isInside(range, .ascending, cursor)
                }
                return keys
            }
        }
        var removed = 0
        for key in keys {
            let memoryKey = MemoryKey(keyspace: keyspace.number, hash: keyspace.hash(key.span), bytes: key)
            if try remove(memoryKey, in: keyspace) { removed += 1 }
        }
        return removed
    }
}
