/// A key as the memory tier knows it: the cache's number, the encoded key, and their hash.
struct MemoryKey: Sendable, Hashable {
    var keyspace: UInt32
    var hash: UInt64
    var bytes: [UInt8]

    func hash(into hasher: inout Hasher) {
        hasher.combine(hash)
    }
}
