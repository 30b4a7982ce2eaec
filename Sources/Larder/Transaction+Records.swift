internal import LMDB

extension Transaction {
    /// Sets a record unless there is one; returns its deadline if it was set.
    ///
    /// - Parameter isLoaded: Whether the value is that of a load.
    func putIfAbsent(_ write: PreparedWrite, isLoaded: Bool = false) throws -> Milliseconds? {
        let exists = try withRecord(for: write.key.bytes.span, hash: write.key.hash, in: write.keyspace) { _, _ in true
        }
        return exists == nil ? try put(write, isLoaded: isLoaded) : nil
    }

    /// Gives a record a new deadline; returns it if there is such a record. What memory holds of it, it holds on.
    @discardableResult
    func touch(
        _ key: MemoryKey, in keyspace: Keyspace, _ lifetime: Lifetime, _ memory: MemoryTier, _ coherence: Coherence
    ) throws -> Milliseconds? {
        let found = try withRecord(for: key.bytes.span, hash: key.hash, in: keyspace) { header, payload in
            (header, [UInt8](copying: payload))
        }
        guard let (header, payload) = found else { return nil }
        let deadline = lifetime.deadline(now: now)
        if deadline != header.expiry {
            let tags = header.tagCount == 0 ? [] : try tags(of: key, in: keyspace)
            let value = valueBefore(key, in: keyspace, memory, coherence)
            try put(
                payload.span, RecordTerms(expiry: deadline, tags: tags), for: key, in: keyspace, value: value)
        }
        return deadline
    }

    /// What memory holds for a key, if that is the value that this transaction sees too: nobody else commits while it runs, and it has not changed the key itself,
    /// nor has one before it in the same commit.
    private func valueBefore(
        _ key: MemoryKey, in keyspace: Keyspace, _ memory: MemoryTier, _ coherence: Coherence
    ) -> MemoryValue? {
        guard !isTouchedEarlier(key, in: keyspace), withChanges({ !$0.touches(key, in: keyspace) }) else { return nil }
        return memory.value(of: key, floor: max(coherence.floorNow, keyspace.currentFloor))
    }

    /// Removes the records of a range; returns how many were there, that is, had not expired.
    func removeAll(in keyspace: Keyspace, _ range: KeyRange) throws -> Int {
        // The keys are collected first: removing moves the cursor, and a range that is to be removed fits in memory as a transaction must.
        let keys = try withWriteTransaction { transaction in
            try transaction.withCursor(in: keyspace.table) { cursor in
                var keys: [[UInt8]] = []
                guard try durable.start(range, .ascending, &cursor) else { return keys }
                try cursor.forEach(.next) { key, _ in
                    guard range.contains(key, .ascending) else { return false }
                    keys.append([UInt8](copying: key))
                    return true
                }
                return keys
            }
        }
        if try hasClaims() { try overtakeClaims(in: keyspace) }
        return try removeAll(keys, in: keyspace)
    }

    /// Removes the records of a tag; returns how many were there, that is, had not expired.
    func removeAll(in keyspace: Keyspace, tagged tag: UInt64) throws -> Int {
        try checkExists(keyspace)
        let keys = try withWriteTransaction { transaction in
            try durable.tagIndex.keys(tagged: tag, keyspace: keyspace.number, in: transaction)
                // An entry whose record has the tag no more is damaged, and means nothing.
                .filter { key in
                    try transaction.withValue(for: key.span, in: keyspace.table) { Record.tags($0).contains(tag) }
                        ?? false
                }
        }
        if try hasClaims() { try overtakeClaims(in: keyspace) }
        return try removeAll(keys, in: keyspace)
    }

    private func removeAll(_ keys: [[UInt8]], in keyspace: Keyspace) throws -> Int {
        withChanges { $0.addThinned(keyspace) }
        var removed = 0
        for key in keys {
            let memoryKey = MemoryKey(keyspace: keyspace.memoryNumber, hash: keyspace.hash(key.span), bytes: key)
            if try remove(memoryKey, in: keyspace) { removed += 1 }
        }
        return removed
    }

    /// The tags of a record.
    private func tags(of key: MemoryKey, in keyspace: Keyspace) throws -> [UInt64] {
        try withWriteTransaction { transaction in
            try transaction.withValue(for: key.bytes.span, in: keyspace.table) { Record.tags($0) } ?? []
        }
    }
}
