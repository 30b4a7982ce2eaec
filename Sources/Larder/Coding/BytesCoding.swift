/// Bytes as they are, for keys and for values.
public struct BytesCoding: KeyCoding, ValueCoding {
    /// The recorded name.
    public var identifier: String { "bytes" }

    /// Makes the coding.
    public init() {}

    /// Appends the bytes.
    public func encode(_ key: [UInt8], into buffer: inout KeyBuffer) {
        buffer.append(key.span)
    }

    /// The bytes.
    public func encode(_ value: [UInt8]) -> [UInt8] {
        value
    }

    /// A copy of the bytes.
    public func decode(_ bytes: Span<UInt8>) -> [UInt8] {
        [UInt8](copying: bytes)
    }
}

extension KeyCoding where Self == BytesCoding {
    /// `[UInt8]` keys as they are.
    public static var bytes: BytesCoding { BytesCoding() }
}

extension ValueCoding where Self == BytesCoding {
    /// `[UInt8]` values as they are.
    public static var bytes: BytesCoding { BytesCoding() }
}
