internal import CProcessor

/// What a lookup reads of a shard: the index and the blocks.
///
/// It is used under the shard's lock, and without it. Without it, another thread may be changing what is read: a word is read once and whole, and leads nowhere outside
/// the shard's memory, whatever it says. What came of it counts only if the shard's ``SequenceLock`` says that nobody wrote. The memory itself stays mapped for as long
/// as the shard exists (``RetiredMemory``).
@safe
struct ShardView {
    private let index: UnsafeMutableRawPointer
    private let rows: Int
    private let arena: UnsafeRawPointer
    private let arenaByteCount: Int

    @inline(__always)
    init(index: UInt, rows: Int, arena: UInt, arenaByteCount: Int) {
        unsafe self.index = UnsafeMutableRawPointer(bitPattern: index).unsafelyUnwrapped
        self.rows = rows
        unsafe self.arena = UnsafeRawPointer(bitPattern: arena).unsafelyUnwrapped
        self.arenaByteCount = arenaByteCount
    }

    /// An entry that was found, or that there is none.
    @safe
    struct Found {
        /// Where the entry lies, its header first; nil if there is none.
        fileprivate let header: UnsafeRawPointer?
        /// The first word of its header.
        let state: EntryBlock.State
        /// Its mark in the index; of no meaning if there is no entry.
        fileprivate let mark: UnsafeMutableRawPointer

        @inline(__always)
        fileprivate init(header: UnsafeRawPointer?, state: EntryBlock.State, mark: UnsafeMutableRawPointer) {
            unsafe self.header = header
            self.state = state
            unsafe self.mark = mark
        }

        /// There is no entry.
        @inline(__always)
        @unsafe
        fileprivate static func none(_ row: UnsafeMutableRawPointer) -> Found {
            unsafe Found(header: nil, state: .init(word: 0), mark: row)
        }

        /// Whether there is an entry.
        @inline(__always) var isThere: Bool { unsafe header != nil }
    }

    // MARK: Finding

    /// The entry of a key, which is not empty, if there is one.
    @inline(__always)
    func find(_ key: Span<UInt8>, _ fingerprint: UInt32, keyspace: UInt32) -> Found {
        unsafe key.withUnsafeBytes { bytes in
            let key = unsafe Key(start: bytes.baseAddress.unsafelyUnwrapped, count: key.count, keyspace: keyspace)
            let row = unsafe index + EntryIndex.row(fingerprint, of: rows) &* EntryIndex.rowBytes
            let candidates = unsafe larder_words_with_upper_half(row, fingerprint)
            if candidates != 0 {
                let found = unsafe Self.candidate(candidates, of: row, ifIts: key, arena, arenaByteCount)
                if found.isThere { return found }
            } else if unsafe larder_load_racing_8(row + EntryIndex.passedOffset) == 0 {
                return unsafe .none(row)
            }
            return unsafe Self.findAnywhere(key, fingerprint, index, rows, arena, arenaByteCount)
        }
    }

    @unsafe
    private struct Key {
        let start: UnsafeRawPointer
        let count: Int
        let keyspace: UInt32
    }

    /// The entry of a key, if there is one: wherever it stands.
    // Out of line, as it is rare that the first candidate is not the one, and without `self`, so that the rest is done in registers.
    @inline(never)
    @unsafe
    private static func findAnywhere(
        _ key: Key, _ fingerprint: UInt32, _ index: UnsafeMutableRawPointer, _ rows: Int, _ arena: UnsafeRawPointer,
        _ arenaByteCount: Int
    ) -> Found {
        var number = EntryIndex.row(fingerprint, of: rows)
        // All rows could have been passed only while someone wrote.
        for _ in 0..<rows {
            let row = unsafe index + number &* EntryIndex.rowBytes
            var candidates = unsafe larder_words_with_upper_half(row, fingerprint)
            while candidates != 0 {
                let found = unsafe candidate(candidates, of: row, ifIts: key, arena, arenaByteCount)
                if found.isThere { return found }
                candidates &= candidates &- 1
            }
            if unsafe larder_load_racing_8(row + EntryIndex.passedOffset) == 0 { break }
            number = number &+ 1 == rows ? 0 : number &+ 1
        }
        return unsafe .none(index)
    }

    /// The entry in the first of some slots of a row, if it is that of a key.
    ///
    /// The lines behind the header's are asked for before it is looked at: where the key and the value begin is known only once the header has come.
    @inline(__always)
    @unsafe
    private static func candidate(
        _ slots: UInt32, of row: UnsafeMutableRawPointer, ifIts key: Key, _ arena: UnsafeRawPointer,
        _ arenaByteCount: Int
    ) -> Found {
        let slot = slots.trailingZeroBitCount &>> 1
        let offset = unsafe Int(larder_load_racing_32(row + slot &* 8)) &* BlockArena.unit
        // An empty slot leads to offset 0, where no block lies: no key is as long as the words there say, which are 0.
        guard offset < arenaByteCount else { return unsafe .none(row) }
        let header = unsafe arena + offset
        unsafe larder_prefetch(header + 64)
        unsafe larder_prefetch(header + 128)
        let state = unsafe EntryBlock.State(word: larder_load_racing_64(header))
        guard
            unsafe state.keyLength == key.count
                && larder_load_racing_32(header + EntryBlock.keyspaceOffset) == key.keyspace
                && larder_equals_racing(header + state.keyOffset, key.start, UInt64(key.count))
        else { return unsafe .none(row) }
        return unsafe Found(header: header, state: state, mark: row + EntryIndex.marksOffset + slot)
    }

    // MARK: Reading

    /// The block of an entry; 0 if there is none.
    @inline(__always)
    func entry(of found: Found) -> EntryReference {
        guard let header = unsafe found.header else { return 0 }
        return unsafe EntryReference(truncatingIfNeeded: (header - arena) / BlockArena.unit)
    }

    /// When the entry expires, 0 if never.
    @inline(__always)
    func expiry(of found: Found) -> Milliseconds {
        guard found.state.expires, let header = unsafe found.header else { return 0 }
        return unsafe larder_load_racing_64(header + EntryBlock.headerSize)
    }

    /// The bytes of a value that lies in the block, at most ``EntryBlock/inlineLimit``; nil if it lies elsewhere. To be copied by ``RacingBytes/copy(to:)``.
    @inline(__always)
    func inlineValue(of found: Found) -> RacingBytes? {
        guard found.state.isPlain || found.state.form == .inline, let header = unsafe found.header else { return nil }
        let word = unsafe larder_load_racing_32(header + EntryBlock.valueWordOffset)
        let count = Int(word & EntryBlock.valueMask)
        guard count <= EntryBlock.inlineLimit else { return nil }
        return unsafe RacingBytes(start: header + (found.state.keyOffset &+ found.state.keyLength), count: count)
    }

    /// What the block refers to if the value lies elsewhere; nil if it lies in the block.
    @inline(__always)
    func outsideValue(of found: Found) -> OutsideValue? {
        let form = found.state.form
        guard form != .inline, let header = unsafe found.header else { return nil }
        let word = unsafe larder_load_racing_32(header + EntryBlock.valueWordOffset)
        let object = unsafe UnsafeMutableRawPointer(
            bitPattern: UInt(larder_load_racing_64(header + EntryBlock.outsideOffset(found.state))))
        guard let object = unsafe object else { return nil }
        return unsafe OutsideValue(
            object: object, isDecoded: form == .object, cost: Int(word & EntryBlock.valueMask) &* 8)
    }

    // MARK: Hits

    /// Notes that an entry was used, by the rule. If two threads do so at once, one hit may count for both.
    ///
    /// - Returns: Whether it is the first use of the entry in the epoch, which the policy is to count.
    @inline(__always)
    func noteHit(_ found: Found, by rule: HitRule) -> Bool {
        let mark = unsafe UseMark(byte: larder_load_racing_8(found.mark))
        guard mark != rule.fullMark, let header = unsafe found.header else { return false }
        let next = unsafe rule.mark(
            after: mark, queue: found.state.queue, time: larder_load_racing_32(header + EntryBlock.timeOffset))
        guard next != mark else { return false }
        unsafe larder_store_racing_8(found.mark, next.byte)
        return next.epoch != mark.epoch
    }
}

/// Bytes that another thread may be writing.
@safe
struct RacingBytes {
    private let start: UnsafeRawPointer
    let count: Int

    @inline(__always)
    @unsafe
    fileprivate init(start: UnsafeRawPointer, count: Int) {
        unsafe self.start = start
        self.count = count
    }

    /// Copies the bytes to the front of `target`, which must have room for them.
    @inline(__always)
    func copy(to target: UnsafeMutableRawBufferPointer) {
        assert(target.count >= count)
        unsafe larder_copy_racing(target.baseAddress, start, UInt64(count))
    }

    /// The bytes in a new array.
    @inline(__always)
    var array: [UInt8] {
        // Not uninitialized, for which the runtime would look up a type.
        var bytes = [UInt8](repeating: 0, count: count)
        unsafe bytes.withUnsafeMutableBytes { unsafe copy(to: $0) }
        return bytes
    }
}

/// A value outside its entry's block, not yet retained.
@safe
struct OutsideValue {
    private let object: UnsafeMutableRawPointer
    /// Whether it is a decoded value, not an array of bytes.
    let isDecoded: Bool
    private let cost: Int

    @inline(__always)
    @unsafe
    fileprivate init(object: UnsafeMutableRawPointer, isDecoded: Bool, cost: Int) {
        unsafe self.object = object
        self.isDecoded = isDecoded
        self.cost = cost
    }

    /// Retains the value. Under the shard's lock, or in one of ``RetainSections`` that began before the value was found, after it has proved to be what stood there.
    @inline(__always)
    @unsafe
    func retain() -> MemoryValue {
        let object = unsafe Unmanaged<AnyObject>.fromOpaque(larder_retain(object)).takeRetainedValue()
        guard isDecoded else { return unsafe .bytes(unsafeDowncast(object, to: OutsideBytes.self).bytes) }
        // Only what is Sendable is ever put into a block.
        return unsafe .object(unsafeBitCast(object, to: (any AnyObject & Sendable).self), cost: cost)
    }
}
