/// Integers as big-endian bytes with the sign bit flipped, so that the order of the bytes is the order of the numbers.
public struct IntegerKeyCoding<Key: FixedWidthInteger & Sendable>: KeyCoding {
    /// The recorded name: `int` or `uint` with the width in bits.
    public var identifier: String { (Key.isSigned ? "int" : "uint") + "\(Key.bitWidth)" }

    /// Makes the coding.
    public init() {}

    /// Appends the integer's bytes, as many as the type has.
    @specialized(where Key == Int)
    @specialized(where Key == Int64)
    @specialized(where Key == UInt64)
    public func encode(_ key: Key, into buffer: inout KeyBuffer) {
        let ordered = (Key.isSigned ? key ^ Key.min : key).bigEndian
        unsafe withUnsafeBytes(of: ordered) { unsafe buffer.append(Span(_unsafeBytes: $0.prefix(Key.bitWidth / 8))) }
    }

    /// The integer of these bytes.
    ///
    /// - Throws: ``DecodingFailure`` if there are not as many as the type has.
    @specialized(where Key == Int)
    @specialized(where Key == Int64)
    @specialized(where Key == UInt64)
    public func decode(_ bytes: Span<UInt8>) throws -> Key {
        guard bytes.count * 8 == Key.bitWidth else {
            throw DecodingFailure("\(bytes.count) bytes are no integer of \(Key.bitWidth) bits")
        }
        var value: Key = 0
        for index in bytes.indices { value = value << 8 | Key(truncatingIfNeeded: bytes[index]) }
        return Key.isSigned ? value ^ Key.min : value
    }
}

extension KeyCoding where Self == IntegerKeyCoding<Int> {
    /// `Int` keys, ordered as numbers.
    public static var int: Self { .init() }
}

extension KeyCoding where Self == IntegerKeyCoding<Int64> {
    /// `Int64` keys, ordered as numbers.
    public static var int64: Self { .init() }
}

extension KeyCoding where Self == IntegerKeyCoding<UInt64> {
    /// `UInt64` keys, ordered as numbers.
    public static var uint64: Self { .init() }
}

extension KeyCoding {
    /// Keys of any fixed-width integer type, ordered as numbers.
    public static func integer<Key>(_ type: Key.Type) -> Self where Self == IntegerKeyCoding<Key> { .init() }
}
