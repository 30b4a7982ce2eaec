/// Strings as UTF-8, for keys and for values. Keys are ordered by their bytes, which is the order of their Unicode scalars.
public struct StringCoding: KeyCoding, ValueCoding {
    /// The recorded name.
    public var identifier: String { "utf8" }

    /// Makes the coding.
    public init() {}

    /// Appends the string's UTF-8.
    public func encode(_ key: String, into buffer: inout KeyBuffer) {
        buffer.append(utf8: key)
    }

    /// The string's UTF-8.
    public func encode(_ value: String) -> [UInt8] {
        Array(value.utf8)
    }

    /// The string of these bytes.
    ///
    /// - Throws: ``DecodingFailure`` if they are not UTF-8.
    public func decode(_ bytes: Span<UInt8>) throws -> String {
        let string = unsafe bytes.withUnsafeBufferPointer { unsafe String(validating: $0, as: UTF8.self) }
        guard let string else { throw DecodingFailure("the bytes are not UTF-8") }
        return string
    }
}

extension KeyCoding where Self == StringCoding {
    /// `String` keys as UTF-8.
    public static var string: StringCoding { StringCoding() }
}

extension ValueCoding where Self == StringCoding {
    /// `String` values as UTF-8.
    public static var string: StringCoding { StringCoding() }
}
