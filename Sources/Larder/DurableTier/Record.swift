/// What the durable tier holds for a key, format version 1. All numbers are little-endian.
///
/// | offset | bytes | meaning |
/// | --: | --: | --- |
/// | 0 | 8 | checksum: XXH3-64 of the bytes from offset 8 to the end, seeded with the key's hash (see ``xxh3(_:seed:)``) |
/// | 8 | 1 | record format version: 1 |
/// | 9 | 1 | flags: none are defined, so 0 |
/// | 10 | 2 | the cache's version when the record was written |
/// | 12 | 4 | reserved: 0 |
/// | 16 | 8 | expiry in milliseconds since 1970, or 0 for never |
/// | 24 | | payload: the value as its coding wrote it |
///
/// The checksum covers key, header and payload. It is not a signature: it finds damage, not forgery.
enum Record {
    static let headerSize = 24
    static let formatVersion: UInt8 = 1
    /// The longest payload in bytes.
    static let maximumPayload = Int(Int32.max) - headerSize

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
        var expiry: Milliseconds

        /// Whether the record is there for a reader of this cache version at this moment.
        @inline(__always)
        func isLive(version: UInt16, now: @autoclosure () -> Milliseconds) -> Bool {
            cacheVersion == version && (expiry == 0 || now() < expiry)
        }
    }

    /// Checks a record and reads its header. Costs the hash of the record: about 15 ns for 100 bytes.
    @inline(__always)
    static func verify(_ bytes: Span<UInt8>, keyHash: UInt64) throws(Damage) -> Header {
        guard bytes.count >= headerSize else { throw .tooShort }
        let (checksum, actual) = unsafe bytes.withUnsafeBytes { raw in
            unsafe (
                UInt64(littleEndian: raw.loadUnaligned(as: UInt64.self)),
                xxh3(UnsafeRawBufferPointer(rebasing: raw[8...]), seed: keyHash)
            )
        }
        guard checksum == actual else { throw .checksum }
        guard bytes[8] == formatVersion else { throw .newerFormat(bytes[8]) }
        guard bytes[9] == 0 else { throw .flags }
        return header(bytes)
    }

    /// Reads the header of a record that is known to be long enough, without checking anything.
    static func header(_ bytes: Span<UInt8>) -> Header {
        unsafe bytes.withUnsafeBytes { raw in
            unsafe Header(
                cacheVersion: UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: 10, as: UInt16.self)),
                expiry: UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self)))
        }
    }

    /// Writes a record into `target`, which has exactly ``headerSize`` bytes more than the payload.
    static func write(_ header: Header, payload: Span<UInt8>, keyHash: UInt64, to target: UnsafeMutableRawBufferPointer)
    {
        unsafe target.storeBytes(of: formatVersion, toByteOffset: 8, as: UInt8.self)
        unsafe target.storeBytes(of: 0, toByteOffset: 9, as: UInt8.self)
        unsafe target.storeBytes(of: header.cacheVersion.littleEndian, toByteOffset: 10, as: UInt16.self)
        unsafe target.storeBytes(of: 0, toByteOffset: 12, as: UInt32.self)
        unsafe target.storeBytes(of: header.expiry.littleEndian, toByteOffset: 16, as: UInt64.self)
        unsafe payload.withUnsafeBytes { source in
            unsafe UnsafeMutableRawBufferPointer(rebasing: target[headerSize...]).copyMemory(from: source)
        }
        let checksum = unsafe xxh3(UnsafeRawBufferPointer(rebasing: target[8...]), seed: keyHash)
        unsafe target.storeBytes(of: checksum.littleEndian, as: UInt64.self)
    }
}
