internal import LMDB
internal import Synchronization

/// What a shard shows to lookups without its lock, on one cache line: written under the lock, while the sequence number is odd. What lookups write, they do on
/// another.
struct ShardFront: ~Copyable, Sendable {
    private let sequence: SequenceLock
    private let indexAddress = Atomic<UInt>(0)
    private let indexRows = Atomic<Int>(0)
    private let arenaAddress = Atomic<UInt>(0)
    private let arenaByteCount = Atomic<Int>(0)
    private let hitRuleWord = Atomic<UInt64>(0)
    private let padding: (UInt64, UInt64) = (0, 0)
    /// Entries that lookups used for the first time in the policy's epoch, since the last writer. Some are lost when two threads count at once.
    private let uses = Atomic<Int>(0)
    /// How many such uses end the epoch.
    private let usesLeft = Atomic<Int>(.max)
    // The rest of the line.
    private let more: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0)

    init(isReadable: Bool) {
        sequence = SequenceLock(isWriting: !isReadable)
    }

    // MARK: Lookups

    /// Begins a lookup; see ``SequenceLock``. Returns nil while someone changes the shard.
    @inline(__always)
    func beginReading() -> UInt64? { sequence.beginReading() }

    /// Whether nobody has changed the shard since ``beginReading()`` returned `sequence`.
    @inline(__always)
    func isUnchanged(since number: UInt64) -> Bool {
        !ProtocolGuards.validatesLookups || sequence.isUnchanged(since: number)
    }

    /// What a lookup sees. Nothing may come of it unless the shard ``isUnchanged(since:)`` afterwards.
    @inline(__always)
    var view: ShardView {
        let rows = indexRows.load(ordering: .acquiring)
        let byteCount = arenaByteCount.load(ordering: .acquiring)
        return ShardView(
            index: indexAddress.load(ordering: .relaxed), rows: rows, arena: arenaAddress.load(ordering: .relaxed),
            arenaByteCount: byteCount)
    }

    /// What a hit makes of a mark.
    @inline(__always)
    var hitRule: HitRule { HitRule(word: hitRuleWord.load(ordering: .relaxed)) }

    /// Counts an entry that was used for the first time in the policy's epoch. Returns whether that ends the epoch.
    @inline(__always)
    func countUse() -> Bool {
        let count = uses.load(ordering: .relaxed) + 1
        uses.store(count, ordering: .relaxed)
        return count >= usesLeft.load(ordering: .relaxed)
    }

    // MARK: Writers

    /// Begins to change the shard, whose lock the caller holds, and tells its policy what lookups have used.
    @inline(__always)
    func beginWriting(_ shard: inout MemoryShard) {
        sequence.beginWriting()
        let count = uses.load(ordering: .relaxed)
        guard count > 0 else { return }
        uses.store(0, ordering: .relaxed)
        shard.policy.countUses(count)
    }

    /// Shows what the shard is like now, and ends what ``beginWriting(_:)`` began.
    @inline(__always)
    func endWriting(_ shard: borrowing MemoryShard) {
        show(shard)
        sequence.endWriting()
    }

    /// Says what the shard is like now. An address is stored before the size that belongs to it, and ``view`` loads them the other way round: so it
    /// never takes a range for larger than it is, not even while someone writes.
    @inline(__always)
    func show(_ shard: borrowing MemoryShard) {
        indexAddress.store(shard.entries.index.address, ordering: .releasing)
        indexRows.store(shard.entries.index.rows, ordering: .releasing)
        arenaAddress.store(shard.entries.arena.memory.address, ordering: .releasing)
        arenaByteCount.store(shard.entries.arena.memory.byteCount, ordering: .releasing)
        hitRuleWord.store(shard.policy.hitRule.word, ordering: .relaxed)
        usesLeft.store(shard.policy.usesLeft, ordering: .relaxed)
    }
}
