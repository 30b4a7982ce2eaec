internal import LMDB

/// The keys that memory held, the hottest first, in the table `hotset`, so that memory is warm again after a restart.
///
/// They lie in parts of 32 KiB at most. A part's key is its number (4 bytes, big-endian), its value, with little-endian numbers:
///
/// | bytes | meaning |
/// | --: | --- |
/// | 4 | format version of the part: 1 |
/// | 4 | how many keys it has |
/// | 4 + 2 + n | for each: the cache's number, and the encoded key with its length |
/// | 8 | checksum: XXH3-64 of everything before it, seeded with the store's seed plus the part's number |
///
/// It is a hint: what it says of a key that is gone, or of a cache, means nothing.
struct HotSetTable: Sendable {
    let table: Table
    /// The store's seed.
    let seed: UInt64

    static let formatVersion: UInt32 = 1
    private static let partBytes = 31 << 10

    /// A key and the number of its cache.
    struct Entry: Hashable, Sendable {
        var keyspace: UInt32
        var key: [UInt8]

        /// The bytes that it takes in a part.
        var byteCount: Int { 6 + key.count }
    }

    /// Whether nothing is kept. O(1).
    func isEmpty(in transaction: borrowing some ReadableTransaction & ~Copyable) throws(LMDBError) -> Bool {
        try transaction.statistics(of: table).entries == 0
    }

    /// Replaces everything by these entries, the hottest first.
    func replace(with entries: [Entry], in transaction: inout WriteTransaction) throws(LMDBError) {
        try transaction.removeAll(in: table)
        for (number, part) in Self.parts(of: entries, seed: seed).enumerated() {
            try transaction.put(part.span, for: Self.partKey(UInt32(number)).span, in: table)
        }
    }

    /// What is kept, the hottest first. Damaged parts are left out.
    func entries(in transaction: borrowing some ReadableTransaction & ~Copyable) throws -> [Entry] {
        try transaction.withCursor(in: table) { cursor in
            var entries: [Entry] = []
            var found = try cursor.move(.first)
            while found {
                cursor.withEntry { key, value in entries += Self.entries(key: key, value: value, seed: seed) ?? [] }
                found = try cursor.move(.next)
            }
            return entries
        }
    }

    // MARK: Parts

    private static func partKey(_ number: UInt32) -> [UInt8] {
        stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    /// The values of the parts, in order.
    static func parts(of entries: [Entry], seed: UInt64) -> [[UInt8]] {
        var parts: [[UInt8]] = []
        var start = 0
        while start < entries.count {
            var end = start
            var bytes = 0
            while end < entries.count, bytes < partBytes {
                bytes += entries[end].byteCount
                end += 1
            }
            var writer = ByteWriter()
            writer.append(formatVersion)
            writer.append(UInt32(end - start))
            for entry in entries[start..<end] {
                writer.append(entry.keyspace)
                writer.append(bytes: entry.key)
            }
            writer.appendChecksum(seed: seed &+ UInt64(parts.count))
            parts.append(writer.bytes)
            start = end
        }
        return parts
    }

    /// The entries of a part, or nil if it is damaged or of a later format.
    static func entries(key: Span<UInt8>, value: Span<UInt8>, seed: UInt64) -> [Entry]? {
        guard key.count == 4 else { return nil }
        let number = (0..<4).reduce(UInt64(0)) { $0 << 8 | UInt64(key[$1]) }
        var reader = ByteReader(value)
        do {
            guard try reader.integer(UInt32.self) == formatVersion else { return nil }
            let count: UInt32 = try reader.integer()
            var entries: [Entry] = []
            for _ in 0..<count { entries.append(Entry(keyspace: try reader.integer(), key: try reader.byteString())) }
            try reader.checksum(seed: seed &+ number)
            return entries
        } catch {
            return nil
        }
    }
}
