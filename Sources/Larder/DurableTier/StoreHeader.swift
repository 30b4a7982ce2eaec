/// The store's description of itself, in the table `larder` under the key `store`. All numbers are little-endian.
///
/// | offset | bytes | meaning |
/// | --: | --: | --- |
/// | 0 | 4 | magic: `LRDR` |
/// | 4 | 4 | store format version: 1. A later version keeps these first eight bytes. |
/// | 8 | 16 | the store's UUID, which only its backups share |
/// | 24 | 8 | seed of the key hashes |
/// | 32 | 8 | when the store was made, in milliseconds since 1970 |
/// | 40 | 8 | checksum: XXH3-64 of bytes 0 to 39, unseeded |
struct StoreHeader: Hashable, Sendable {
    static let magic: UInt32 = 0x5244_524C
    static let formatVersion: UInt32 = 1

    var identifier: UInt128
    var hashSeed: UInt64
    var created: Milliseconds

    /// A header for a new store.
    static func make(now: Milliseconds) -> StoreHeader {
        StoreHeader(identifier: .random(in: 1...(.max)), hashSeed: .random(in: .min ... .max), created: now)
    }

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.append(Self.magic)
        writer.append(Self.formatVersion)
        writer.append(identifier)
        writer.append(hashSeed)
        writer.append(created)
        writer.appendChecksum(seed: 0)
        return writer.bytes
    }

    init(identifier: UInt128, hashSeed: UInt64, created: Milliseconds) {
        self.identifier = identifier
        self.hashSeed = hashSeed
        self.created = created
    }

    init(_ bytes: Span<UInt8>) throws {
        var reader = ByteReader(bytes)
        guard let magic = try? reader.integer(UInt32.self), magic == Self.magic,
            let version = try? reader.integer(UInt32.self)
        else { throw LarderError(.notAStore, "the file is not a Larder store") }
        guard version <= Self.formatVersion else {
            throw LarderError(
                .newerFormat,
                "the store has format version \(version); this version of Larder knows \(Self.formatVersion)")
        }
        do {
            identifier = try reader.integer()
            hashSeed = try reader.integer()
            created = try reader.integer()
            try reader.checksum(seed: 0)
        } catch {
            throw LarderError(.damagedStore, "the store's description of itself is damaged")
        }
    }
}
