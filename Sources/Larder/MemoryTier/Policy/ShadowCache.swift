/// A cache of keys without values, run by one policy: what a configuration would have hit.
///
/// An array of rows and an open-addressing index (linear probing with backward shifts, Knuth 6.4 R). Used as the shadows that choose the
/// configuration, and by the simulator.
struct ShadowCache: Sendable {
    private var entries: ShadowEntries
    private(set) var policy: EvictionPolicy
    private let capacity: Int
    private let mostEntries: Int

    /// - Parameters:
    ///   - entryCount: How many entries are expected.
    ///   - mostEntries: How many there may be, whatever they weigh. With a limit the memory is fixed; without one it grows.
    init(
        capacity: Int, entryCount: Int, mostEntries: Int? = nil, configuration: PolicyConfiguration,
        keepsFrequencies: Bool, parameters: PolicyParameters = .standard
    ) {
        self.capacity = capacity
        self.mostEntries = mostEntries ?? .max
        policy = EvictionPolicy(
            capacity: capacity, entryCount: entryCount, configuration: configuration,
            keepsFrequencies: keepsFrequencies, parameters: parameters)
        entries = ShadowEntries(minimumCapacity: mostEntries ?? entryCount)
    }

    /// Whether a key is there. No use of it.
    func contains(_ hash: UInt64) -> Bool { entries.find(hash) != 0 }

    var count: Int { policy.count }
    var weight: Int { policy.weight }

    /// Looks a key up and inserts it if it is absent. Returns whether it was present.
    ///
    /// - Parameter weight: At least 1, if there is a limit of entries.
    mutating func access(_ hash: UInt64, weight: Int) -> Bool {
        let found = entries.find(hash)
        if found != 0 {
            policy.hit(found, in: &entries)
            return true
        }
        if policy.capacity != capacity { policy.resize(capacity: capacity) }
        guard weight <= capacity, policy.admits(weight: weight) else { return false }
        // With as many entries as there may be the cache is full: what they weigh is what the queues share, and one has to go.
        if policy.count >= mostEntries { policy.resize(capacity: min(capacity, policy.weight + weight - 1)) }
        let queue = policy.admit(UInt32(truncatingIfNeeded: hash), weight: weight, in: &entries)
        let mark = policy.mark(ofNewcomerWith: 0)
        policy.insert(entries.add(hash, weight: weight, mark: mark), into: queue, in: &entries)
        return false
    }

    /// Whether the next newcomer of so much weight will push another out.
    func isFull(for weight: Int) -> Bool { policy.weight + weight > policy.capacity }

    /// The share of the entries that were used since they came in; see ``UsedSample``. O(entries).
    var usedShare: Double {
        var sample = UsedSample()
        entries.forEach { sample.add($0.mark, age: policy.clock &- $0.time, of: policy.count) }
        return sample.usedShare
    }

    /// Follows a chooser.
    mutating func adopt(_ advice: ConfigurationChooser.Advice) {
        policy.adopt(policy.parameters.configuration(for: advice))
    }

    /// The memory of the tables, in bytes.
    var tableByteCount: Int { entries.byteCount + policy.tableByteCount }

    /// The memory of the tables of a cache with a limit of entries, in bytes.
    static func tableByteCount(
        entryCount: Int, mostEntries: Int, keepsFrequencies: Bool, parameters: PolicyParameters
    ) -> Int {
        ShadowEntries.byteCount(capacity: mostEntries)
            + KeyHistory.byteCount(
                entryCount: entryCount, keepsFrequencies: keepsFrequencies, parameters: parameters)
    }
}

/// The entries of a ``ShadowCache``.
struct ShadowEntries: PolicyEntries, Sendable {
    private struct Row {
        var hash: UInt64 = 0
        var weight: UInt32 = 0
        var time: UInt32 = 0
        var newer: EntryReference = 0
        var older: EntryReference = 0
        var mark = UseMark(byte: 0)
        var queue = QueueKind.window
    }

    /// The first stands for no entry.
    private var rows: [Row]
    private var index: [EntryReference]
    /// Head of the chain of rows that have become free, linked by `newer`. When there is none, those from `count` + 1 on are free.
    private var free: EntryReference = 0
    private var count = 0

    /// The memory of the rows and the index, in bytes.
    var byteCount: Int { [Row].byteCount(rows.count) + [EntryReference].byteCount(index.count) }

    /// The memory of the rows and the index for so many entries, in bytes.
    static func byteCount(capacity: Int) -> Int {
        [Row].byteCount(capacity + 1) + [EntryReference].byteCount(indexSize(capacity: capacity))
    }

    /// A power of two, more than twice the capacity.
    private static func indexSize(capacity: Int) -> Int {
        var size = 16
        while size < capacity * 2 + 2 { size *= 2 }
        return size
    }

    /// Entries of which so many fit before the memory grows.
    init(minimumCapacity: Int) {
        rows = Array(repeating: Row(), count: minimumCapacity + 1)
        index = Array(repeating: 0, count: Self.indexSize(capacity: minimumCapacity))
    }

    /// Calls `body` with the mark and the time of each entry.
    func forEach(_ body: ((mark: UseMark, time: UInt32)) -> Void) {
        for entry in index where entry != 0 { body((rows[Int(entry)].mark, rows[Int(entry)].time)) }
    }

    func find(_ hash: UInt64) -> EntryReference {
        let mask = index.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while index[slot] != 0 {
            if rows[Int(index[slot])].hash == hash { return index[slot] }
            slot = (slot + 1) & mask
        }
        return 0
    }

    mutating func add(_ hash: UInt64, weight: Int, mark: UseMark) -> EntryReference {
        if free == 0, count + 1 == rows.count { grow() }
        let entry = free == 0 ? EntryReference(count + 1) : free
        if free != 0 { free = rows[Int(free)].newer }
        rows[Int(entry)].hash = hash
        rows[Int(entry)].weight = UInt32(clamping: weight)
        rows[Int(entry)].mark = mark
        place(entry)
        count += 1
        return entry
    }

    mutating func discard(_ victim: EntryReference) {
        let mask = index.count - 1
        var hole = Int(truncatingIfNeeded: rows[Int(victim)].hash) & mask
        while index[hole] != victim { hole = (hole + 1) & mask }
        var slot = hole
        while true {
            slot = (slot + 1) & mask
            if index[slot] == 0 { break }
            let home = Int(truncatingIfNeeded: rows[Int(index[slot])].hash) & mask
            if (slot - home) & mask >= (slot - hole) & mask {
                index[hole] = index[slot]
                hole = slot
            }
        }
        index[hole] = 0
        count -= 1
        rows[Int(victim)].newer = free
        free = victim
    }

    private mutating func place(_ entry: EntryReference) {
        let mask = index.count - 1
        var slot = Int(truncatingIfNeeded: rows[Int(entry)].hash) & mask
        while index[slot] != 0 { slot = (slot + 1) & mask }
        index[slot] = entry
    }

    /// Makes room for twice as many. Every row must be taken.
    private mutating func grow() {
        rows += repeatElement(Row(), count: rows.count)
        index = Array(repeating: 0, count: Self.indexSize(capacity: rows.count - 1))
        for entry in 0..<count { place(EntryReference(entry + 1)) }
    }

    func prefetch(_ entry: EntryReference) {}
    func weight(of entry: EntryReference) -> Int { Int(rows[Int(entry)].weight) }
    func fingerprint(of entry: EntryReference) -> UInt32 { UInt32(truncatingIfNeeded: rows[Int(entry)].hash) }
    func mark(of entry: EntryReference) -> UseMark { rows[Int(entry)].mark }
    mutating func setMark(_ mark: UseMark, of entry: EntryReference) { rows[Int(entry)].mark = mark }
    func time(of entry: EntryReference) -> UInt32 { rows[Int(entry)].time }
    mutating func setTime(_ time: UInt32, of entry: EntryReference) { rows[Int(entry)].time = time }
    func queue(of entry: EntryReference) -> QueueKind { rows[Int(entry)].queue }
    mutating func setQueue(_ queue: QueueKind, of entry: EntryReference) { rows[Int(entry)].queue = queue }
    func newer(than entry: EntryReference) -> EntryReference { rows[Int(entry)].newer }
    mutating func setNewer(_ neighbour: EntryReference, than entry: EntryReference) {
        rows[Int(entry)].newer = neighbour
    }
    func older(than entry: EntryReference) -> EntryReference { rows[Int(entry)].older }
    mutating func setOlder(_ neighbour: EntryReference, than entry: EntryReference) {
        rows[Int(entry)].older = neighbour
    }
}
