/// The values that a replay writes: each says whose it is and which version, so that a wrong, old or torn one is noticed.
///
/// | offset | bytes | meaning |
/// | --: | --: | --- |
/// | 0 | 8 | the key, little-endian |
/// | 8 | 8 | the version: 0 as loaded from the source, then one more with each write |
/// | 16 | 8 | the size of the whole value |
/// | 24 | | the numbers of a generator seeded with key and version |
enum ReplayValue {
    /// The smallest size in bytes.
    static let headerSize = 24

    /// The value of a key's version; `size` is raised to ``headerSize`` if it is less.
    static func make(key: UInt64, version: UInt64, size: Int) -> [UInt8] {
        let size = max(size, headerSize)
        return unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            unsafe bytes.storeBytes(of: key.littleEndian, toByteOffset: 0, as: UInt64.self)
            unsafe bytes.storeBytes(of: version.littleEndian, toByteOffset: 8, as: UInt64.self)
            unsafe bytes.storeBytes(of: UInt64(size).littleEndian, toByteOffset: 16, as: UInt64.self)
            var numbers = SplitMix64(seed: SplitMix64.mix(key) ^ version)
            var offset = headerSize
            while offset < size {
                let number = numbers.next()
                if size - offset >= 8 {
                    unsafe bytes.storeBytes(of: number.littleEndian, toByteOffset: offset, as: UInt64.self)
                } else {
                    for index in offset..<size {
                        unsafe bytes[index] = UInt8(truncatingIfNeeded: number >> (8 * (index - offset)))
                    }
                }
                offset += 8
            }
            count = size
        }
    }

    /// The version that a value says it is, if its header is that of a value of this key; the rest is not looked at.
    static func claimedVersion(of value: Span<UInt8>, key: UInt64) -> UInt64? {
        guard value.count >= headerSize else { return nil }
        let (first, version, size) = unsafe value.withUnsafeBytes { bytes in
            unsafe (
                UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)),
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
            )
        }
        return first == key && size == UInt64(value.count) ? version : nil
    }

    /// The version of a value that is, byte for byte, one of this key; `nil` if it is not.
    static func verifiedVersion(of value: Span<UInt8>, key: UInt64) -> UInt64? {
        guard let version = claimedVersion(of: value, key: key) else { return nil }
        let expected = make(key: key, version: version, size: value.count)
        let isEqual = unsafe value.withUnsafeBufferPointer { unsafe expected.elementsEqual($0) }
        return isEqual ? version : nil
    }
}
