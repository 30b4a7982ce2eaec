/// The keys and values of the workload, each a function of the entry's index (and, for a value, of how often it was written).
///
/// Keys are 16 bytes: two mixed words, big-endian, so that key order has nothing to do with index order. The first word is a bijection of the
/// index, so keys are distinct. Values are the bytes of a `SplitMix64` seeded by index and version: no compressor finds anything in them.
enum Entry {
    /// Bytes in every key.
    static let keySize = 16

    /// The first eight bytes of a key, as the number that orders keys.
    static func keyOrder(_ index: UInt32) -> UInt64 {
        SplitMix64.mix(UInt64(index) &+ 0x4C61_7264_6572_0001)
    }

    /// Appends the 16 bytes of an entry's key.
    static func appendKey(_ index: UInt32, to bytes: inout [UInt8]) {
        let first = keyOrder(index)
        append(first, to: &bytes)
        append(SplitMix64.mix(first), to: &bytes)
    }

    /// The first eight bytes of a value, little-endian: enough to tell it from any other value of the workload.
    static func valueHead(_ index: UInt32, version: UInt8) -> UInt64 {
        var generator = values(index, version: version)
        return generator.next()
    }

    /// Appends the `size` bytes of an entry's value.
    static func appendValue(_ index: UInt32, version: UInt8, size: Int, to bytes: inout [UInt8]) {
        var generator = values(index, version: version)
        let words = (size + 7) / 8
        // At once: byte by byte it would cost more than an insertion, where a value is made for each.
        unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: words) { buffer in
            for word in 0..<words { unsafe buffer.initializeElement(at: word, to: generator.next().littleEndian) }
            unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<size]))
        }
    }

    /// An entry's key on its own.
    static func key(_ index: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(keySize)
        appendKey(index, to: &bytes)
        return bytes
    }

    /// An entry's value on its own.
    static func value(_ index: UInt32, version: UInt8, size: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        appendValue(index, version: version, size: size, to: &bytes)
        return bytes
    }

    private static func values(_ index: UInt32, version: UInt8) -> SplitMix64 {
        SplitMix64(seed: SplitMix64.mix(UInt64(index) << 8 | UInt64(version)))
    }

    private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
        unsafe withUnsafeBytes(of: word.bigEndian) { unsafe bytes.append(contentsOf: $0) }
    }
}

/// What a get saw of a value: its size and its first eight bytes (little-endian, zero where it is shorter), which every value of the workload has
/// of its own.
struct Glimpse: Equatable {
    var size: Int
    var head: UInt64
}

extension Span<UInt8> {
    /// What a get that hands out these bytes saw.
    var glimpse: Glimpse {
        guard count >= 8 else { return Glimpse(size: count, head: 0) }
        return Glimpse(size: count, head: word(at: 0))
    }

    /// The little-endian word at a byte offset, which may be unaligned.
    func word(at offset: Int) -> UInt64 {
        precondition(offset >= 0 && offset <= count - 8)
        return unsafe withUnsafeBytes { bytes in
            UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
    }
}
