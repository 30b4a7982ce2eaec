/// A cache of keys without values, run by one policy: what a configuration would have hit.
///
/// Columns of plain arrays and an open-addressing index (linear probing with backward shifts, Knuth 6.4 R). Used as the shadows that choose the
/// configuration, and by the simulator.
struct ShadowCache: Sendable {
    private var entries: ShadowEntries
    private(set) var policy: EvictionPolicy

    init(
        capacity: Int, entryCount: Int, configuration: PolicyConfiguration, keepsFrequencies: Bool,
        parameters: PolicyParameters = .standard
    ) {
        entries = ShadowEntries(minimumCapacity: entryCount)
        policy = EvictionPolicy(
            capacity: capacity, entryCount: entryCount, configuration: configuration,
            keepsFrequencies: keepsFrequencies,
            parameters: parameters)
    }

    var count: Int { policy.count }
    var weight: Int { policy.weight }

    /// Looks a key up and inserts it if it is absent. Returns whether it was present.
    mutating func access(_ hash: UInt64, weight: Int) -> Bool {
        let found = entries.find(hash)
        if found != 0 {
            policy.hit(found, in: &entries)
            return true
        }
        guard weight <= policy.capacity, policy.admits(weight: weight) else { return false }
        let queue = policy.admit(UInt32(truncatingIfNeeded: hash), weight: weight, in: &entries)
        policy.insert(entries.add(hash, weight: weight), into: queue, in: &entries)
        return false
    }

    /// Follows a chooser.
    mutating func adopt(_ advice: ConfigurationChooser.Advice) {
        policy.adopt(policy.parameters.configuration(for: advice))
    }

    /// The memory taken, in bytes.
    var byteCount: Int { entries.byteCount + policy.tableByteCount }
}

/// The columns of a ``ShadowCache``.
struct ShadowEntries: PolicyEntries, Sendable {
    private var hashes: [UInt64] = [0]
    private var times: [UInt32] = [0]
    private var newerLinks: [UInt32] = [0]
    private var olderLinks: [UInt32] = [0]
    private var weights: [UInt32] = [0]
    /// Bits 0-5: mark; bit 6: queue.
    private var states: [UInt8] = [0]
    /// Head of the chain of free rows, linked by `newerLinks`.
    private var free: UInt32 = 0
    private var index: [UInt32]
    private var used = 0

    /// The memory of the columns and the index, in bytes.
    var byteCount: Int { hashes.capacity * 25 + index.count * 4 }

    init(minimumCapacity: Int) {
        var size = 16
        while size < minimumCapacity * 2 + 2 { size *= 2 }
        index = Array(repeating: 0, count: size)
    }

    func find(_ hash: UInt64) -> EntryReference {
        let mask = index.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while index[slot] != 0 {
            if hashes[Int(index[slot])] == hash { return index[slot] }
            slot = (slot + 1) & mask
        }
        return 0
    }

    mutating func add(_ hash: UInt64, weight: Int) -> EntryReference {
        if (used + 1) * 2 > index.count { grow() }
        let entry: EntryReference
        if free != 0 {
            entry = free
            free = newerLinks[Int(entry)]
            hashes[Int(entry)] = hash
            weights[Int(entry)] = UInt32(clamping: weight)
        } else {
            entry = EntryReference(hashes.count)
            hashes.append(hash)
            times.append(0)
            newerLinks.append(0)
            olderLinks.append(0)
            weights.append(UInt32(clamping: weight))
            states.append(0)
        }
        place(entry)
        used += 1
        return entry
    }

    mutating func discard(_ victim: EntryReference) {
        let mask = index.count - 1
        var hole = Int(truncatingIfNeeded: hashes[Int(victim)]) & mask
        while index[hole] != victim { hole = (hole + 1) & mask }
        var slot = hole
        while true {
            slot = (slot + 1) & mask
            if index[slot] == 0 { break }
            let home = Int(truncatingIfNeeded: hashes[Int(index[slot])]) & mask
            if (slot - home) & mask >= (slot - hole) & mask {
                index[hole] = index[slot]
                hole = slot
            }
        }
        index[hole] = 0
        used -= 1
        newerLinks[Int(victim)] = free
        free = victim
    }

    private mutating func place(_ entry: EntryReference) {
        let mask = index.count - 1
        var slot = Int(truncatingIfNeeded: hashes[Int(entry)]) & mask
        while index[slot] != 0 { slot = (slot + 1) & mask }
        index[slot] = entry
    }

    private mutating func grow() {
        let old = index
        index = Array(repeating: 0, count: old.count * 2)
        for entry in old where entry != 0 { place(entry) }
    }

    func weight(of entry: EntryReference) -> Int { Int(weights[Int(entry)]) }
    func fingerprint(of entry: EntryReference) -> UInt32 { UInt32(truncatingIfNeeded: hashes[Int(entry)]) }
    func mark(of entry: EntryReference) -> UseMark { UseMark(byte: states[Int(entry)] & 0x3F) }
    mutating func setMark(_ mark: UseMark, of entry: EntryReference) {
        states[Int(entry)] = states[Int(entry)] & ~0x3F | mark.byte
    }
    func time(of entry: EntryReference) -> UInt32 { times[Int(entry)] }
    mutating func setTime(_ time: UInt32, of entry: EntryReference) { times[Int(entry)] = time }
    func queue(of entry: EntryReference) -> QueueKind { states[Int(entry)] & 0x40 == 0 ? .window : .main }
    mutating func setQueue(_ queue: QueueKind, of entry: EntryReference) {
        states[Int(entry)] = states[Int(entry)] & 0x3F | queue.rawValue << 6
    }
    func newer(than entry: EntryReference) -> EntryReference { newerLinks[Int(entry)] }
    mutating func setNewer(_ neighbour: EntryReference, than entry: EntryReference) {
        newerLinks[Int(entry)] = neighbour
    }
    func older(than entry: EntryReference) -> EntryReference { olderLinks[Int(entry)] }
    mutating func setOlder(_ neighbour: EntryReference, than entry: EntryReference) {
        olderLinks[Int(entry)] = neighbour
    }
}
