/// How the keys of a cache become bytes, and back.
///
/// Entries are ordered by the bytes of their keys, so a coding decides the order of a scan. An encoded key has 1 to 511 bytes.
/// Codings are values that any thread may use.
public protocol KeyCoding<Key>: Sendable {
    /// The type of the keys.
    associatedtype Key: Sendable

    /// The coding's name, recorded in the store with the cache. A cache opens only with a coding of the same name.
    var identifier: String { get }

    /// Appends the key's bytes to `buffer`.
    ///
    /// Whether there are too few or too many is checked by the caller.
    func encode(_ key: Key, into buffer: inout KeyBuffer) throws

    /// The key that was encoded as `bytes`.
    ///
    /// - Throws: Any error for bytes that ``encode(_:into:)`` never gives; the caller reports it as
    ///   ``LarderError/Code-swift.struct/undecodableKey``.
    func decode(_ bytes: Span<UInt8>) throws -> Key
}

/// Where a ``KeyCoding`` puts a key's bytes: room for 511 on the stack, so that a lookup allocates nothing.
@safe
public struct KeyBuffer: ~Copyable {
    private let storage: UnsafeMutableBufferPointer<UInt8>
    /// How many bytes were appended. More than there is room for are counted and dropped; the caller then refuses the key.
    public private(set) var count = 0

    init(_ storage: UnsafeMutableBufferPointer<UInt8>) {
        unsafe self.storage = storage
    }

    /// Appends a byte.
    public mutating func append(_ byte: UInt8) {
        if unsafe count < storage.count { unsafe storage[count] = byte }
        count += 1
    }

    /// Appends bytes.
    public mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append($0) }
    }

    /// Appends a string's UTF-8.
    public mutating func append(utf8 string: String) {
        var string = string
        string.withUTF8 { unsafe append($0) }
    }

    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        if let source = bytes.baseAddress, unsafe count + bytes.count <= storage.count {
            unsafe (storage.baseAddress! + count).update(from: source, count: bytes.count)
        }
        count += bytes.count
    }
}

/// Bytes that a coding cannot decode.
public struct DecodingFailure: Error, Sendable, CustomStringConvertible {
    /// Why, without any of the bytes.
    public let description: String

    /// Makes a failure with its reason.
    public init(_ description: String) {
        self.description = description
    }
}
