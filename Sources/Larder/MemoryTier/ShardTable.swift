internal import Synchronization

/// The shards, each behind its lock, side by side in memory that never moves, and before them what a lookup without the lock needs of each.
///
/// An array of objects would cost a retain and a release on each lookup, of a counter that all threads share.
@safe
struct ShardTable: ~Copyable, @unchecked Sendable {
    // Unchecked: the pointers never change, and what they point to is a lock or atomic.

    /// What a lookup without the lock needs of a shard, on one cache line: written under the lock, while the sequence number is odd. What lookups write, they do on
    /// another.
    private struct Front: ~Copyable {
        let sequence: SequenceLock
        let indexAddress = Atomic<UInt>(0)
        let indexRows = Atomic<Int>(0)
        let arenaAddress = Atomic<UInt>(0)
        let arenaByteCount = Atomic<Int>(0)
        let hitRule = Atomic<UInt64>(0)
        private let padding: (UInt64, UInt64) = (0, 0)
        /// Entries that lookups used for the first time in the policy's epoch, since the last writer. Some are lost when two threads count at once.
        let uses = Atomic<Int>(0)
        /// How many such uses end the epoch.
        let usesLeft = Atomic<Int>(.max)
        // The rest of the line.
        private let more: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0)

        init(isReadable: Bool) {
            sequence = SequenceLock(isWriting: !isReadable)
        }

        /// Says what the shard is like now. An address is stored before the size that belongs to it, and ``view`` loads them the other way round: so it
        /// never takes a range for larger than it is, not even while someone writes.
        @inline(__always)
        func show(_ shard: borrowing MemoryShard) {
            indexAddress.store(shard.entries.index.address, ordering: .releasing)
            indexRows.store(shard.entries.index.rows, ordering: .releasing)
            arenaAddress.store(shard.entries.arena.memory.address, ordering: .releasing)
            arenaByteCount.store(shard.entries.arena.memory.byteCount, ordering: .releasing)
            hitRule.store(shard.policy.hitRule.word, ordering: .relaxed)
            usesLeft.store(shard.policy.usesLeft, ordering: .relaxed)
        }

        /// Tells the policy what lookups have used.
        @inline(__always)
        func handUses(to shard: inout MemoryShard) {
            let count = uses.load(ordering: .relaxed)
            guard count > 0 else { return }
            uses.store(0, ordering: .relaxed)
            shard.policy.countUses(count)
        }

        @inline(__always)
        var view: ShardView {
            let rows = indexRows.load(ordering: .acquiring)
            let byteCount = arenaByteCount.load(ordering: .acquiring)
            return ShardView(
                index: indexAddress.load(ordering: .relaxed), rows: rows, arena: arenaAddress.load(ordering: .relaxed),
                arenaByteCount: byteCount)
        }
    }

    private let fronts: UnsafeMutablePointer<Front>
    private let shards: UnsafeMutablePointer<Mutex<MemoryShard>>
    /// The number of shards.
    let count: Int
    /// What of a number names a shard.
    private let mask: Int

    /// - Parameter count: A power of two, or 0: then there is a shard 0 whose lookups without the lock come to nothing.
    init(count: Int, _ makeShard: () -> MemoryShard) {
        self.count = count
        mask = max(1, count) - 1
        let byteCount = (mask + 1) * MemoryLayout<Front>.stride
        unsafe fronts = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 128)
            .bindMemory(to: Front.self, capacity: mask + 1)
        for index in 0...mask { unsafe (fronts + index).initialize(to: Front(isReadable: count > 0)) }
        unsafe shards = .allocate(capacity: count)
        for index in 0..<count {
            let shard = makeShard()
            unsafe fronts[index].show(shard)
            unsafe (shards + index).initialize(to: Mutex(shard))
        }
    }

    deinit {
        unsafe shards.deinitialize(count: count)
        unsafe shards.deallocate()
        unsafe fronts.deinitialize(count: mask + 1)
        unsafe UnsafeMutableRawPointer(fronts).deallocate()
    }

    var indices: Range<Int> { 0..<count }

    /// The shard that a number chooses.
    @inline(__always)
    func index(_ number: UInt64) -> Int { Int(truncatingIfNeeded: number) & mask }

    // MARK: Without the lock

    /// Begins a lookup without a shard's lock; see ``SequenceLock``. Returns nil while someone changes the shard.
    @inline(__always)
    func beginReading(_ index: Int) -> UInt64? {
        assert(index >= 0 && index <= mask)
        return unsafe fronts[index].sequence.beginReading()
    }

    /// What a lookup sees of a shard. Without the lock, nothing may come of it unless the shard ``isUnchanged(_:since:)`` afterwards.
    @inline(__always)
    func view(of index: Int) -> ShardView {
        assert(index >= 0 && index < count)
        return unsafe fronts[index].view
    }

    /// Whether nobody has changed a shard since ``beginReading(_:)`` returned `sequence`.
    @inline(__always)
    func isUnchanged(_ index: Int, since sequence: UInt64) -> Bool {
        unsafe !ProtocolGuards.validatesLookups || fronts[index].sequence.isUnchanged(since: sequence)
    }

    /// What a hit makes of a mark in a shard.
    @inline(__always)
    func hitRule(of index: Int) -> HitRule {
        assert(index >= 0 && index < count)
        return unsafe HitRule(word: fronts[index].hitRule.load(ordering: .relaxed))
    }

    /// Counts an entry of a shard that was used for the first time in the policy's epoch. Not to be called under the lock, which the use that ends the epoch takes.
    @inline(__always)
    func countUse(_ index: Int) {
        assert(index >= 0 && index < count)
        let uses = unsafe fronts[index].uses.load(ordering: .relaxed) + 1
        unsafe fronts[index].uses.store(uses, ordering: .relaxed)
        if unsafe uses >= fronts[index].usesLeft.load(ordering: .relaxed) { handUses(index) }
    }

    @inline(never)
    private func handUses(_ index: Int) {
        update(index) { _ in }
    }

    // MARK: With it

    /// Runs `body`, which changes nothing that a lookup sees, with a shard under its lock.
    @inline(__always)
    func withLock<Result>(_ index: Int, _ body: (inout sending MemoryShard) -> sending Result) -> sending Result {
        assert(index >= 0 && index < count)
        return unsafe shards[index].withLock(body)
    }

    /// Runs `body`, which may change the shard, under its lock.
    @inline(__always)
    func update<Result>(_ index: Int, _ body: (inout sending MemoryShard) -> sending Result) -> sending Result {
        assert(index >= 0 && index < count)
        return unsafe shards[index].withLock { shard in
            unsafe fronts[index].sequence.beginWriting()
            unsafe fronts[index].handUses(to: &shard)
            let result = body(&shard)
            unsafe fronts[index].show(shard)
            unsafe fronts[index].sequence.endWriting()
            return result
        }
    }
}
