public import Larder

/// A value that says which write it is from.
public struct Stamp: Sendable, Hashable {
    /// Its place in the order of its domain.
    public var version: UInt64
    /// The number that only one write carries.
    public var nonce: UInt64

    /// What nobody may ever read, since whoever writes it throws.
    static let garbage = Stamp(version: .max, nonce: .max)

    /// A stamp.
    public init(version: UInt64, nonce: UInt64) {
        self.version = version
        self.nonce = nonce
    }
}

/// Stamps as 16 bytes and a padding of 0 to 255, so that values are of many sizes.
public struct StampCoding: ValueCoding {
    /// The recorded name.
    public var identifier: String { "stamp" }
    /// Memory keeps the stamps themselves.
    public init() {}

    /// The stamp's bytes.
    public func encode(_ value: Stamp) -> [UInt8] {
        var bytes: [UInt8] = []
        for number in [value.version, value.nonce] {
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        return bytes + [UInt8](repeating: UInt8(truncatingIfNeeded: value.nonce), count: Int(value.nonce & 255))
    }

    /// The stamp of these bytes. Throws if the padding is not the stamp's.
    public func decode(_ bytes: Span<UInt8>) throws -> Stamp {
        guard bytes.count >= 16 else { throw DecodingFailure("too short for a stamp") }
        func number(_ offset: Int) -> UInt64 {
            (0..<8).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
        }
        let stamp = Stamp(version: number(0), nonce: number(8))
        guard bytes.count == 16 + Int(stamp.nonce & 255) else { throw DecodingFailure("a stamp's padding is wrong") }
        return stamp
    }
}

/// Stamps that memory keeps as bytes.
public struct StampBytes: Sendable {
    /// The bytes of a stamp.
    public static func encode(_ stamp: Stamp) -> [UInt8] { StampCoding().encode(stamp) }
    /// The stamp of the bytes.
    public static func decode(_ bytes: [UInt8]) throws -> Stamp { try StampCoding().decode(bytes.span) }
}
