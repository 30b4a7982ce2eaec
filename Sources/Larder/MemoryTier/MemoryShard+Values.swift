extension MemoryShard {
    /// Whether there is an entry of the key that is not older than `floor`.
    func holds(_ key: MemoryKey, floor: UInt64) -> Bool {
        let entry = entries.find(key.bytes.span, UInt32(truncatingIfNeeded: key.hash), keyspace: key.keyspace)
        return entry != 0 && entries.arena.state(entry).version >= floor
    }

    /// The valid entry of a key, and whether ``takeLeftovers()`` is due.
    @inline(__always)
    mutating func lookup(
        _ key: Span<UInt8>, hash: UInt64, keyspace: UInt32, isSampled: Bool, floor: UInt64, now: () -> Milliseconds
    ) -> (MemoryTier.Hit?, needsCare: Bool) {
        var needsCare = false
        let entry = find(
            key, hash: hash, keyspace: keyspace, isSampled: isSampled, floor: floor, now: now, needsCare: &needsCare)
        guard entry != 0 else { return (nil, needsCare) }
        return (MemoryTier.Hit(value: value(entry), expiry: entries.arena.expiry(entry)), needsCare)
    }

    /// Copies the bytes of the valid entry of a key, if they fit, and tells whether ``takeLeftovers()`` is due.
    @inline(__always)
    mutating func copyValue(
        for key: Span<UInt8>, hash: UInt64, keyspace: UInt32, isSampled: Bool, floor: UInt64, now: () -> Milliseconds,
        into buffer: inout MutableSpan<UInt8>
    ) -> (Int?, needsCare: Bool) {
        var needsCare = false
        let entry = find(
            key, hash: hash, keyspace: keyspace, isSampled: isSampled, floor: floor, now: now, needsCare: &needsCare)
        return (entry == 0 ? nil : copyBytes(entry, into: &buffer), needsCare)
    }

    /// Copies the bytes of the valid entry of a key to the stack, or holds those that lie elsewhere, and tells whether ``takeLeftovers()`` is due.
    @inline(__always)
    mutating func borrow(
        _ key: Span<UInt8>, hash: UInt64, keyspace: UInt32, isSampled: Bool, floor: UInt64, now: () -> Milliseconds,
        into borrowed: inout BorrowedValue
    ) -> Bool {
        var needsCare = false
        let entry = find(
            key, hash: hash, keyspace: keyspace, isSampled: isSampled, floor: floor, now: now, needsCare: &needsCare)
        guard entry != 0 else { return needsCare }
        borrowed.expiry = entries.arena.expiry(entry)
        let state = entries.arena.state(entry)
        switch state.form {
        case .inline:
            let bytes = unsafe entries.arena.inlineValue(entry)
            unsafe borrowed.scratch.copyMemory(from: bytes)
            borrowed.count = bytes.count
        case .array:
            borrowed.outside = unsafe unsafeDowncast(entries.outsideObject(entry, state), to: OutsideBytes.self)
        case .object: break
        }
        return needsCare
    }

    /// The value of an entry: retained if it lies elsewhere, copied into a new array if it lies in the block.
    @inline(__always)
    func value(_ entry: EntryReference) -> MemoryValue {
        let state = entries.arena.state(entry)
        switch state.form {
        case .inline:
            return unsafe .bytes(Array(entries.arena.inlineValue(entry)))
        case .array:
            return unsafe .bytes(unsafeDowncast(entries.outsideObject(entry, state), to: OutsideBytes.self).bytes)
        case .object:
            return .object(entries.outsideObject(entry, state), cost: entries.arena.outsideCost(entry))
        }
    }

    /// Copies the bytes of an entry's value as far as they fit, and returns how many there are; nil if it holds an object.
    @inline(__always)
    mutating func copyBytes(_ entry: EntryReference, into buffer: inout MutableSpan<UInt8>) -> Int? {
        guard entries.arena.state(entry).form == .inline else { return copyOutsideBytes(entry, into: &buffer) }
        let bytes = unsafe entries.arena.inlineValue(entry)
        unsafe buffer.withUnsafeMutableBytes { target in
            guard target.count >= bytes.count else { return }
            unsafe target.copyMemory(from: bytes)
        }
        return bytes.count
    }

    // Mutating only so that it is lent the shard where it lies: a call out of line would be given a copy.
    @inline(never)
    private mutating func copyOutsideBytes(_ entry: EntryReference, into buffer: inout MutableSpan<UInt8>) -> Int? {
        let state = entries.arena.state(entry)
        guard state.form == .array else { return nil }
        let bytes = unsafe unsafeDowncast(entries.outsideObject(entry, state), to: OutsideBytes.self).bytes
        buffer.copyIfFitting(bytes.span)
        return bytes.count
    }

    /// Whether the last step left something to be done without the lock.
    var needsCare: Bool { entries.removed.isPending || feed.isFull || wantsShadows }

    /// Takes what is to be done without the lock.
    mutating func takeLeftovers() -> (
        objects: [any AnyObject & Sendable], notices: [RemovalNotice], accesses: [ShadowFeed.Access], wantsShadows: Bool
    ) {
        let leftovers = (entries.removed.objects, entries.removed.notices, feed.isFull ? feed.take() : [], wantsShadows)
        entries.removed.clear()
        wantsShadows = false
        return leftovers
    }
}

/// The bytes of a value on their way to a borrower: copied to `scratch`, or held where they lie.
@safe
struct BorrowedValue {
    let scratch: UnsafeMutableRawBufferPointer
    /// How many bytes were copied; -1 if none were.
    var count = -1
    var outside: OutsideBytes?
    var expiry: Milliseconds = 0

    init(scratch: UnsafeMutableRawBufferPointer) {
        unsafe self.scratch = scratch
    }
}
