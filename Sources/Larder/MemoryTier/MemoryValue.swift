/// What the memory tier holds for a key: the value's bytes, or the decoded value.
@usableFromInline
enum MemoryValue: Sendable {
    /// The payload as it is on disk.
    case bytes([UInt8])
    /// The decoded value, with the bytes of memory that it is counted as.
    case object(any AnyObject & Sendable, cost: Int)

    /// Calls `body` with the payload if it is bytes, or with none.
    @inline(__always)
    func withBytes<Result>(_ body: (Span<UInt8>) throws -> Result) rethrows -> Result {
        switch self {
        case .bytes(let bytes): try body(bytes.span)
        case .object: try body(Span())
        }
    }

    /// Bytes of memory that the value is counted as.
    var cost: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .object(_, let cost): cost
        }
    }
}

/// A decoded value on the heap, so that a hit costs one retain whatever the type.
@usableFromInline
final class DecodedValue<Value: Sendable>: Sendable {
    @usableFromInline let value: Value

    init(_ value: Value) {
        self.value = value
    }
}
