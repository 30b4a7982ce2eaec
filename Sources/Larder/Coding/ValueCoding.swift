/// How the values of a cache become bytes, and back. Codings are values that any thread may use.
///
/// The memory tier keeps decoded values, so that a hit decodes nothing; only those of ``BytesCoding``, which are the bytes themselves, it keeps as bytes.
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
}
