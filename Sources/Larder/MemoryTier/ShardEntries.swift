/// The entries of a shard: their blocks, the index over them, and the wheel of those that expire, kept in step.
///
/// It ranks nothing: that is the policy's, to which it lends the fields in the headers (``PolicyEntries``).
struct ShardEntries: ~Copyable, Sendable {
    private(set) var arena: BlockArena
    private(set) var index: EntryIndex
    private(set) var wheel = TimerWheel()
    /// The bytes that values elsewhere are counted as.
    private(set) var outsideBytes = 0
    /// The blocks' bytes and `outsideBytes`: the entries' weight.
    private(set) var weight = 0
    /// Why entries are being discarded just now.
    var cause = RemovalCause.size
    /// What was removed and must be seen to after the lock is let go.
    var removed = RemovedEntries()

    init(byteCount: Int) {
        arena = BlockArena(byteCount: byteCount)
        index = EntryIndex(largestByteCount: Self.largestIndex(byteCount))
    }

    /// The most that an index can take: 64 bytes for seven ninths of seven entries, which have 40 bytes at least.
    private static func largestIndex(_ byteCount: Int) -> Int { byteCount / 3 }

    @inline(__always)
    var count: Int { index.count }

    /// The bytes charged to the budget: memory touched by the arena, the index, the lists, and values elsewhere.
    @inline(__always)
    var byteCount: Int {
        arena.touchedBytes + index.byteCount + BlockArena.tableByteCount + TimerWheel.byteCount + outsideBytes
    }

    // MARK: Finding

    /// The entry of a key, or 0.
    @inline(__always)
    func find(_ key: Span<UInt8>, _ fingerprint: UInt32, keyspace: UInt32) -> EntryReference {
        return view.entry(of: view.find(key, fingerprint, keyspace: keyspace))
    }

    /// The transaction that an entry is from.
    func version(of entry: EntryReference) -> UInt64 { arena.state(entry).version }

    /// What a lookup reads.
    @inline(__always)
    var view: ShardView {
        ShardView(
            index: index.address, rows: index.rows, arena: arena.memory.address, arenaByteCount: arena.memory.byteCount)
    }

    // MARK: Adding

    /// Writes an entry into a block that was allocated for it. The index must have a place for its fingerprint.
    ///
    /// - Parameters:
    ///   - bytes: The value, if it is to lie in the block.
    ///   - mark: That of a newcomer; see ``EvictionPolicy/mark(ofNewcomerWith:)``.
    mutating func write(
        _ new: borrowing NewEntry, key: Span<UInt8>, bytes: Span<UInt8>, at block: EntryReference, slack: UInt32,
        mark: UseMark
    ) {
        let state = EntryBlock.State(
            version: new.version, keyLength: key.count, form: new.form, expires: new.expiry != 0)
        arena.setState(state, block)
        arena.store(new.fingerprint, block, 16)
        arena.store(new.keyspace, block, EntryBlock.keyspaceOffset)
        arena.store(new.valueWord | slack << 29, block, EntryBlock.valueWordOffset)
        if state.expires { arena.store(new.expiry, block, 32) }
        let keyStart = Int(block) * BlockArena.unit + state.keyOffset
        arena.memory.write(key, at: keyStart)
        if let outside = new.outside {
            storeOutside(outside, block, state)
        } else {
            arena.memory.write(bytes, at: keyStart + key.count)
        }
        index.insert(block, new.fingerprint, mark: mark)
        weight += weight(of: block)
        outsideBytes += arena.outsideCost(block)
        if state.expires { wheel.insert(block, in: arena) }
    }

    /// Allocates a block whose last unit lies below `limit` units.
    mutating func allocate(_ units: UInt32, limit: Int) -> (block: EntryReference, slack: UInt32)? {
        arena.allocate(units, limit: limit)
    }

    /// Grows the index; see ``EntryIndex/grow(for:)``.
    mutating func growIndex(for expected: Int) -> Bool { index.grow(for: expected) }

    /// Shrinks the index; see ``EntryIndex/shrink()``.
    mutating func shrinkIndex() { index.shrink() }

    // MARK: Values elsewhere

    private func storeOutside(_ object: AnyObject, _ entry: EntryReference, _ state: EntryBlock.State) {
        let address = unsafe UInt(bitPattern: Unmanaged.passRetained(object).toOpaque())
        arena.store(address, entry, EntryBlock.outsideOffset(state))
    }

    /// Only ``NewEntry/outside``, which is Sendable, is ever put into a block.
    @inline(__always)
    private static func sendable(_ object: AnyObject) -> any AnyObject & Sendable {
        unsafe unsafeBitCast(object, to: (any AnyObject & Sendable).self)
    }

    @inline(__always)
    private func unmanaged(_ entry: EntryReference, _ state: EntryBlock.State) -> Unmanaged<AnyObject> {
        let address = arena.load(entry, EntryBlock.outsideOffset(state), as: UInt.self)
        return unsafe Unmanaged.fromOpaque(UnsafeRawPointer(bitPattern: address)!)
    }

    // MARK: Removing

    /// Removes an entry that stands in no queue, and frees its block.
    mutating func remove(_ entry: EntryReference, cause: RemovalCause) {
        detach(entry, cause: cause)
        arena.free(entry, units: arena.units(entry))
    }

    /// Removes an entry from everything but the arena.
    private mutating func detach(_ entry: EntryReference, cause: RemovalCause) {
        let state = arena.state(entry)
        if removed.isObserved {
            removed.notices.append(.init(keyspace: arena.keyspace(entry), key: arena.key(entry), cause: cause))
        }
        removed.counts[cause] += 1
        if state.form != .inline {
            // Dropped after the lock: the object may run code as it goes.
            unsafe removed.objects.append(Self.sendable(unmanaged(entry, state).takeRetainedValue()))
            outsideBytes -= arena.outsideCost(entry)
        }
        weight -= weight(of: entry)
        if state.expires { wheel.remove(entry, in: arena) }
        index.remove(entry, arena.fingerprint(entry))
    }

    /// Drops everything at once.
    mutating func removeAll() {
        var objects: [any AnyObject & Sendable] = []
        forEach { entry in
            let state = arena.state(entry)
            if state.form != .inline {
                unsafe objects.append(Self.sendable(unmanaged(entry, state).takeRetainedValue()))
            }
        }
        removed.objects += objects
        index.removeAll()
        wheel.removeAll()
        arena.removeAll()
        outsideBytes = 0
        weight = 0
    }

    deinit {
        forEach { entry in
            let state = arena.state(entry)
            if state.form != .inline { unsafe unmanaged(entry, state).release() }
        }
    }

    // MARK: Moving

    /// Lowers the arena's frontier to at most `end` units. Entries beyond it move down; those for which there is no block are handed to `giveUp`, which
    /// takes them out of their queue.
    mutating func lowerFrontier(to end: Int, policy: inout EvictionPolicy) {
        let beyond = arena.cut(at: end) { $0.units($1) }
        for entry in beyond {
            let units = arena.units(entry) - arena.valueWord(entry) >> 29
            if let (block, slack) = arena.allocate(units, limit: Int(arena.frontier)) {
                move(entry, to: block, units: units, slack: slack, policy: &policy)
            } else {
                policy.remove(entry, in: &self)
                detach(entry, cause: .size)
            }
        }
        arena.discardBeyondFrontier()
    }

    /// Gives back what was touched beyond the frontier, if anything was.
    mutating func discardBeyondFrontier() {
        if arena.touchedBytes > arena.frontierBytes { arena.discardBeyondFrontier() }
    }

    private mutating func move(
        _ entry: EntryReference, to block: EntryReference, units: UInt32, slack: UInt32, policy: inout EvictionPolicy
    ) {
        let oldWeight = weight(of: entry)
        arena.memory.move(
            from: Int(entry) * BlockArena.unit, to: Int(block) * BlockArena.unit, count: Int(units) * BlockArena.unit)
        arena.store(arena.load(block, 0, as: UInt64.self) & ~BlockArena.followsFree, block, 0)
        arena.store(
            arena.valueWord(block) & EntryBlock.valueMask | slack << 29, block, EntryBlock.valueWordOffset)
        policy.replace(entry, by: block, oldWeight: oldWeight, in: &self)
        index.replace(entry, by: block, arena.fingerprint(block))
        if arena.state(block).expires { wheel.replace(entry, by: block, in: arena) }
        weight += weight(of: block) - oldWeight
    }

    /// Makes address space for `byteCount` bytes of entries.
    mutating func reserve(byteCount: Int) {
        arena.reserve(byteCount: byteCount)
        index.reserve(byteCount: Self.largestIndex(byteCount))
    }

    // MARK: Enumeration and expiry

    /// Calls `body` with every entry, in order of address.
    func forEach(_ body: (EntryReference) -> Void) {
        arena.forEachBlock(size: { $0.units($1) }, body)
    }

    /// The next entry that has expired; see ``TimerWheel/nextDue(now:budget:in:)``.
    mutating func nextDue(now: Milliseconds, budget: inout Int) -> EntryReference? {
        wheel.nextDue(now: now, budget: &budget, in: arena)
    }
}

extension ShardEntries: PolicyEntries {
    @inline(__always)
    func weight(of entry: EntryReference) -> Int {
        Int(arena.units(entry)) * BlockArena.unit + arena.outsideCost(entry)
    }
    func fingerprint(of entry: EntryReference) -> UInt32 { arena.fingerprint(entry) }
    func mark(of entry: EntryReference) -> UseMark { index.mark(of: entry, arena.fingerprint(entry)) }
    mutating func setMark(_ mark: UseMark, of entry: EntryReference) {
        index.setMark(mark, of: entry, arena.fingerprint(entry))
    }
    @inline(__always)
    func time(of entry: EntryReference) -> UInt32 { arena.load(entry, EntryBlock.timeOffset, as: UInt32.self) }
    mutating func setTime(_ time: UInt32, of entry: EntryReference) { arena.store(time, entry, EntryBlock.timeOffset) }
    @inline(__always)
    func queue(of entry: EntryReference) -> QueueKind { arena.state(entry).queue }
    mutating func setQueue(_ queue: QueueKind, of entry: EntryReference) {
        var state = arena.state(entry)
        state.queue = queue
        arena.setState(state, entry)
    }
    func newer(than entry: EntryReference) -> EntryReference { arena.load(entry, 8, as: UInt32.self) }
    mutating func setNewer(_ neighbour: EntryReference, than entry: EntryReference) { arena.store(neighbour, entry, 8) }
    func older(than entry: EntryReference) -> EntryReference { arena.load(entry, 12, as: UInt32.self) }
    mutating func setOlder(_ neighbour: EntryReference, than entry: EntryReference) {
        arena.store(neighbour, entry, 12)
    }
    @inline(__always)
    func prefetch(_ entry: EntryReference) {
        index.prefetch(arena.fingerprint(entry))
        // To be joined with the block if it is free.
        arena.prefetch(entry + arena.units(entry))
        arena.prefetch(newer(than: entry))
    }
    mutating func discard(_ victim: EntryReference) {
        remove(victim, cause: cause)
    }
}
