import Larder

/// The entries of a range in batches, each of one moment, so that no snapshot outlives the reading of a batch.
struct EntryScan {
    /// An entry, or a damaged record.
    struct Entry {
        var key: [UInt8]
        /// `nil` if payloads are not wanted or the record is damaged.
        var payload: [UInt8]?
        /// In milliseconds since 1970; 0 for never.
        var expiry: UInt64 = 0
        /// What is wrong with the record.
        var damage: LarderError?
    }

    /// How many records are visited for a batch, and how many payload bytes are copied, about.
    private static let batchRecords = 1_024
    private static let batchBytes = 1 << 20

    /// What keys begin with.
    var prefix: [UInt8] = []
    /// The least key, included.
    var lower: [UInt8]?
    /// The end of the keys, not included.
    var upper: [UInt8]?
    /// Whether entries have payloads.
    var copiesPayloads = true
    /// Only the key of this hash.
    var keyHash: UInt64?

    private let cache: Cache<[UInt8], [UInt8]>
    private let order: ScanOrder
    /// Where the batch before ended.
    private var last: [UInt8]?
    private var isAtEnd = false

    init(_ cache: Cache<[UInt8], [UInt8]>, order: ScanOrder) {
        self.cache = cache
        self.order = order
    }

    /// The next entries, in order; may be empty before the end, which is `nil`.
    mutating func nextBatch() throws -> [Entry]? {
        if isAtEnd { return nil }
        var batch: [Entry] = []
        var lastKey: [UInt8]?
        var visited = 0
        var bytes = 0

        func goesOn(after key: Span<UInt8>) -> Bool {
            visited += 1
            guard visited >= Self.batchRecords || bytes >= Self.batchBytes else { return true }
            lastKey = Self.array(key)
            return false
        }
        try cache.inspect(prefix: prefix, from: lower, to: upper, after: last, order: order) { key, expiry, payload in
            if keyHash == nil || cache.keyHash(of: key) == keyHash {
                let copy = copiesPayloads ? Self.array(payload) : nil
                batch.append(Entry(key: Self.array(key), payload: copy, expiry: expiry))
                bytes += copy?.count ?? 0
            }
            return goesOn(after: key)
        } damaged: { key, error in
            if keyHash == nil || cache.keyHash(of: key) == keyHash {
                batch.append(Entry(key: Self.array(key), damage: error))
            }
            return goesOn(after: key)
        }
        if let lastKey, !(1...KeyFormat.maximumLength ~= lastKey.count) {
            throw Failure(.damagedData, "a page of the store is damaged: a key has \(lastKey.count) bytes")
        }
        last = lastKey
        isAtEnd = lastKey == nil
        return batch
    }

    private static func array(_ span: Span<UInt8>) -> [UInt8] {
        unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
    }
}
