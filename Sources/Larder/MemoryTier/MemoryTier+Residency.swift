extension MemoryTier {
    /// Whether an entry of a key is held, and how many hits it has had that no second chance was given for, 0 to 3; `nil` if none is held.
    /// One of those hits is spent.
    ///
    /// For whoever decides what leaves the durable tier: what memory holds was written or read lately. Counts as no access.
    func spendHit(of key: Span<UInt8>, hash: UInt64, keyspace: UInt32) -> Int? {
        guard shards.count > 0 else { return nil }
        return shards.withLock(shard(of: hash)) { $0.spendHit(of: key, hash: hash, keyspace: keyspace) }
    }
}

extension MemoryShard {
    mutating func spendHit(of key: Span<UInt8>, hash: UInt64, keyspace: UInt32) -> Int? {
        let entry = entries.find(key, UInt32(truncatingIfNeeded: hash), keyspace: keyspace)
        guard entry != 0 else { return nil }
        let mark = entries.mark(of: entry)
        if mark.hits > 0 { entries.setMark(mark.with(hits: mark.hits - 1), of: entry) }
        return Int(mark.hits)
    }
}
