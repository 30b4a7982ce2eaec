/// Integers as little-endian bytes, as many as the type has.
public struct IntegerValueCoding<Value: FixedWidthInteger & Sendable>: ValueCoding {
    /// The recorded name: `int` or `uint` with the width in bits.
    public var identifier: String { (Value.isSigned ? "int" : "uint") + "\(Value.bitWidth)" }

    /// Makes the coding.
    public init() {}

    /// The integer's bytes.
    public func encode(_ value: Value) -> [UInt8] {
        stride(from: 0, to: Value.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    /// The integer of these bytes.
    ///
    /// - Throws: ``DecodingFailure`` if there are not as many as the type has.
    public func decode(_ bytes: Span<UInt8>) throws -> Value {
        guard bytes.count * 8 == Value.bitWidth else {
            throw DecodingFailure("\(bytes.count) bytes are no integer of \(Value.bitWidth) bits")
        }
        return bytes.indices.reversed().reduce(0) { $0 << 8 | Value(truncatingIfNeeded: bytes[$1]) }
    }
}

extension ValueCoding where Self == IntegerValueCoding<Int> {
    /// `Int` values.
    public static var int: Self { .init() }
}

extension ValueCoding where Self == IntegerValueCoding<Int64> {
    /// `Int64` values.
    public static var int64: Self { .init() }
}

extension ValueCoding {
    /// Values of any fixed-width integer type.
    public static func integer<Value>(_ type: Value.Type) -> Self where Self == IntegerValueCoding<Value> { .init() }
}
