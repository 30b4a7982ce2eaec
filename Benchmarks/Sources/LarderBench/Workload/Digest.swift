/// A digest over a set of entries that does not depend on their order, by which the drivers prove that they hold the same keys and values.
///
/// Each entry is hashed by 64-bit FNV-1a over key and value, and the hashes are added up. The Java driver computes the same.
struct Digest: Equatable {
    private(set) var entries = 0
    private(set) var sum: UInt64 = 0

    mutating func add(key: Span<UInt8>, value: Span<UInt8>) {
        entries += 1
        sum &+= Self.hash(value, from: Self.hash(key, from: 0xCBF2_9CE4_8422_2325))
    }

    private static func hash(_ bytes: Span<UInt8>, from start: UInt64) -> UInt64 {
        var hash = start
        for position in 0..<bytes.count {
            hash = (hash ^ UInt64(bytes[position])) &* 0x100_0000_01B3
        }
        return hash
    }

    /// The digest of the entries as the workload defines them.
    static func expected(_ indexes: some Sequence<UInt32>, valueSize: Int, version: (UInt32) -> UInt8) -> Digest {
        var digest = Digest()
        for index in indexes {
            digest.add(
                key: Entry.key(index).span,
                value: Entry.value(index, version: version(index), size: valueSize).span)
        }
        return digest
    }
}
