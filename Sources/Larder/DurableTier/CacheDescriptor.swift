/// What the store records about a cache, in the table `larder` under `cache/` and the cache's name. All numbers are little-endian.
///
/// | bytes | meaning |
/// | --: | --- |
/// | 4 | the cache's number, never given to another cache of this store; its table is named `cache.` and the number |
/// | 2 | the version the cache was made with |
/// | 2 | its version now: records of another version are absent |
/// | 8 | when the cache was made, in milliseconds since 1970 |
/// | 2 + n | name of the key coding: length and UTF-8 |
/// | 2 + n | name of the value coding: length and UTF-8 |
/// | 8 | checksum: XXH3-64 of everything before it, seeded with the XXH3-64 of the cache's name, seeded with the store's hash seed |
struct CacheDescriptor: Hashable, Sendable {
    var number: UInt32
    var firstVersion: UInt16
    var version: UInt16
    var created: Milliseconds
    var keyCoding: String
    var valueCoding: String

    var tableName: String {
        "cache.\(number)"
    }

    /// The checksum covers the name too: a description under a name that is not its own does not pass.
    private static func checksumSeed(name: String, seed: UInt64) -> UInt64 {
        xxh3(Array(name.utf8).span, seed: seed)
    }

    func bytes(name: String, seed: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(number)
        writer.append(firstVersion)
        writer.append(version)
        writer.append(created)
        writer.append(keyCoding)
        writer.append(valueCoding)
        writer.appendChecksum(seed: Self.checksumSeed(name: name, seed: seed))
        return writer.bytes
    }

    init(
        number: UInt32, version: UInt16, created: Milliseconds, keyCoding: String, valueCoding: String
    ) {
        self.number = number
        firstVersion = version
        self.version = version
        self.created = created
        self.keyCoding = keyCoding
        self.valueCoding = valueCoding
    }

    init(_ bytes: Span<UInt8>, name: String, seed: UInt64) throws {
        var reader = ByteReader(bytes)
        do {
            number = try reader.integer()
            firstVersion = try reader.integer()
            version = try reader.integer()
            created = try reader.integer()
            keyCoding = try reader.string()
            valueCoding = try reader.string()
            try reader.checksum(seed: Self.checksumSeed(name: name, seed: seed))
        } catch {
            throw LarderError(.damagedStore, "the description of a cache is damaged", cacheName: name)
        }
    }
}
