/// Keys of which memory is only to let go, side by side in two pieces of memory: a transaction of thousands of them allocates a few times.
struct InvalidatedKeys: ~Copyable {
    private struct Entry {
        var keyspace: UInt32
        var length: Int
        var hash: UInt64
    }

    private var entries: [Entry] = []
    private var bytes = KeyBytes()

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }

    mutating func append(_ key: Span<UInt8>, hash: UInt64, keyspace: UInt32) {
        entries.append(Entry(keyspace: keyspace, length: key.count, hash: hash))
        bytes.append(key)
    }

    mutating func append(contentsOf other: borrowing InvalidatedKeys) {
        entries.append(contentsOf: other.entries)
        other.bytes.withBytes { bytes.append($0) }
    }

    /// Removes all keys and keeps the memory.
    mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        bytes.removeAll()
    }

    /// Whether a key of this hash is among them. O(n): for the rare load that shares a commit with so many changes.
    func contains(hash: UInt64) -> Bool {
        entries.contains { $0.hash == hash }
    }

    /// Calls `body` with each key, its hash and its keyspace.
    @inline(__always)
    func forEach(_ body: (Span<UInt8>, UInt64, UInt32) -> Void) {
        bytes.withBytes { bytes in
            var start = 0
            for entry in entries {
                body(bytes.extracting(start..<start + entry.length), entry.hash, entry.keyspace)
                start += entry.length
            }
        }
    }
}
