internal import LMDB

/// Which records expire when, in the order of their deadlines, so that those that have expired are found without looking at the rest.
///
/// An entry's key is the deadline in milliseconds since 1970 (8 bytes), the cache's number (4) and the hash of the record's key (8), all
/// big-endian so that they sort; its value is the record's key. An entry whose record is gone or has another deadline means nothing
/// and is removed when its time comes.
struct ExpiryIndex: Sendable {
    let table: Table

    /// One entry.
    struct Entry {
        var deadline: Milliseconds
        var keyspace: UInt32
        var keyHash: UInt64
        var key: [UInt8]
    }

    private static func indexKey(_ deadline: Milliseconds, _ keyspace: UInt32, _ keyHash: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20)
        for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: deadline >> shift)) }
        for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: keyspace >> shift)) }
        for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: keyHash >> shift)) }
        return bytes
    }

    static func entry(key: Span<UInt8>, value: Span<UInt8>) -> Entry? {
        guard key.count == 20 else { return nil }
        func integer(_ range: Range<Int>) -> UInt64 {
            range.reduce(0) { $0 << 8 | UInt64(key[$1]) }
        }
        return Entry(
            deadline: integer(0..<8), keyspace: UInt32(integer(8..<12)), keyHash: integer(12..<20),
            key: [UInt8](copying: value))
    }

    /// Whether no record of the store expires. O(1).
    func isEmpty(in transaction: borrowing some ReadableTransaction & ~Copyable) throws(LMDBError) -> Bool {
        try transaction.statistics(of: table).entries == 0
    }

    func insert(
        _ deadline: Milliseconds, keyHash: UInt64, key: Span<UInt8>, keyspace: UInt32,
        in transaction: inout WriteTransaction
    ) throws(LMDBError) {
        try transaction.put(key, for: Self.indexKey(deadline, keyspace, keyHash).span, in: table)
    }

    /// Removes an entry; returns whether it was there.
    @discardableResult
    func remove(
        _ deadline: Milliseconds, keyHash: UInt64, keyspace: UInt32, in transaction: inout WriteTransaction
    ) throws(LMDBError) -> Bool {
        try transaction.delete(Self.indexKey(deadline, keyspace, keyHash).span, in: table)
    }

    /// The earliest deadline, or `nil` if nothing expires.
    func earliestDeadline(in transaction: borrowing some ReadableTransaction & ~Copyable) throws -> Milliseconds? {
        try transaction.withCursor(in: table) { cursor in
            var found = try cursor.move(.first)
            while found {
                // What is not an entry is damage; the records behind it expire all the same.
                if let entry = cursor.withEntry({ key, value in Self.entry(key: key, value: value) }) {
                    return entry.deadline
                }
                found = try cursor.move(.next)
            }
            return nil
        }
    }

    /// Up to `limit` entries whose deadline has come by `now`, the earliest first, and the deadline that follows them.
    func expired(
        by now: Milliseconds, limit: Int, in transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws -> (expired: [Entry], next: Milliseconds?) {
        try transaction.withCursor(in: table) { cursor in
            var entries: [Entry] = []
            var found = try cursor.move(.first)
            while found {
                // What is not an entry is damage, which `verify` finds; the others go all the same.
                if let entry = cursor.withEntry({ key, value in Self.entry(key: key, value: value) }) {
                    if entry.deadline > now || entries.count == limit { return (entries, entry.deadline) }
                    entries.append(entry)
                }
                found = try cursor.move(.next)
            }
            return (entries, nil)
        }
    }
}
