/// What the durable tier holds for a key, format version 1. All numbers are little-endian.
///
/// | offset | bytes | meaning |
/// | --: | --: | --- |
/// | 0 | 8 | checksum: XXH3-64 of the bytes from offset 8 to the end, seeded with the key's hash (see ``xxh3(_:seed:)``) |
/// | 8 | 1 | record format version: 1 |
/// | 9 | 1 | flags: 1 if the record expires, otherwise 0 |
/// | 10 | 2 | the cache's version when the record was written |
/// | 12 | 8 or 0 | if the record expires: when, in milliseconds since 1970 |
/// | 12 or 20 | | payload: the value as its coding wrote it |
///
/// The checksum covers key, header and payload. It is not a signature: it finds damage, not forgery.
enum Record {
    static let formatVersion: UInt8 = 1
    /// The longest payload in bytes.
    static let maximumPayload = Int(Int32.max) - 64

    private static let fixedSize = 12
    private static let expires: UInt8 = 1

    /// What is wrong with a record's bytes.
    enum Damage: Error {
        case tooShort, checksum, flags
        case newerFormat(UInt8)

        var message: String {
            switch self {
            case .tooShort: "a record is shorter than its header"
            case .checksum: "a record's checksum does not fit its bytes"
            case .flags: "a record has flags that this version does not know"
            case .newerFormat(let version):
                "a record has format version \(version), newer than this version of Larder knows"
            }
        }
    }

    /// A record's header.
    struct Header {
        var cacheVersion: UInt16
        /// The deadline in milliseconds since 1970, or 0 for never.
        var expiry: Milliseconds

        /// Bytes before the payload.
        @inline(__always)
        var size: Int {
            expiry == 0 ? Record.fixedSize : Record.fixedSize + 8
        }

        /// Whether the record is there for a reader of this cache version at this moment.
        @inline(__always)
        func isLive(version: UInt16, now: @autoclosure () -> Milliseconds) -> Bool {
            cacheVersion == version && (expiry == 0 || now() < expiry)
        }
    }

    /// Checks a record and reads its header. Costs the hash of the record: about 15 ns for 100 bytes.
    @inline(__always)
    static func verify(_ bytes: Span<UInt8>, keyHash: UInt64) throws(Damage) -> Header {
        guard bytes.count >= fixedSize else { throw .tooShort }
        let (checksum, actual) = unsafe bytes.withUnsafeBytes { raw in
            unsafe (
                UInt64(littleEndian: raw.loadUnaligned(as: UInt64.self)),
                xxh3(UnsafeRawBufferPointer(rebasing: raw[8...]), seed: keyHash)
            )
        }
        guard checksum == actual else { throw .checksum }
        return try header(bytes)
    }

    /// Reads a record's header without its checksum.
    @inline(__always)
    static func header(_ bytes: Span<UInt8>) throws(Damage) -> Header {
        guard bytes.count >= fixedSize else { throw .tooShort }
        guard bytes[8] == formatVersion else { throw .newerFormat(bytes[8]) }
        let version = unsafe bytes.withUnsafeBytes { raw in
            unsafe UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: 10, as: UInt16.self))
        }
        if bytes[9] == 0 { return Header(cacheVersion: version, expiry: 0) }
        guard bytes[9] == expires else { throw .flags }
        guard bytes.count >= fixedSize + 8 else { throw .tooShort }
        let expiry = unsafe bytes.withUnsafeBytes { raw in
            unsafe UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 12, as: UInt64.self))
        }
        // It says that it expires, so it has a deadline.
        guard expiry != 0 else { throw .flags }
        return Header(cacheVersion: version, expiry: expiry)
    }

    /// The deadline of a record that may be damaged; 0 if it has none or it cannot be read.
    static func deadline(_ bytes: Span<UInt8>) -> Milliseconds {
        (try? header(bytes).expiry) ?? 0
    }

    /// Writes a record into `target`, which has exactly the header's size and the payload's bytes.
    @inline(__always)
    static func write(_ header: Header, payload: Span<UInt8>, keyHash: UInt64, to target: UnsafeMutableRawBufferPointer)
    {
        unsafe target.storeBytes(of: formatVersion, toByteOffset: 8, as: UInt8.self)
        unsafe target.storeBytes(of: header.expiry == 0 ? 0 : expires, toByteOffset: 9, as: UInt8.self)
        unsafe target.storeBytes(of: header.cacheVersion.littleEndian, toByteOffset: 10, as: UInt16.self)
        if header.expiry != 0 {
            unsafe target.storeBytes(of: header.expiry.littleEndian, toByteOffset: 12, as: UInt64.self)
        }
        unsafe payload.withUnsafeBytes { source in
            unsafe UnsafeMutableRawBufferPointer(rebasing: target[header.size...]).copyMemory(from: source)
        }
        let checksum = unsafe xxh3(UnsafeRawBufferPointer(rebasing: target[8...]), seed: keyHash)
        unsafe target.storeBytes(of: checksum.littleEndian, as: UInt64.self)
    }
}
