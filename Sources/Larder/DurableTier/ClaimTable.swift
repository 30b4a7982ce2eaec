internal import LMDB

/// What somebody has said that they are about to do with a key, in the table `claims`. All numbers are little-endian.
///
/// | bytes | meaning |
/// | --: | --- |
/// | 1 | 1: a lease, the owner is loading the key from the source; 2: an intent, the owner is writing it to the source |
/// | 1 | 1 if the key was changed or invalidated since by somebody else, and what the intent's owner writes is not to be kept |
/// | 8 | a number drawn at random, which tells this claim from any other |
/// | 8 | the process that made it, see ``Environment/processIdentity()``; 0 if it has given the claim up, or was found dead |
/// | 8 | when it runs out, in milliseconds since 1970 |
/// | 8 | for how long after its owner's end an intent stands, in milliseconds; 0 for a lease |
/// | 8 | checksum: XXH3-64 of all before it, seeded with the key's hash |
///
/// Its key in the table is the cache's number (4 bytes) and the hash of the key (8), both big-endian. Keys of one hash share a claim; the
/// loads of one then are not kept while the other is written, which does no harm.
struct Claim: Hashable, Sendable {
    /// What its owner is about to do.
    enum Kind: UInt8 {
        case lease = 1
        case intent = 2
    }

    var kind: Kind
    var isOvertaken = false
    var token: UInt64
    var owner: UInt64
    var deadline: Milliseconds
    var settlement: Milliseconds

    func bytes(keyHash: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(kind.rawValue)
        writer.append(UInt8(isOvertaken ? 1 : 0))
        writer.append(token)
        writer.append(owner)
        writer.append(deadline)
        writer.append(settlement)
        writer.appendChecksum(seed: keyHash)
        return writer.bytes
    }

    init(kind: Kind, token: UInt64, owner: UInt64, deadline: Milliseconds, settlement: Milliseconds = 0) {
        self.kind = kind
        self.token = token
        self.owner = owner
        self.deadline = deadline
        self.settlement = settlement
    }

    /// The claim once its owner has given it up or was found dead at `now`: what the source has received it may apply until the deadline.
    func orphaned(now: Milliseconds) -> Claim {
        var claim = self
        claim.owner = 0
        claim.deadline = max(deadline, now &+ min(settlement, .max / 2))
        return claim
    }

    /// Reads a claim; `nil` if it is damaged.
    init?(_ bytes: Span<UInt8>, keyHash: UInt64) {
        var reader = ByteReader(bytes)
        do {
            guard let kind = Kind(rawValue: try reader.integer()) else { return nil }
            self.kind = kind
            let flags: UInt8 = try reader.integer()
            guard flags < 2 else { return nil }
            isOvertaken = flags == 1
            token = try reader.integer()
            owner = try reader.integer()
            deadline = try reader.integer()
            settlement = try reader.integer()
            try reader.checksum(seed: keyHash)
        } catch {
            return nil
        }
    }
}

/// The leases and intents of a store; see ``Claim``. Small: one for each load and each write of a source that is under way.
struct ClaimTable: Sendable {
    let table: Table

    private static func claimKey(_ keyspace: UInt32, _ keyHash: UInt64? = nil) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(12)
        for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: keyspace >> shift)) }
        if let keyHash {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: keyHash >> shift))
            }
        }
        return bytes
    }

    /// The cache and the key's hash of an entry; `nil` for what is none.
    static func entry(key: Span<UInt8>) -> (keyspace: UInt32, keyHash: UInt64)? {
        guard key.count == 12 else { return nil }
        func integer(_ range: Range<Int>) -> UInt64 { range.reduce(0) { $0 << 8 | UInt64(key[$1]) } }
        return (UInt32(integer(0..<4)), integer(4..<12))
    }

    /// Whether nobody claims anything. O(1).
    func isEmpty(in transaction: borrowing some ReadableTransaction & ~Copyable) throws(LMDBError) -> Bool {
        try transaction.statistics(of: table).entries == 0
    }

    /// The claim on a key.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/damagedRecord`` if it is damaged; a write of the key removes it.
    func claim(
        on keyHash: UInt64, in keyspace: Keyspace, of transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws -> Claim? {
        try transaction.withValue(for: Self.claimKey(keyspace.number, keyHash).span, in: table) { bytes in
            guard let claim = Claim(bytes, keyHash: keyHash) else {
                throw LarderError(
                    .damagedRecord, "a claim on a key is damaged", cacheName: keyspace.name, keyHash: keyHash)
            }
            return claim
        }
    }

    func put(
        _ claim: Claim, on keyHash: UInt64, in keyspace: Keyspace, of transaction: inout WriteTransaction
    ) throws(LMDBError) {
        let key = Self.claimKey(keyspace.number, keyHash)
        try transaction.put(claim.bytes(keyHash: keyHash).span, for: key.span, in: table)
    }

    /// Removes the claim on a key; returns whether there was one.
    @discardableResult
    func remove(
        on keyHash: UInt64, in keyspace: Keyspace, of transaction: inout WriteTransaction
    ) throws(LMDBError) -> Bool {
        try transaction.delete(Self.claimKey(keyspace.number, keyHash).span, in: table)
    }

    /// The claims on a cache's keys, up to `limit`, from that of `first` on; damaged ones without what they say. O(their number).
    func claims(
        in keyspace: Keyspace, from first: UInt64 = 0, limit: Int = .max,
        of transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws -> [(keyHash: UInt64, claim: Claim?)] {
        try transaction.withCursor(in: table) { cursor in
            var claims: [(keyHash: UInt64, claim: Claim?)] = []
            guard try cursor.move(toFirstNotLess: Self.claimKey(keyspace.number, first).span) else { return claims }
            try cursor.forEach(.next) { key, value in
                guard let entry = Self.entry(key: key), entry.keyspace == keyspace.number, claims.count < limit
                else { return false }
                claims.append((entry.keyHash, Claim(value, keyHash: entry.keyHash)))
                return true
            }
            return claims
        }
    }

    /// Removes every claim on the keys of a cache. O(their number).
    func removeAll(of keyspace: UInt32, in transaction: inout WriteTransaction) throws(LMDBError) {
        try transaction.removeAll(withPrefix: Self.claimKey(keyspace).span, in: table)
    }
}
