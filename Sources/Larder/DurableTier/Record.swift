/// What the durable tier holds for a key, format version 1. All numbers are little-endian.
///
/// | offset | bytes | meaning |
/// | --: | --: | --- |
/// | 0 | 8 | checksum: XXH3-64 of the bytes from offset 8 to the end, seeded with the key's hash (see ``xxh3(_:seed:)``) |
/// | 8 | 1 | record format version: 1 |
/// | 9 | 1 | flags, see ``Flags`` |
/// | 10 | 2 | the cache's version when the record was written |
/// | | 8 | if the record expires: when, in milliseconds since 1970 |
/// | | 16 | if it grows stale before: from when it is to be loaded again ahead of time, and until when it is fresh |
/// | | 1 + 8 *n* | if it has tags: how many, and the hash of each |
/// | | | payload: the value as its coding wrote it; empty for an absence |
///
/// The checksum covers key, header and payload. It is not a signature: it finds damage, not forgery.
enum Record {
    static let formatVersion: UInt8 = 1
    /// The longest payload in bytes.
    static let maximumPayload = Int(Int32.max) - 4_096
    /// The largest number of tags of one record.
    static let maximumTags = Int(UInt8.max)

    private static let fixedSize = 12

    /// What a record has besides its value.
    struct Flags: OptionSet {
        let rawValue: UInt8

        /// It expires.
        static let expires = Flags(rawValue: 1)
        /// It expires, and grows stale before that.
        static let growsStale = Flags(rawValue: 2)
        /// It expires, and says that the source has no value for the key (a negative entry).
        static let isAbsence = Flags(rawValue: 4)
        /// It has tags.
        static let hasTags = Flags(rawValue: 8)

        /// Whether a record can have these.
        var isSound: Bool {
            rawValue < 16 && (contains(.expires) || isDisjoint(with: [.growsStale, .isAbsence]))
        }
    }

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
        var flags: Flags
        /// The deadline in milliseconds since 1970, or 0 for never.
        var expiry: Milliseconds
        /// From when the value is to be loaded again ahead of time, if it grows stale.
        var refreshFrom: Milliseconds = 0
        /// Until when the value is fresh, if it grows stale.
        var freshUntil: Milliseconds = 0
        var tagCount = 0

        /// Bytes before the payload.
        @inline(__always)
        var size: Int {
            switch flags.rawValue {
            case 0: Record.fixedSize
            case 1: Record.fixedSize + 8
            default: tagsOffset + (tagCount == 0 ? 0 : 1 + 8 * tagCount)
            }
        }

        /// Where the tags begin, if there are any.
        var tagsOffset: Int {
            Record.fixedSize + (flags.contains(.expires) ? 8 : 0) + (flags.contains(.growsStale) ? 16 : 0)
        }

        /// Whether there is a value for a reader of this cache version at this moment.
        @inline(__always)
        func isLive(version: UInt16, now: @autoclosure () -> Milliseconds) -> Bool {
            isKept(version: version, now: now()) && !flags.contains(.isAbsence)
        }

        /// Whether there is a value, or the knowledge that there is none.
        @inline(__always)
        func isKept(version: UInt16, now: @autoclosure () -> Milliseconds) -> Bool {
            cacheVersion == version && (expiry == 0 || now() < expiry)
        }

        /// Until when the value is an answer and nothing else is to be done; 0 for ever.
        @inline(__always)
        var plainUntil: Milliseconds {
            flags.contains(.growsStale) ? refreshFrom : expiry
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
        let flags = Flags(rawValue: bytes[9])
        if flags.isEmpty { return Header(cacheVersion: version, flags: [], expiry: 0) }
        guard flags == .expires else { return try longHeader(bytes, version, flags) }
        return Header(cacheVersion: version, flags: flags, expiry: try deadline(at: fixedSize, of: bytes))
    }

    /// Reads a header with more in it than a deadline.
    @inline(never)
    private static func longHeader(
        _ bytes: Span<UInt8>, _ version: UInt16, _ flags: Flags
    ) throws(Damage) -> Header {
        guard flags.isSound else { throw .flags }
        var header = Header(cacheVersion: version, flags: flags, expiry: 0)
        if flags.contains(.expires) { header.expiry = try deadline(at: fixedSize, of: bytes) }
        if flags.contains(.growsStale) {
            header.refreshFrom = try deadline(at: fixedSize + 8, of: bytes)
            header.freshUntil = try deadline(at: fixedSize + 16, of: bytes)
        }
        if flags.contains(.hasTags) {
            guard bytes.count > header.tagsOffset else { throw .tooShort }
            header.tagCount = Int(bytes[header.tagsOffset])
            guard header.tagCount > 0 else { throw .flags }
        }
        guard bytes.count >= header.size else { throw .tooShort }
        return header
    }

    /// A moment in a header. There is one only where the flags say so, and then it is not 0.
    @inline(__always)
    private static func deadline(at offset: Int, of bytes: Span<UInt8>) throws(Damage) -> Milliseconds {
        guard bytes.count >= offset + 8 else { throw .tooShort }
        let deadline = integer(at: offset, of: bytes)
        guard deadline != 0 else { throw .flags }
        return deadline
    }

    @inline(__always)
    private static func integer(at offset: Int, of bytes: Span<UInt8>) -> UInt64 {
        unsafe bytes.withUnsafeBytes { raw in
            unsafe UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
    }

    /// The deadline of a record that may be damaged; 0 if it has none or it cannot be read.
    static func deadline(_ bytes: Span<UInt8>) -> Milliseconds {
        (try? header(bytes).expiry) ?? 0
    }

    /// The hashes of a record's tags, of which the bytes may be damaged; none if they cannot be read.
    static func tags(_ bytes: Span<UInt8>) -> [UInt64] {
        guard let header = try? header(bytes) else { return [] }
        return (0..<header.tagCount).map { integer(at: header.tagsOffset + 1 + 8 * $0, of: bytes) }
    }

    /// Writes a record into `target`, which has exactly the header's size and the payload's bytes.
    @inline(__always)
    static func write(
        _ header: Header, tags: [UInt64], payload: Span<UInt8>, keyHash: UInt64,
        to target: UnsafeMutableRawBufferPointer
    ) {
        unsafe target.storeBytes(of: formatVersion, toByteOffset: 8, as: UInt8.self)
        unsafe target.storeBytes(of: header.flags.rawValue, toByteOffset: 9, as: UInt8.self)
        unsafe target.storeBytes(of: header.cacheVersion.littleEndian, toByteOffset: 10, as: UInt16.self)
        if header.expiry != 0 {
            unsafe target.storeBytes(of: header.expiry.littleEndian, toByteOffset: 12, as: UInt64.self)
        }
        if header.flags.rawValue > Flags.expires.rawValue { unsafe writeRest(of: header, tags, to: target) }
        unsafe payload.withUnsafeBytes { source in
            unsafe UnsafeMutableRawBufferPointer(rebasing: target[header.size...]).copyMemory(from: source)
        }
        let checksum = unsafe xxh3(UnsafeRawBufferPointer(rebasing: target[8...]), seed: keyHash)
        unsafe target.storeBytes(of: checksum.littleEndian, as: UInt64.self)
    }

    @inline(never)
    private static func writeRest(of header: Header, _ tags: [UInt64], to target: UnsafeMutableRawBufferPointer) {
        if header.flags.contains(.growsStale) {
            unsafe target.storeBytes(
                of: header.refreshFrom.littleEndian, toByteOffset: fixedSize + 8, as: UInt64.self)
            unsafe target.storeBytes(
                of: header.freshUntil.littleEndian, toByteOffset: fixedSize + 16, as: UInt64.self)
        }
        guard !tags.isEmpty else { return }
        let offset = header.tagsOffset
        unsafe target.storeBytes(of: UInt8(tags.count), toByteOffset: offset, as: UInt8.self)
        for (index, tag) in tags.enumerated() {
            unsafe target.storeBytes(of: tag.littleEndian, toByteOffset: offset + 1 + 8 * index, as: UInt64.self)
        }
    }
}

/// What a record says besides its value.
struct RecordTerms: Sendable {
    /// When the entry is gone, in milliseconds since 1970; 0 for never.
    var expiry: Milliseconds = 0
    /// From when the value is to be loaded again ahead of time, and until when it is fresh; both 0 if it does not grow stale.
    var refreshFrom: Milliseconds = 0
    var freshUntil: Milliseconds = 0
    /// Whether it says that the source has no value.
    var isAbsence = false
    /// Hashes of the tags, no two alike.
    var tags: [UInt64] = []

    /// The header of such a record.
    @inline(__always)
    func header(cacheVersion: UInt16) -> Record.Header {
        var flags: Record.Flags = []
        if expiry != 0 { flags.insert(.expires) }
        if freshUntil != 0 { flags.insert(.growsStale) }
        if isAbsence { flags.insert(.isAbsence) }
        if !tags.isEmpty { flags.insert(.hasTags) }
        return Record.Header(
            cacheVersion: cacheVersion, flags: flags, expiry: expiry, refreshFrom: refreshFrom, freshUntil: freshUntil,
            tagCount: tags.count)
    }

    /// Whether such a record has an entry in the index of what expires or in that of tags.
    @inline(__always)
    var areIndexed: Bool { expiry != 0 || isAbsence || !tags.isEmpty }

    /// Until when the value is an answer and nothing else is to be done; 0 for ever.
    @inline(__always)
    var plainUntil: Milliseconds {
        freshUntil != 0 ? refreshFrom : expiry
    }
}
