/// An entry that wants to be kept. The bytes of its key, and those of its value if they lie in its block, are not in here.
struct NewEntry: ~Copyable, Sendable {
    let fingerprint: UInt32
    let keyspace: UInt32
    /// The durable tier's transaction that the value is from.
    let version: UInt64
    /// When it expires, 0 if never.
    let expiry: Milliseconds
    let form: EntryBlock.Form
    /// What the block refers to, if the value does not lie in it.
    let outside: (any AnyObject & Sendable)?
    /// The inline value's bytes, or the cost of one elsewhere in units of 8.
    let valueWord: UInt32
    /// The units of its block, slack aside.
    let units: UInt32

    /// Describes an entry, or returns nil if its numbers are too large for a header.
    init?(
        _ value: MemoryValue, keyLength: Int, hash: UInt64, keyspace: UInt32, version: UInt64, expiry: Milliseconds
    ) {
        let content: Content
        switch value {
        case .bytes(let bytes) where bytes.count <= EntryBlock.inlineLimit: content = .inline(bytes.count)
        case .bytes(let bytes): content = .array(OutsideBytes(bytes))
        case .object(let object, let cost): content = .object(object, cost: max(0, cost))
        }
        self.init(
            content, keyLength: keyLength, hash: hash, keyspace: keyspace, version: version, expiry: expiry)
    }

    /// Describes an entry of these bytes, which are copied only if they are too many for its block.
    init?(
        _ bytes: Span<UInt8>, keyLength: Int, hash: UInt64, keyspace: UInt32, version: UInt64, expiry: Milliseconds
    ) {
        let isInline = bytes.count <= EntryBlock.inlineLimit
        self.init(
            isInline ? .inline(bytes.count) : .array(OutsideBytes([UInt8](copying: bytes))),
            keyLength: keyLength, hash: hash, keyspace: keyspace, version: version, expiry: expiry)
    }

    /// What an entry holds, and where.
    private enum Content {
        case inline(Int)
        case array(OutsideBytes)
        case object(any AnyObject & Sendable, cost: Int)
    }

    @inline(__always)
    private init?(
        _ content: Content, keyLength: Int, hash: UInt64, keyspace: UInt32, version: UInt64, expiry: Milliseconds
    ) {
        let form: EntryBlock.Form
        let outside: (any AnyObject & Sendable)?
        var inlineLength = 0
        var cost = 0
        switch content {
        case .inline(let count):
            form = .inline
            outside = nil
            inlineLength = count
        case .array(let bytes):
            form = .array
            outside = bytes
            cost = OutsideBytes.cost(of: bytes.bytes)
        case .object(let object, let objectCost):
            form = .object
            outside = object
            cost = objectCost
        }
        guard version <= EntryBlock.largestVersion, keyLength <= 511, cost <= EntryBlock.largestCost else { return nil }
        self.fingerprint = UInt32(truncatingIfNeeded: hash)
        self.keyspace = keyspace
        self.version = version
        self.expiry = expiry
        self.form = form
        self.outside = outside
        valueWord = form == .inline ? UInt32(inlineLength) : UInt32((cost + 7) / 8)
        let state = EntryBlock.State(version: 0, keyLength: keyLength, form: form, expires: expiry != 0)
        units = BlockArena.units(keyOffset: state.keyOffset, keyLength: keyLength, inlineLength: inlineLength)
    }

    /// What the entry will count: its block, and its value elsewhere.
    var weight: Int { Int(units) * BlockArena.unit + outsideCost }

    /// The bytes that the value counts outside the arena.
    var outsideCost: Int { form == .inline ? 0 : Int(valueWord) * 8 }
}

/// Bytes too many for a block: an array behind one reference.
final class OutsideBytes: Sendable {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The memory of the array and of the object that holds it: their headers, and what the allocator adds to each (16 bytes) and rounds up to.
    static func cost(of bytes: [UInt8]) -> Int {
        (bytes.capacity + 32 + 16 + 15) / 16 * 16 + 48
    }
}
