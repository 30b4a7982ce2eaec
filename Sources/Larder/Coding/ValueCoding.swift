/// How the values of a cache become bytes, and back. Codings are values that any thread may use.
public protocol ValueCoding<Value>: Sendable {
    /// The type of the values.
    associatedtype Value: Sendable

    /// The coding's name, recorded in the store with the cache. A cache opens only with a coding of the same name.
    var identifier: String { get }

    /// The value's bytes.
    ///
    /// - Throws: Whatever the coding throws; it reaches the caller of the write, and nothing is written.
    func encode(_ value: Value) throws -> [UInt8]

    /// The value that was encoded as `bytes`.
    ///
    /// - Throws: Any error for bytes that ``encode(_:)`` never gives; the caller reports it as
    ///   ``LarderError/Code-swift.struct/undecodableValue``.
    func decode(_ bytes: Span<UInt8>) throws -> Value

    /// Whether the memory tier keeps the decoded value, so that a hit decodes nothing, or the bytes. `true` unless said otherwise.
    var keepsDecodedValues: Bool { get }
}

extension ValueCoding {
    /// Decoded values are kept.
    public var keepsDecodedValues: Bool { true }
}
