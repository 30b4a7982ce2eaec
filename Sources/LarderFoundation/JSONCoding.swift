public import Larder

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Codable values as JSON.
///
/// Keys of objects are sorted, so equal values give equal bytes. Dates are written as seconds since 2001 with their fraction, the default of
/// `JSONEncoder`.
public struct JSONCoding<Value: Codable & Sendable>: ValueCoding {
    /// The recorded name. It is the same for every type: what changes with the type is the cache's version.
    public var identifier: String { "json" }

    /// Makes the coding.
    public init() {}

    /// The value as JSON.
    ///
    /// - Throws: `EncodingError`.
    public func encode(_ value: Value) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return [UInt8](try encoder.encode(value))
    }

    /// The value of this JSON.
    ///
    /// - Throws: `DecodingError`.
    public func decode(_ bytes: Span<UInt8>) throws -> Value {
        try unsafe JSONDecoder().decode(Value.self, from: bytes.withUnsafeBytes { unsafe Data($0) })
    }
}

extension ValueCoding {
    /// Values of a Codable type as JSON.
    public static func json<Value>(_ type: Value.Type) -> Self where Self == JSONCoding<Value> { .init() }
}
