public import Larder

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// `Data` as it is, for keys and for values. Its name is that of `.bytes`: the same cache can be opened with either.
public struct DataCoding: KeyCoding, ValueCoding {
    /// The recorded name.
    public var identifier: String { "bytes" }

    /// Makes the coding.
    public init() {}

    /// Appends the bytes.
    public func encode(_ key: Data, into buffer: inout KeyBuffer) {
        for byte in key { buffer.append(byte) }
    }

    /// The bytes.
    public func encode(_ value: Data) -> [UInt8] {
        [UInt8](value)
    }

    /// A copy of the bytes.
    public func decode(_ bytes: Span<UInt8>) -> Data {
        unsafe bytes.withUnsafeBytes { unsafe Data($0) }
    }
}

extension KeyCoding where Self == DataCoding {
    /// `Data` keys as they are.
    public static var data: DataCoding { DataCoding() }
}

extension ValueCoding where Self == DataCoding {
    /// `Data` values as they are.
    public static var data: DataCoding { DataCoding() }
}
