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

    /// The memory of the object itself: its header, the value, and what the allocator adds and rounds up to.
    private static var byteCount: Int { (16 + MemoryLayout<Value>.size + 16 + 15) / 16 * 16 }

    /// What memory holds for a value whose encoded form has `encodedSize` bytes.
    static func memoryValue(
        _ value: Value, encodedSize: Int, _ coding: any ValueCoding<Value>
    ) -> MemoryValue {
        let cost = max(0, coding.memoryCost(of: value, encodedSize: encodedSize))
        return .object(DecodedValue(value), cost: min(cost, .max - byteCount) + byteCount)
    }
}
