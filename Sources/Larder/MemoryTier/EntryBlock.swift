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
/// | 0 | 8 | version (47 bits), key length (9), where the key begins (2), queue (1), form (2), whether it expires (1), and two bits of the arena |
/// | 8 | 8 | the newer and the older neighbour in the policy's queue |
/// | 16 | 8 | fingerprint, and the policy's time |
/// | 24 | 8 | keyspace, and the value's length or cost with the block's slack |
/// | 32 | 16 | only if it expires: the deadline, and the neighbours in the timer wheel |
/// | then | 8 | only if the value lies elsewhere: the reference to it |
/// | then | | the key, and the value if it lies here |
enum EntryBlock {
    /// The header's bytes without its optional parts.
    static let headerSize = 32
    static let timeOffset = 20
    static let keyspaceOffset = 24
    static let valueWordOffset = 28
    /// Bits 0-28 of the value word: the inline value's bytes, or the cost of one elsewhere in units of 8.
    static let valueMask: UInt32 = 0x1FFF_FFFF
    /// A longer value lives in an allocation of its own, so that a reader can borrow it without a copy.
    static let inlineLimit = 1024
    /// The largest cost of a value elsewhere, in bytes: 2^29 units of 8.
    static let largestCost = Int(UInt32.max) - 7
    /// The largest version that fits.
    static let largestVersion = (UInt64(1) << 47) - 1

    /// Where the reference to a value elsewhere lies.
    @inline(__always)
    static func outsideOffset(_ state: State) -> Int { headerSize + (state.expires ? 16 : 0) }

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
            // In words behind the header's fixed part.
            word |= UInt64((expires ? 2 : 0) + (form == .inline ? 0 : 1)) << 56
        }

        @inline(__always) var version: UInt64 { word & EntryBlock.largestVersion }
        @inline(__always) var keyLength: Int { Int(word >> 47 & 0x1FF) }
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

        /// Whether the value lies in the block and does not expire, as most do.
        @inline(__always) var isPlain: Bool { word & (Self.expires | 3 << 59) == 0 }

        /// The bytes before the key.
        @inline(__always) var keyOffset: Int {
            EntryBlock.headerSize &+ Int(truncatingIfNeeded: word >> 53 & 0x18)
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

    func keyspace(_ entry: Reference) -> UInt32 { load(entry, EntryBlock.keyspaceOffset, as: UInt32.self) }

    /// ``EntryBlock/valueMask``, and in bits 29-30 the units by which the block is too large.
    @inline(__always)
    func valueWord(_ entry: Reference) -> UInt32 { load(entry, EntryBlock.valueWordOffset, as: UInt32.self) }

    /// The bytes that a value elsewhere is counted as, 0 for one in the block.
    @inline(__always)
    func outsideCost(_ entry: Reference) -> Int {
        state(entry).form == .inline ? 0 : Int(truncatingIfNeeded: valueWord(entry) & EntryBlock.valueMask) &* 8
    }

    /// The units that an entry needs.
    @inline(__always)
    static func units(keyOffset: Int, keyLength: Int, inlineLength: Int) -> UInt32 {
        // None of the three has more than 29 bits.
        UInt32(truncatingIfNeeded: (keyOffset &+ keyLength &+ inlineLength &+ unit &- 1) / unit)
    }

    /// The units of the block of an entry, slack included.
    @inline(__always)
    func units(_ entry: Reference) -> UInt32 {
        let state = state(entry)
        let word = valueWord(entry)
        let length = state.form == .inline ? Int(truncatingIfNeeded: word & EntryBlock.valueMask) : 0
        return Self.units(keyOffset: state.keyOffset, keyLength: state.keyLength, inlineLength: length) &+ word &>> 29
    }

    /// When the entry expires, 0 if never.
    @inline(__always)
    func expiry(_ entry: Reference) -> Milliseconds {
        state(entry).expires ? load(entry, 32, as: UInt64.self) : 0
    }

    /// A copy of the key.
    func key(_ entry: Reference) -> [UInt8] {
        let state = state(entry)
        return unsafe Array(memory.bytes(at: Int(entry) * Self.unit + state.keyOffset, count: state.keyLength))
    }
}
