/// One shard of the memory tier: an index by hash over a table of entries that are linked from the most to the least recently used.
///
/// Two keys with the same 64-bit hash cannot both be held; the later takes the earlier one's place.
struct MemoryShard: ~Copyable {
    private struct Entry {
        var key: MemoryKey
        var value: MemoryValue
        var version: UInt64
        var expiry: Milliseconds
        var cost: Int
        var newer: Int
        var older: Int
    }

    private struct Stripe {
        var pending: UInt32 = 0
        var lastWrite: UInt64 = 0
    }

    /// What an entry costs beyond the bytes of its key and value: two array headers, its place in the table, and the index.
    static let entryOverhead = 192

    private let capacity: Int
    private var index: [UInt64: Int] = [:]
    private var entries: [Entry?] = []
    private var free: [Int] = []
    private var newest = -1
    private var oldest = -1
    private var stripes = [Stripe](repeating: Stripe(), count: 256)
    private var bytes = 0
    private var highWater = 0
    private var hits = 0
    private var misses = 0
    private var evictions = 0

    init(capacity: Int) {
        self.capacity = capacity
    }

    private static func stripe(_ hash: UInt64) -> Int {
        // Not the bits that choose the shard.
        Int(truncatingIfNeeded: hash & 255)
    }

    // MARK: The steps of the protocol

    mutating func lookup(
        _ key: Span<UInt8>, hash: UInt64, keyspace: UInt32, floor: UInt64, now: () -> Milliseconds
    ) -> MemoryTier.Hit? {
        guard let slot = index[hash], let entry = entries[slot], entry.key.keyspace == keyspace, entry.key.matches(key)
        else {
            misses += 1
            return nil
        }
        guard entry.version >= floor, entry.expiry == 0 || now() < entry.expiry else {
            remove(at: slot)
            misses += 1
            return nil
        }
        hits += 1
        if newest != slot {
            unlink(slot)
            linkAsNewest(slot)
        }
        return MemoryTier.Hit(value: entry.value, expiry: entry.expiry)
    }

    mutating func mark(_ key: MemoryKey) {
        stripes[Self.stripe(key.hash)].pending += 1
        if let slot = index[key.hash] { remove(at: slot) }
    }

    mutating func unmark(_ key: MemoryKey) {
        stripes[Self.stripe(key.hash)].pending -= 1
    }

    mutating func install(
        _ value: MemoryValue?, for key: MemoryKey, version: UInt64, expiry: Milliseconds, floor: UInt64
    ) {
        let stripe = Self.stripe(key.hash)
        stripes[stripe].pending -= 1
        stripes[stripe].lastWrite = max(stripes[stripe].lastWrite, version)
        if let value, floor <= version { insert(value, for: key, version: version, expiry: expiry) }
    }

    mutating func populate(
        _ value: MemoryValue, for key: MemoryKey, version: UInt64, expiry: Milliseconds, floor: UInt64
    ) {
        guard isUnchanged(key.hash, since: version), floor <= version else { return }
        insert(value, for: key, version: version, expiry: expiry)
    }

    /// Whether no commit of ours after transaction `version` has changed a key of the stripe, or is about to.
    private func isUnchanged(_ hash: UInt64, since version: UInt64) -> Bool {
        let stripe = stripes[Self.stripe(hash)]
        return stripe.pending == 0 && stripe.lastWrite <= version
    }

    mutating func removeAll() {
        index.removeAll()
        entries.removeAll()
        free.removeAll()
        (newest, oldest, bytes) = (-1, -1, 0)
    }

    // MARK: The table

    private mutating func insert(_ value: MemoryValue, for key: MemoryKey, version: UInt64, expiry: Milliseconds) {
        if let slot = index[key.hash] { remove(at: slot) }
        let cost = key.bytes.count + value.cost + Self.entryOverhead
        guard cost <= capacity else { return }
        while bytes + cost > capacity {
            remove(at: oldest)
            evictions += 1
        }
        let entry = Entry(
            key: key, value: value, version: version, expiry: expiry, cost: cost, newer: -1, older: -1)
        let slot: Int
        if let last = free.popLast() {
            slot = last
            entries[slot] = entry
        } else {
            slot = entries.count
            entries.append(entry)
        }
        index[key.hash] = slot
        linkAsNewest(slot)
        bytes += cost
        highWater = max(highWater, bytes)
    }

    private mutating func remove(at slot: Int) {
        guard let entry = entries[slot] else { return }
        unlink(slot)
        index[entry.key.hash] = nil
        entries[slot] = nil
        free.append(slot)
        bytes -= entry.cost
    }

    private mutating func unlink(_ slot: Int) {
        guard let entry = entries[slot] else { return }
        if entry.newer >= 0 { entries[entry.newer]?.older = entry.older } else { newest = entry.older }
        if entry.older >= 0 { entries[entry.older]?.newer = entry.newer } else { oldest = entry.newer }
    }

    private mutating func linkAsNewest(_ slot: Int) {
        entries[slot]?.newer = -1
        entries[slot]?.older = newest
        if newest >= 0 { entries[newest]?.newer = slot } else { oldest = slot }
        newest = slot
    }

    func add(to sum: inout MemoryTierStatistics) {
        sum.hits += hits
        sum.misses += misses
        sum.evictions += evictions
        sum.entries += index.count
        sum.bytes += bytes
        sum.highestBytes += highWater
    }
}

extension MemoryKey {
    @inline(__always)
    func matches(_ key: Span<UInt8>) -> Bool {
        guard bytes.count == key.count else { return false }
        for index in key.indices where bytes[index] != key[index] { return false }
        return true
    }
}
