internal import Synchronization

/// Lets readers see a consistent state without a lock, beside writers that exclude each other by one (a seqlock: Lameter, "Effective synchronization on
/// Linux/NUMA systems", 2005; Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012).
///
/// The number is odd while a writer is at work. A reader notes it, reads, and asks whether it is still the same: then nobody has written meanwhile, and what was
/// read is what stood there all the time. Otherwise it may be anything, and nothing of it may be used. Readers write nothing, so they neither wait for each
/// other nor pass a cache line to and fro.
struct SequenceLock: ~Copyable, Sendable {
    private let number: Atomic<UInt64>

    /// A lock that nobody writes under, or one that someone does for ever.
    init(isWriting: Bool = false) {
        number = Atomic(isWriting ? 1 : 0)
    }

    /// Begins to read. Returns nil while someone writes.
    @inline(__always)
    func beginReading() -> UInt64? {
        let sequence = number.load(ordering: .acquiring)
        return sequence & 1 == 0 ? sequence : nil
    }

    /// Whether nobody has written since ``beginReading()`` returned `sequence`.
    @inline(__always)
    func isUnchanged(since sequence: UInt64) -> Bool {
        // What was read, was read before the number is.
        atomicMemoryFence(ordering: .acquiring)
        return number.load(ordering: .relaxed) == sequence
    }

    /// Begins to write. The caller holds a lock that excludes all other writers.
    @inline(__always)
    func beginWriting() {
        number.store(number.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        // The number is odd before anything is written.
        atomicMemoryFence(ordering: .releasing)
    }

    /// Ends what ``beginWriting()`` began.
    @inline(__always)
    func endWriting() {
        number.store(number.load(ordering: .relaxed) &+ 1, ordering: .releasing)
    }
}
