/// Keys of which memory is only to let go, side by side in two arrays: a transaction of thousands of them allocates a few times.
struct InvalidatedKeys {
    private struct Entry {
        var keyspace: UInt32
        var length: Int
        var hash: UInt64
    }

    private var entries: [Entry] = []
    private var bytes: [UInt8] = []

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }

    mutating func append(_ key: Span<UInt8>, hash: UInt64, keyspace: UInt32) {
        entries.append(Entry(keyspace: keyspace, length: key.count, hash: hash))
        unsafe key.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }

    mutating func append(contentsOf other: InvalidatedKeys) {
        entries.append(contentsOf: other.entries)
        bytes.append(contentsOf: other.bytes)
    }

    /// Whether a key of this hash is among them. O(n): for the rare load that shares a commit with so many changes.
    func contains(hash: UInt64) -> Bool {
        entries.contains { $0.hash == hash }
    }

    /// Calls `body` with each key, its hash and its keyspace.
    @inline(__always)
    func forEach(_ body: (Span<UInt8>, UInt64, UInt32) -> Void) {
        var start = 0
        let bytes = bytes.span
        for entry in entries {
            body(bytes.extracting(start..<start + entry.length), entry.hash, entry.keyspace)
            start += entry.length
        }
    }
}
