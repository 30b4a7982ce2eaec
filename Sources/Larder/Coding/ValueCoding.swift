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

    /// How many bytes a decoded value takes on the heap, about, beside what ``MemoryTierStatistics`` counts for each entry anyway: the value's own size, the object
    /// around it, key and bookkeeping. Called once for each value that memory is given; it should be fast.
    ///
    /// As many as its encoded form unless a coding says otherwise. Say so where that is far from the truth, as of a value that refers to a large graph: the
    /// capacity of memory is kept by these numbers.
    ///
    /// - Parameter encodedSize: The bytes of the encoded form.
    func memoryCost(of value: Value, encodedSize: Int) -> Int
}

extension ValueCoding {
    /// As many bytes as the encoded form.
    public func memoryCost(of value: Value, encodedSize: Int) -> Int { encodedSize }
}
