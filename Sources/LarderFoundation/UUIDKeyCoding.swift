public import Larder

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// UUIDs as their 16 bytes, in the order in which they are written.
public struct UUIDKeyCoding: KeyCoding {
    /// The recorded name.
    public var identifier: String { "uuid" }

    /// Makes the coding.
    public init() {}

    /// Appends the 16 bytes.
    public func encode(_ key: UUID, into buffer: inout KeyBuffer) {
        let bytes = unsafe withUnsafeBytes(of: key.uuid) { unsafe [UInt8]($0) }
        buffer.append(bytes.span)
    }

    /// The UUID of these bytes.
    ///
    /// - Throws: `DecodingFailure` if there are not 16.
    public func decode(_ bytes: Span<UInt8>) throws -> UUID {
        guard bytes.count == 16 else { throw DecodingFailure("\(bytes.count) bytes are no UUID") }
        return unsafe UUID(uuid: bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: uuid_t.self) })
    }
}

extension KeyCoding where Self == UUIDKeyCoding {
    /// `UUID` keys.
    public static var uuid: UUIDKeyCoding { UUIDKeyCoding() }
}
