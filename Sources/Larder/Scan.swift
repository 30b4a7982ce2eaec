/// The entries of a range of a cache, in the order of their keys, as an asynchronous sequence.
///
/// It reads in chunks, each a snapshot of its own, and holds none while the caller awaits: a slow consumer keeps no page from being reused.
/// So the whole is not a view of one moment: an entry that is written or removed between two chunks is seen as it is when its chunk is
/// read. No key is seen twice, and none that is there all along is missed. For one moment's view see ``Cache/forEach(from:to:order:limit:_:)``.
public struct Scan<Key: Sendable, Value: Sendable>: AsyncSequence, Sendable {
    /// A key with its value.
    public typealias Element = (key: Key, value: Value)

    let cache: Cache<Key, Value>
    let range: KeyRange
    let order: ScanOrder
    let chunkSize: Int

    /// Begins the scan. Each task iterates on its own.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(scan: self, range: range)
    }

    /// Where an iteration stands.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let scan: Scan
        /// What is left to read.
        var range: KeyRange
        private var chunk: [Element] = []
        private var position = 0
        private var isAtEnd = false

        init(scan: Scan, range: KeyRange) {
            self.scan = scan
            self.range = range
        }

        /// The next entry, or `nil` at the end.
        ///
        /// - Throws: As ``Cache/forEach(from:to:order:limit:_:)``; `CancellationError` in a cancelled task.
        public mutating func next() async throws -> Element? {
            if position == chunk.count {
                if isAtEnd { return nil }
                try Task.checkCancellation()
                try readChunk()
                if chunk.isEmpty { return nil }
            }
            defer { position += 1 }
            return chunk[position]
        }

        private mutating func readChunk() throws {
            chunk.removeAll(keepingCapacity: true)
            position = 0
            let read = try scan.cache.readChunk(range, scan.order, limit: scan.chunkSize)
            chunk = read.entries
            isAtEnd = chunk.count < scan.chunkSize
            switch scan.order {
            case .ascending: range.continueAfter(read.lastKey)
            case .descending: range.upper = read.lastKey
            }
        }
    }
}

extension Cache {
    /// The entries from `lower`, included, to `upper`, not included, in the order of their keys, as an asynchronous sequence; `nil` is open.
    ///
    /// - Parameter chunkSize: How many entries are read at a time, and held decoded in memory: 256 unless said otherwise, 1 at least.
    /// - Throws: ``LarderError/Code-swift.struct/invalidKey`` for a bound of more than 511 bytes.
    public func scan(
        from lower: Key? = nil, to upper: Key? = nil, order: ScanOrder = .ascending, chunkSize: Int = 256
    ) throws -> Scan<Key, Value> {
        Scan(cache: self, range: try range(from: lower, to: upper), order: order, chunkSize: max(1, chunkSize))
    }

    func readChunk(
        _ range: KeyRange, _ order: ScanOrder, limit: Int
    ) throws -> (entries: [(key: Key, value: Value)], lastKey: [UInt8]) {
        var entries: [(key: Key, value: Value)] = []
        var lastKey: [UInt8] = []
        try store.read { snapshot in
            try store.durable.forEachRecord(
                in: keyspace, range, order, of: snapshot.transaction, now: { snapshot.now }
            ) { key, _, payload in
                try snapshot.limit.check()
                entries.append((try decodeKey(key), try decode(payload, keyHash: keyspace.hash(key))))
                if entries.count == limit { lastKey = [UInt8](copying: key) }
                return entries.count < limit
            }
        }
        return (entries, lastKey)
    }
}
