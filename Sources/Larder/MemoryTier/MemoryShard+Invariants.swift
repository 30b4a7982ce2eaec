extension MemoryShard {
    /// What is wrong with the shard, in words, or nil. Visits every entry: for tests and fuzzers, which call it after each step.
    func brokenInvariant() -> String? {
        if byteCount > budget { return "\(byteCount) bytes in use, \(budget) allowed" }
        return entries.brokenInvariant(policy)
    }
}

extension ShardEntries {
    fileprivate func brokenInvariant(_ policy: EvictionPolicy) -> String? {
        if let broken = arena.brokenInvariant(size: { $0.units($1) }) { return broken }
        if let broken = index.brokenInvariant() { return broken }
        var seen = (count: 0, weight: 0, outside: 0, expiring: 0)
        var broken: String?
        forEach { entry in
            seen.count += 1
            seen.weight += weight(of: entry)
            seen.outside += arena.outsideCost(entry)
            if arena.state(entry).expires { seen.expiring += 1 }
            let found = find(arena.key(entry).span, arena.fingerprint(entry), keyspace: arena.keyspace(entry))
            if found != entry { broken = "the index leads to another entry of the key" }
        }
        if let broken { return broken }
        if seen.count != index.count { return "\(seen.count) entries, \(index.count) in the index" }
        if seen.weight != weight { return "entries weigh \(seen.weight), counted as \(weight)" }
        if seen.outside != outsideBytes { return "\(seen.outside) bytes outside, counted as \(outsideBytes)" }
        if seen.expiring != wheel.count { return "\(seen.expiring) entries expire, \(wheel.count) in the wheel" }
        if policy.count != seen.count { return "\(seen.count) entries, \(policy.count) in the queues" }
        return brokenInvariant(of: policy.window) ?? brokenInvariant(of: policy.main)
    }

    private func brokenInvariant(of queue: EntryQueue) -> String? {
        var count = 0
        var weight = 0
        var previous: EntryReference = 0
        var entry = queue.tail
        while entry != 0 {
            if older(than: entry) != previous { return "a link of the \(queue.kind) queue is one-sided" }
            if self.queue(of: entry) != queue.kind { return "an entry of the \(queue.kind) queue says otherwise" }
            count += 1
            weight += self.weight(of: entry)
            if count > queue.count { return "the \(queue.kind) queue is longer than it says" }
            previous = entry
            entry = newer(than: entry)
        }
        if previous != queue.head { return "the \(queue.kind) queue does not end at its head" }
        if count != queue.count || weight != queue.weight { return "the \(queue.kind) queue miscounts" }
        return nil
    }
}

extension BlockArena {
    /// What is wrong with the blocks, or nil. Visits every one.
    func brokenInvariant(size: (borrowing BlockArena, Reference) -> UInt32) -> String? {
        var block = Self.firstBlock
        var followsFree = false
        var free = 0
        while block < frontier {
            let word = load(block, 0, as: UInt64.self)
            let isFree = word & Self.isFree != 0
            let units = isFree ? load(block, 0, as: UInt32.self) : size(self, block)
            if units < Self.minimumUnits { return "a block of \(units) units" }
            if isFree {
                if followsFree { return "two free blocks side by side" }
                if load(block + units - 1, 0, as: UInt32.self) != units { return "a free block's ends disagree" }
                free += Int(units)
            } else if (word & Self.followsFree != 0) != followsFree {
                return "a block is wrong about the one before it"
            }
            followsFree = isFree
            block += units
        }
        if block != frontier { return "the last block passes the frontier" }
        if free != freeUnits { return "\(free) free units, counted as \(freeUnits)" }
        return nil
    }
}
