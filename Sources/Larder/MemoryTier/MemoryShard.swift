/// One shard of the memory tier: entries, the policy that ranks them, and what the coherence protocol knows of their keys. Used under a lock.
///
/// It counts every byte it causes to be in use against its budget: the arena up to its frontier, free blocks included, the index, the policy's tables, values
/// elsewhere, and itself. It makes room before it takes any, so that the budget holds at every instant.
struct MemoryShard: ~Copyable, Sendable {
    /// What a stripe of keys went through.
    private struct Stripe {
        /// Commits under way that change one of its keys.
        var pending: UInt32 = 0
        /// The last transaction that changed one.
        var lastWrite: UInt64 = 0
    }

    private static let stripeCount = 64
    /// Memory of the shard itself, its stripes and its feed, in bytes.
    private static let fixedByteCount = MemoryLayout<MemoryShard>.size + stripeCount * 16 + ShadowFeed.byteCount
    /// A cut frees this part of the arena at least, because it visits every block.
    private static let leastCut = 16

    /// Rows of the index in which used entries are counted.
    private static let rowsOfSample = 128

    /// The bytes that the shard may use.
    private(set) var budget: Int
    var entries: ShardEntries
    var policy: EvictionPolicy
    /// Sampled accesses on their way to the shadows.
    var feed = ShadowFeed()
    /// The advice in force, as the tier publishes it.
    private var advice = PackedAdvice.none
    private var stripes = [Stripe](repeating: Stripe(), count: stripeCount)
    /// Bytes that could not be used for want of a free block of the right size, lately.
    private var fragmented = 0
    /// The entry count for which the policy's tables were made, 0 before the first eviction.
    private var tableEntryCount = 0
    /// What the sample of entries was like when the shard was full for the first time: to find a victim may have spent every hit since.
    private var sampleWhenFull: UsedSample?
    /// Whether the shadows should be made, or made anew, for the present number of entries.
    var wantsShadows = false
    var counters = ShardCounters()

    init(budget: Int, parameters: PolicyParameters) {
        self.budget = budget
        entries = ShardEntries(byteCount: budget)
        policy = EvictionPolicy(
            capacity: max(1, budget), entryCount: 0,
            configuration: parameters.configurations[parameters.initialConfiguration],
            keepsFrequencies: true, parameters: parameters)
    }

    /// The bytes in use now.
    // Inlined, as all that only reads: called, it would be given a copy of the whole shard.
    @inline(__always)
    var byteCount: Int { Self.fixedByteCount + entries.byteCount + policy.tableByteCount }

    // MARK: Lookup

    /// Removes the entry of a key if it has expired. One that is older than `floor` stays for the value that takes its place, which is to have
    /// its standing; if none comes, nobody can use it, and it leaves as others do.
    mutating func reclaim(
        _ key: Span<UInt8>, hash: UInt64, keyspace: UInt32, floor: UInt64, clock: WallClock
    ) {
        let view = entries.view
        let found = view.find(key, UInt32(truncatingIfNeeded: hash), keyspace: keyspace)
        guard found.isThere, view.staleness(of: found, floor: floor, clock: clock) == .expired else { return }
        remove(view.entry(of: found), cause: .expired)
    }

    private mutating func remove(_ entry: EntryReference, cause: RemovalCause) {
        policy.remove(entry, in: &entries)
        entries.remove(entry, cause: cause)
    }

    // MARK: The steps of the protocol

    private static func stripe(_ hash: UInt64) -> Int {
        // Not the bits that choose the shard, the place in the index, or the sample.
        Int(truncatingIfNeeded: hash >> 32) & (stripeCount - 1)
    }

    /// - Returns: What the entry had earned, if there was one.
    @discardableResult
    mutating func mark(_ key: Span<UInt8>, hash: UInt64, keyspace: UInt32, clock: WallClock) -> Standing? {
        if ProtocolGuards.marksPending { stripes[Self.stripe(hash)].pending += 1 }
        let entry = entries.find(key, UInt32(truncatingIfNeeded: hash), keyspace: keyspace)
        guard entry != 0 else { return nil }
        let standing = policy.standing(of: entry, in: entries)
        let expiry = entries.arena.expiry(entry)
        // A commit that removes what has expired says no more than that.
        remove(entry, cause: expiry != 0 && expiry <= clock.now() ? .expired : .written)
        return standing
    }

    mutating func unmark(_ hash: UInt64) {
        if ProtocolGuards.marksPending { stripes[Self.stripe(hash)].pending -= 1 }
    }

    mutating func settle(_ hash: UInt64, version: UInt64) {
        let stripe = Self.stripe(hash)
        if ProtocolGuards.marksPending { stripes[stripe].pending -= 1 }
        stripes[stripe].lastWrite = max(stripes[stripe].lastWrite, version)
    }

    mutating func install(
        _ new: borrowing NewEntry, bytes: Span<UInt8>, for key: MemoryKey, version: UInt64, standing: Standing?,
        floor: UInt64
    ) {
        settle(key.hash, version: version)
        if floor <= version { insert(new, bytes: bytes, for: key.bytes.span, floor: floor, standing: standing) }
    }

    mutating func populate(
        _ new: borrowing NewEntry, bytes: Span<UInt8>, for key: Span<UInt8>, hash: UInt64, version: UInt64,
        standing: Standing?, floor: UInt64
    ) {
        guard !ProtocolGuards.comparesLastWrite || isUnchanged(hash, since: version), floor <= version else {
            return
        }
        insert(new, bytes: bytes, for: key, floor: floor, standing: standing)
    }

    /// Whether no commit of ours after transaction `version` has changed a key of the stripe, or is about to.
    private func isUnchanged(_ hash: UInt64, since version: UInt64) -> Bool {
        let stripe = stripes[Self.stripe(hash)]
        return stripe.pending == 0 && stripe.lastWrite <= version
    }

    // MARK: Insertion

    /// - Parameter standing: What an entry of the key had earned that was removed for this one.
    private mutating func insert(
        _ new: borrowing NewEntry, bytes: Span<UInt8>, for key: Span<UInt8>, floor: UInt64, standing: Standing? = nil
    ) {
        policy.prefetch(new.fingerprint)
        var standing = standing
        let old = entries.find(key, new.fingerprint, keyspace: new.keyspace)
        if old != 0 {
            standing = policy.standing(of: old, in: entries)
            remove(old, cause: entries.version(of: old) < floor ? .outdated : .replaced)
        }
        policy.resize(capacity: entryCapacity - fragmented)
        guard policy.admits(weight: new.weight), prepareTables(for: new), entries.index.hasPlace(for: new.fingerprint)
        else {
            counters.rejections += 1
            return
        }
        policy.resize(capacity: entryCapacity - fragmented)
        let queue = policy.admit(new.fingerprint, weight: new.weight, in: &entries)
        guard let (block, slack) = allocate(for: new) else {
            counters.rejections += 1
            return
        }
        let mark = policy.mark(ofNewcomerWith: standing?.hits ?? 0)
        entries.write(new, key: key, bytes: bytes, at: block, slack: slack, mark: mark)
        policy.insert(block, into: standing?.queue == .main ? .main : queue, in: &entries)
        counters.insertions += 1
        noteByteCount()
    }

    /// Whether a value of so many bytes may be kept outside a block. Counts it as refused if not.
    mutating func admits(outside byteCount: Int) -> Bool {
        policy.resize(capacity: entryCapacity - fragmented)
        if policy.admits(weight: byteCount) { return true }
        counters.rejections += 1
        return false
    }

    /// What the budget leaves for entries.
    @inline(__always)
    private var entryCapacity: Int { budget - (byteCount - entries.arena.touchedBytes - entries.outsideBytes) }

    /// Takes a block, evicting until there is one.
    private mutating func allocate(for new: borrowing NewEntry) -> (block: EntryReference, slack: UInt32)? {
        var isTight = false
        while true {
            if makeRoom(for: new.outsideCost) {
                let limit = (entryCapacity - entries.outsideBytes - new.outsideCost) / BlockArena.unit
                if let found = entries.allocate(new.units, limit: limit) {
                    // The policy plans with what can really be used.
                    if !isTight { fragmented -= fragmented >> 10 }
                    return found
                }
            }
            guard policy.count > 0 else { return nil }
            policy.evict(in: &entries)
            if !isTight { isTight = true }
            fragmented = min(max(fragmented, entryCapacity - entries.weight - new.weight), budget / 4)
        }
    }

    /// Sees to it that `bytes` more outside the arena fit the budget, by lowering the arena's frontier if there is no other way. Returns false if entries must go
    /// first.
    private mutating func makeRoom(for bytes: Int) -> Bool {
        if byteCount + bytes <= budget { return true }
        entries.discardBeyondFrontier()
        let excess = byteCount + bytes - budget
        guard excess > 0 else { return true }
        let used = entries.weight - entries.outsideBytes
        let frontier = entries.arena.frontierBytes
        let target = frontier - max(excess, frontier / Self.leastCut)
        let least = frontier - excess
        // Blocks move into gaps of other sizes, so some of the room is lost.
        guard least > 0, used + used / 16 <= least else { return false }
        entries.lowerFrontier(to: max(target, min(least, used + used / 16)) / BlockArena.unit, policy: &policy)
        return byteCount + bytes <= budget
    }

    /// Makes room for memory outside the arena, evicting as needed.
    private mutating func reserve(_ bytes: Int) -> Bool {
        while !makeRoom(for: bytes) {
            guard policy.count > 0 else { return byteCount + bytes <= budget }
            policy.evict(in: &entries)
        }
        return true
    }

    /// Grows the index, and makes the policy's tables when the shard is full for the first time or its number of entries has changed much.
    private mutating func prepareTables(for new: borrowing NewEntry) -> Bool {
        if entries.index.isFull {
            let expected = expectedCount
            // Old and new table exist side by side for a moment.
            guard let grown = entries.index.byteCountGrown(for: expected), reserve(grown) else { return false }
            counters.noteBytes(byteCount + grown)
            guard entries.growIndex(for: expected) else { return false }
        }
        let count = policy.count
        guard count >= 4, entries.weight + new.weight > entryCapacity - fragmented else { return true }
        guard tableEntryCount == 0 || count > tableEntryCount * 3 / 2 || count < tableEntryCount / 3 else {
            return true
        }
        if sampleWhenFull == nil { sampleWhenFull = sampleNow }
        let planned = KeyHistory.byteCount(
            entryCount: count, keepsFrequencies: true, parameters: policy.parameters)
        policy.resizeTables(entryCount: 0)
        guard reserve(planned) else { return true }
        tableEntryCount = count
        wantsShadows = true
        policy.resizeTables(entryCount: count)
        return true
    }

    /// How many of some hundred entries were used before the shard was full for the first time, or until now.
    var usedSample: UsedSample { sampleWhenFull ?? sampleNow }

    private var sampleNow: UsedSample {
        var sample = UsedSample()
        entries.index.forEach(inFirst: Self.rowsOfSample) { entry, mark in
            sample.add(mark, age: policy.age(of: entry, in: entries), of: policy.count)
        }
        return sample
    }

    /// How many entries to make the index for: half as many again as now, but no more than there will be when the shard is full. So it grows to its final size while
    /// there is still room for two of them.
    @inline(__always)
    private var expectedCount: Int {
        let capacity = entryCapacity
        guard entries.weight > 0, entries.weight < capacity else { return entries.count + 1 }
        let full = Int(Double(entries.count) * Double(capacity) / Double(entries.weight))
        return min(full, entries.count + entries.count / 2)
    }

    private mutating func noteByteCount() {
        counters.noteBytes(byteCount)
    }

    // MARK: Configuration

    /// Follows the chooser.
    mutating func follow(_ published: PackedAdvice) {
        guard published != advice else { return }
        advice = published
        if let configuration = published.unpacked(policy.parameters) { policy.adopt(configuration) }
    }

    /// Sets the budget and evicts until it holds; if it cannot hold, everything goes.
    mutating func resize(budget newBudget: Int) {
        if byteCount > newBudget { shrink(to: newBudget) }
        budget = newBudget
        policy.resize(capacity: max(1, entryCapacity - fragmented))
        if !reserve(0) { removeAll() }
        entries.reserve(byteCount: budget)
        noteByteCount()
    }

    /// Evicts about so much that the rest is `bytes` together with tables of its size, and makes the tables anew: as they were, they might leave nothing for
    /// entries. The old budget holds meanwhile.
    private mutating func shrink(to bytes: Int) {
        let weight = Int(Double(entries.weight) * Double(bytes) / Double(byteCount))
        policy.resize(capacity: max(1, weight))
        while entries.weight > weight, policy.count > 0 { policy.evict(in: &entries) }
        if policy.count < tableEntryCount / 3 {
            policy.resizeTables(entryCount: 0)
            tableEntryCount = 0
        }
        let inside = entries.weight - entries.outsideBytes
        entries.lowerFrontier(to: (inside + inside / 16) / BlockArena.unit, policy: &policy)
        if let shrunk = entries.index.byteCountShrunk, byteCount + shrunk <= budget {
            counters.noteBytes(byteCount + shrunk)
            entries.shrinkIndex()
        }
    }

    /// Begins to tell anew what the most bytes were, and returns what they were.
    mutating func takeHighestBytes() -> Int {
        counters.takeHighest(from: byteCount)
    }

    mutating func removeAll() {
        entries.removeAll()
        policy.removeAll()
        policy.resizeTables(entryCount: 0)
        tableEntryCount = 0
        fragmented = 0
    }

    // MARK: Expiry

    /// Removes entries that have expired, in at most `budget` steps. Returns the steps left over.
    mutating func removeExpired(now: Milliseconds, budget: Int) -> Int {
        var left = budget
        while let entry = entries.nextDue(now: now, budget: &left) {
            remove(entry, cause: .expired)
        }
        return left
    }
}

/// Plain counters, changed under the shard's lock.
struct ShardCounters: Sendable {
    var insertions = 0
    /// Entries that were too large, or for which there was no room at all.
    var rejections = 0
    /// The most bytes that were ever in use.
    private(set) var highestBytes = 0

    @inline(__always)
    mutating func noteBytes(_ bytes: Int) {
        if bytes > highestBytes { highestBytes = bytes }
    }

    mutating func takeHighest(from bytes: Int) -> Int {
        defer { highestBytes = bytes }
        return highestBytes
    }
}
