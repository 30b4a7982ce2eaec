/// Finds the entries whose time has come without looking at the others: five wheels of 64 buckets, each turning 64 times as slowly as the one before.
///
/// Varghese and Lauck, "Hashed and hierarchical timing wheels" (SOSP 1987). A bucket of the first wheel stands for 1.024 seconds, one of the last for
/// 199 days. The buckets are doubly linked through the entries. There is no thread and no timer: callers turn the wheel.
///
/// Time comes from outside, and may jump. Forward: everything up to the new time is due at once. Back by more than a minute: every entry is linked
/// anew for the new time, once; back by less: what is due waits for the clock to be where it was.
struct TimerWheel: Sendable {
    private static let levels = 5
    private static let slots = 64
    /// Marks a `previous` link that names a bucket.
    private static let isBucket: UInt32 = 1 << 31

    private var heads = [EntryReference](repeating: 0, count: levels * slots)
    /// For each level, a bit for each bucket that is not empty.
    private var occupied = [UInt64](repeating: 0, count: levels)
    /// Beyond so many ticks, three days, it is quicker to link every entry anew than to walk.
    private static let longestWalk: UInt64 = 64 * 64 * 64
    /// So many ticks, a minute, the clock may go back before every entry is linked anew.
    private static let longestWait: UInt64 = 64

    /// All ticks before this one are done. Starts at 1970; the first look at the clock brings it up to date.
    private var tick: UInt64 = 0
    /// The number of entries.
    private(set) var count = 0

    /// The memory of the buckets, in bytes.
    static var byteCount: Int { levels * (slots * 4 + 8) }

    /// The bucket's time that a time falls into.
    static func tick(of time: Milliseconds) -> UInt64 { time >> 10 }

    /// Adds an entry that expires at the time in its header.
    mutating func insert(_ entry: EntryReference, in arena: borrowing BlockArena) {
        count += 1
        link(entry, in: arena)
    }

    private mutating func link(_ entry: EntryReference, in arena: borrowing BlockArena) {
        // An entry is due when the whole of its tick has passed.
        let due = max(Self.tick(of: arena.expiry(entry)) + 1, tick)
        let distance = due - tick
        var level = 0
        while level + 1 < Self.levels, distance >> UInt64(6 * (level + 1)) != 0 { level += 1 }
        let farthest = tick + (63 << UInt64(6 * level))
        let slot = Int(min(due, farthest) >> UInt64(6 * level) & 63)
        let bucket = level * Self.slots + slot
        let head = heads[bucket]
        arena.store(head, entry, 40)
        arena.store(Self.isBucket | UInt32(bucket), entry, 44)
        if head != 0 { arena.store(entry, head, 44) }
        heads[bucket] = entry
        occupied[level] |= 1 << UInt64(slot)
    }

    /// Takes an entry out.
    mutating func remove(_ entry: EntryReference, in arena: borrowing BlockArena) {
        count -= 1
        unlink(entry, in: arena)
    }

    private mutating func unlink(_ entry: EntryReference, in arena: borrowing BlockArena) {
        let next = arena.load(entry, 40, as: UInt32.self)
        let previous = arena.load(entry, 44, as: UInt32.self)
        if next != 0 { arena.store(previous, next, 44) }
        if previous & Self.isBucket == 0 {
            arena.store(next, previous, 40)
        } else {
            let bucket = Int(previous & ~Self.isBucket)
            heads[bucket] = next
            if next == 0 { occupied[bucket / Self.slots] &= ~(1 << UInt64(bucket % Self.slots)) }
        }
    }

    /// Records that an entry has moved to another block, which has its links.
    mutating func replace(_ entry: EntryReference, by other: EntryReference, in arena: borrowing BlockArena) {
        let next = arena.load(other, 40, as: UInt32.self)
        let previous = arena.load(other, 44, as: UInt32.self)
        if next != 0 { arena.store(other, next, 44) }
        if previous & Self.isBucket == 0 {
            arena.store(other, previous, 40)
        } else {
            heads[Int(previous & ~Self.isBucket)] = other
        }
    }

    /// Turns the wheel towards `now` and returns the next entry that is due, which stays in the wheel until it is removed.
    ///
    /// - Parameter budget: How many steps may be taken; reduced by those that were. A step moves an entry or the wheel.
    mutating func nextDue(now: Milliseconds, budget: inout Int, in arena: borrowing BlockArena) -> EntryReference? {
        let end = Self.tick(of: now)
        if end > tick ? end - tick > Self.longestWalk : tick - end > Self.longestWait { jump(to: end, in: arena) }
        while count > 0, tick <= end, budget > 0 {
            budget -= 1
            if cascade(in: arena) { continue }
            let due = heads[Int(tick & 63)]
            if due != 0 { return due }
            advance(atMostTo: end + 1)
        }
        if count == 0, end > tick { tick = end }
        return nil
    }

    /// Moves one entry of a slower wheel, whose bucket begins now, to a faster one. Returns false if there is none.
    private mutating func cascade(in arena: borrowing BlockArena) -> Bool {
        var level = 1
        while level < Self.levels, tick & ((1 << UInt64(6 * level)) - 1) == 0 {
            let bucket = level * Self.slots + Int(tick >> UInt64(6 * level) & 63)
            let entry = heads[bucket]
            if entry != 0 {
                unlink(entry, in: arena)
                link(entry, in: arena)
                return true
            }
            level += 1
        }
        return false
    }

    /// Goes on to the next tick at which something may happen: an occupied bucket of the first wheel, or its next turn.
    private mutating func advance(atMostTo end: UInt64) {
        let next = tick + 1
        let turn = (next + 63) & ~63
        let rest = next & 63 == 0 ? 0 : occupied[0] >> (next & 63)
        let step = rest == 0 ? turn : next + UInt64(rest.trailingZeroBitCount)
        tick = min(step, end)
    }

    /// Goes to a tick far away in one stride and links every entry anew. O(entries).
    private mutating func jump(to end: UInt64, in arena: borrowing BlockArena) {
        var entries: [EntryReference] = []
        for bucket in heads.indices {
            while heads[bucket] != 0 {
                entries.append(heads[bucket])
                unlink(heads[bucket], in: arena)
            }
        }
        tick = end
        for entry in entries { link(entry, in: arena) }
    }

    /// Forgets every entry.
    mutating func removeAll() {
        for index in heads.indices { heads[index] = 0 }
        for index in occupied.indices { occupied[index] = 0 }
        count = 0
    }
}
