/// A thread's requests, all drawn before the clock starts: which entries, their keys laid out one after the other in the order of use, and what a
/// get of each should see.
///
/// Laid out so, the requests themselves cost the measured loop no cache miss that the peer would be charged for.
struct Draws: Sendable {
    /// Indexes of the requested entries, in order.
    let indexes: [UInt32]

    /// Their keys, `Entry.keySize` bytes each.
    let keys: [UInt8]

    /// The first eight bytes that their values should have.
    let heads: [UInt64]

    var count: Int { indexes.count }

    init(_ indexes: [UInt32], version: UInt8 = 0) {
        self.indexes = indexes
        var keys: [UInt8] = []
        keys.reserveCapacity(indexes.count * Entry.keySize)
        for index in indexes {
            Entry.appendKey(index, to: &keys)
        }
        self.keys = keys
        heads = indexes.map { Entry.valueHead($0, version: version) }
    }
}

/// Entries to be written, laid out before the clock starts as key and value one after the other, in the order of use.
struct Records: Sendable {
    let indexes: [UInt32]
    let valueSize: Int
    let bytes: [UInt8]

    var count: Int { indexes.count }

    /// Bytes from one record to the next.
    var stride: Int { Entry.keySize + valueSize }

    /// - Parameter version: which of an entry's values to write: 0 is what a store is loaded with, 1 what the cases overwrite it with.
    init(_ indexes: some Collection<UInt32>, valueSize: Int, version: UInt8) {
        self.indexes = Array(indexes)
        self.valueSize = valueSize
        var bytes: [UInt8] = []
        bytes.reserveCapacity(indexes.count * (Entry.keySize + valueSize))
        for index in indexes {
            Entry.appendKey(index, to: &bytes)
            Entry.appendValue(index, version: version, size: valueSize, to: &bytes)
        }
        self.bytes = bytes
    }

    /// Where a record's key lies in `bytes`.
    func keyRange(_ position: Int) -> Range<Int> {
        position * stride..<position * stride + Entry.keySize
    }

    /// Where a record's value lies in `bytes`.
    func valueRange(_ position: Int) -> Range<Int> {
        position * stride + Entry.keySize..<(position + 1) * stride
    }

    /// All indexes below `population`, in the order of their keys.
    static func sortedIndexes(_ population: Int) -> [UInt32] {
        (0..<UInt32(population)).map { (Entry.keyOrder($0), $0) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
