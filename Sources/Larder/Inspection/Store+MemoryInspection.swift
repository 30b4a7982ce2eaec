/// What is in memory. Each of these visits every entry, a shard at a time under its lock, and costs about 0.1 µs for each: for people and for
/// tools, now and then. Reads go on meanwhile, but for those of the shard being visited.
extension Store {
    /// The entries in memory most worth keeping, the best first: those that were used again before those that were not, then by the hits
    /// they have left, then the youngest.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/closed``, ``LarderError/Code-swift.struct/forked``.
    public func hottestEntries(_ limit: Int) throws -> [MemoryEntry] {
        try checkUsable()
        return named(memory.hottest(max(0, limit)))
    }

    /// The entries in memory that will go first, the worst first.
    ///
    /// - Throws: As ``hottestEntries(_:)``.
    public func coldestEntries(_ limit: Int) throws -> [MemoryEntry] {
        try checkUsable()
        return named(memory.coldest(max(0, limit)))
    }

    /// How many entries in memory take how many bytes, bookkeeping in their blocks included.
    ///
    /// - Throws: As ``hottestEntries(_:)``.
    public func memorySizes() throws -> MemoryHistogram {
        try checkUsable()
        return MemoryHistogram(counts: memory.sizeHistogram)
    }

    /// How many entries in memory are how old; see ``MemoryEntry/age``.
    ///
    /// - Throws: As ``hottestEntries(_:)``.
    public func memoryAges() throws -> MemoryHistogram {
        try checkUsable()
        return MemoryHistogram(counts: memory.ageHistogram)
    }

    private func named(_ entries: [MemoryEntryDescription]) -> [MemoryEntry] {
        let open = keyspaces.open
        // A cache may have been dropped a moment ago.
        return entries.compactMap { entry in
            open[entry.keyspace].map { keyspace in
                MemoryEntry(
                    cacheName: keyspace.name, key: entry.key, bytes: entry.bytes, hits: Int(entry.hits),
                    isProven: entry.isProven, age: Int(entry.age))
            }
        }
    }
}

extension Cache {
    /// Decodes the key of an entry of this cache that ``Store/hottestEntries(_:)`` or a listener of removals has shown.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/undecodableKey``.
    public func key(encodedAs bytes: [UInt8]) throws -> Key {
        try decodeKey(bytes.span)
    }
}
