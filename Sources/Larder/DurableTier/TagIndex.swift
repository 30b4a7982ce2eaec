internal import LMDB

/// Which records have which tag, so that all of one tag are found without looking at the rest. It also knows the negative entries, as
/// those of a tag of their own, so that they can be counted.
///
/// An entry's key is the cache's number (4 bytes), the hash of the tag (8) and the hash of the record's key (8), all big-endian; its value
/// is the record's key. It is written and removed in one transaction with its record.
struct TagIndex: Sendable {
    let table: Table

    /// The tag of negative entries, which is the hash of no other.
    static let absences: UInt64 = 0

    /// The hash of a tag of a cache. Two tags of one hash are invalidated together, which does no harm.
    static func hash(_ tag: String, in keyspace: Keyspace) -> UInt64 {
        max(1, keyspace.hash(Array(tag.utf8).span))
    }

    private static func indexKey(_ keyspace: UInt32, _ tag: UInt64? = nil, _ keyHash: UInt64? = nil) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20)
        for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: keyspace >> shift)) }
        for number in [tag, keyHash] {
            guard let number else { break }
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: number >> shift))
            }
        }
        return bytes
    }

    /// An entry as a check reads it; `nil` for what is none.
    static func entry(key: Span<UInt8>) -> (keyspace: UInt32, tag: UInt64, keyHash: UInt64)? {
        guard key.count == 20 else { return nil }
        func integer(_ range: Range<Int>) -> UInt64 { range.reduce(0) { $0 << 8 | UInt64(key[$1]) } }
        return (UInt32(integer(0..<4)), integer(4..<12), integer(12..<20))
    }

    /// Whether no record of the store has a tag. O(1).
    func isEmpty(in transaction: borrowing some ReadableTransaction & ~Copyable) throws(LMDBError) -> Bool {
        try transaction.statistics(of: table).entries == 0
    }

    func insert(
        _ tag: UInt64, keyHash: UInt64, key: Span<UInt8>, keyspace: UInt32, in transaction: inout WriteTransaction
    ) throws(LMDBError) {
        try transaction.put(key, for: Self.indexKey(keyspace, tag, keyHash).span, in: table)
    }

    func remove(
        _ tag: UInt64, keyHash: UInt64, keyspace: UInt32, in transaction: inout WriteTransaction
    ) throws(LMDBError) {
        try transaction.delete(Self.indexKey(keyspace, tag, keyHash).span, in: table)
    }

    /// The keys of the records of a cache that have a tag. O(their number).
    func keys(
        tagged tag: UInt64, keyspace: UInt32, in transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws -> [[UInt8]] {
        let range = KeyRange(prefix: Self.indexKey(keyspace, tag))
        return try transaction.withCursor(in: table) { cursor in
            var keys: [[UInt8]] = []
            guard let lower = range.lower, try cursor.move(toFirstNotLess: lower.span) else { return keys }
            try cursor.forEach(.next) { key, value in
                guard range.isBelowUpper(key) else { return false }
                keys.append([UInt8](copying: value))
                return true
            }
            return keys
        }
    }

    /// Removes every entry of a cache. O(their number).
    func removeAll(of keyspace: UInt32, in transaction: inout WriteTransaction) throws(LMDBError) {
        try transaction.removeAll(withPrefix: Self.indexKey(keyspace).span, in: table)
    }
}
