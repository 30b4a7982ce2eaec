#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The form of an entry in its block: the header that a lookup reads, the key, and a value of up to ``EntryBlock/inlineLimit`` bytes, all
/// side by side.
///
/// | offset | bytes | |
/// | --- | --- | --- |
/// | 0 | 8 | version (47 bits), key length (9), hits (2), queue (1), form (2), whether it expires (1), and two bits of the arena |
/// | 8 | 8 | the newer and the older neighbour in the policy's queue |
/// | 16 | 8 | fingerprint, the policy's time (28 bits) and epoch (4) |
/// | 24 | 8 | keyspace, and the value's length or cost with the block's slack |
/// | 32 | 16 | only if it expires: the deadline, and the neighbours in the timer wheel |
/// | then | 8 | only if the value lies elsewhere: the reference to it |
/// | then | | the key, and the value if it lies here |
enum EntryBlock {
    /// The header's bytes without its optional parts.
    static let headerSize = 32
    /// A longer value lives in an allocation of its own, so that a reader can borrow it without a copy.
    static let inlineLimit = 1024
    /// The largest cost of a value elsewhere, in bytes: 2^29 units of 8.
    static let largestCost = Int(UInt32.max) - 7
    /// The largest version that fits.
    static let largestVersion = (UInt64(1) << 47) - 1

    /// Where and how the value is kept.
    enum Form: UInt64 {
        /// In the block, as bytes.
        case inline = 0
        /// Elsewhere, as an array of bytes.
        case array = 1
        /// Elsewhere, as a decoded object.
        case object = 2
    }

    /// The first word of a header.
    struct State {
        var word: UInt64

        static let expires: UInt64 = 1 << 61

        @inline(__always)
        init(word: UInt64) {
            self.word = word
        }

        init(version: UInt64, keyLength: Int, form: Form, expires: Bool) {
            word = version | UInt64(keyLength) << 47 | form.rawValue << 59 | (expires ? Self.expires : 0)
        }

        @inline(__always) var version: UInt64 { word & EntryBlock.largestVersion }
        @inline(__always) var keyLength: Int { Int(word >> 47 & 0x1FF) }
        @inline(__always) var hits: UInt8 {
            get { UInt8(truncatingIfNeeded: word >> 56 & 3) }
            set { word = word & ~(3 << 56) | UInt64(newValue) << 56 }
        }
        @inline(__always) var queue: QueueKind {
            get { word & 1 << 58 == 0 ? .window : .main }
            set { word = word & ~(1 << 58) | UInt64(newValue.rawValue) << 58 }
        }
        @inline(__always) var form: Form {
            switch word >> 59 & 3 {
            case 0: .inline
            case 1: .array
            default: .object
            }
        }
        @inline(__always) var expires: Bool { word & Self.expires != 0 }

        /// The bytes before the key.
        @inline(__always) var keyOffset: Int {
            EntryBlock.headerSize + (expires ? 16 : 0) + (word & 3 << 59 == 0 ? 0 : 8)
        }
    }
}

extension BlockArena {
    /// The first word of an entry.
    @inline(__always)
    func state(_ entry: Reference) -> EntryBlock.State { .init(word: load(entry, 0, as: UInt64.self)) }

    @inline(__always)
    func setState(_ state: EntryBlock.State, _ entry: Reference) { store(state.word, entry, 0) }

    func fingerprint(_ entry: Reference) -> UInt32 { load(entry, 16, as: UInt32.self) }

    func keyspace(_ entry: Reference) -> UInt32 { load(entry, 24, as: UInt32.self) }

    /// Bits 0-28: the inline value's bytes, or the cost of one elsewhere in units of 8. Bits 29-30: the units by which the block is too large.
    @inline(__always)
    func valueWord(_ entry: Reference) -> UInt32 { load(entry, 28, as: UInt32.self) }

    @inline(__always)
    func inlineLength(_ entry: Reference) -> Int { Int(valueWord(entry) & 0x1FFF_FFFF) }

    /// The bytes that a value elsewhere is counted as, 0 for one in the block.
    func outsideCost(_ entry: Reference) -> Int {
        state(entry).form == .inline ? 0 : Int(valueWord(entry) & 0x1FFF_FFFF) * 8
    }

    /// The units that an entry needs.
    static func units(keyOffset: Int, keyLength: Int, inlineLength: Int) -> UInt32 {
        UInt32((keyOffset + keyLength + inlineLength + unit - 1) / unit)
    }

    /// The units of the block of an entry, slack included.
    func units(_ entry: Reference) -> UInt32 {
        let state = state(entry)
        let word = valueWord(entry)
        let length = state.form == .inline ? Int(word & 0x1FFF_FFFF) : 0
        return Self.units(keyOffset: state.keyOffset, keyLength: state.keyLength, inlineLength: length) + word >> 29
    }

    /// When the entry expires, 0 if never.
    @inline(__always)
    func expiry(_ entry: Reference) -> Milliseconds {
        state(entry).expires ? load(entry, 32, as: UInt64.self) : 0
    }

    @inline(__always)
    func outsideOffset(_ state: EntryBlock.State) -> Int { EntryBlock.headerSize + (state.expires ? 16 : 0) }

    /// Whether the entry is that of a key.
    ///
    /// The lines behind the header's are asked for first: where the key and the value begin is known only once the header has come.
    @inline(__always)
    func matches(_ entry: Reference, _ key: Span<UInt8>, keyspace: UInt32) -> Bool {
        memory.prefetch(Int(entry) * Self.unit + 64)
        memory.prefetch(Int(entry) * Self.unit + 128)
        let state = state(entry)
        guard state.keyLength == key.count, self.keyspace(entry) == keyspace else { return false }
        let offset = Int(entry) * Self.unit + state.keyOffset
        return unsafe key.withUnsafeBytes { key in
            unsafe memory.bytes(at: offset, count: key.count).isEqual(to: key)
        }
    }

    /// A copy of the key.
    func key(_ entry: Reference) -> [UInt8] {
        let state = state(entry)
        return unsafe Array(memory.bytes(at: Int(entry) * Self.unit + state.keyOffset, count: state.keyLength))
    }

    /// The bytes of a value in the block, valid until the arena changes.
    @inline(__always)
    @unsafe
    func inlineValue(_ entry: Reference) -> UnsafeRawBufferPointer {
        let state = state(entry)
        return unsafe memory.bytes(
            at: Int(entry) * Self.unit + state.keyOffset + state.keyLength, count: inlineLength(entry))
    }
}
