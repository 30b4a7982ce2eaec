public import Synchronization

/// Lets readers see a consistent state without a lock, beside writers that exclude each other (a seqlock: Lameter, "Effective synchronization on Linux/NUMA
/// systems", 2005; Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012).
///
/// The number is odd while a writer is at work. A reader notes it, reads, and asks whether it is still the same: then nobody has written meanwhile, and what was
/// read is what stood there all the time. Otherwise it may be anything, and nothing of it may be used. Readers write nothing, so they neither wait for each
/// other nor pass a cache line to and fro.
@usableFromInline
package struct SequenceLock: ~Copyable, Sendable {
    @usableFromInline let number: Atomic<UInt64>

    /// A lock that nobody writes under, or one that someone does for ever.
    @inlinable
    package init(isWriting: Bool = false) {
        number = Atomic(isWriting ? 1 : 0)
    }

    /// Begins to read. Returns nil while someone writes.
    @inlinable
    @inline(__always)
    package func beginReading() -> UInt64? {
        let sequence = number.load(ordering: .acquiring)
        return sequence & 1 == 0 ? sequence : nil
    }

    /// Whether nobody has written since ``beginReading()`` returned `sequence`.
    @inlinable
    @inline(__always)
    package func isUnchanged(since sequence: UInt64) -> Bool {
        // What was read, was read before the number is.
        atomicMemoryFence(ordering: .acquiring)
        return number.load(ordering: .relaxed) == sequence
    }

    /// Begins to write. The caller holds a lock that excludes all other writers.
    @inlinable
    @inline(__always)
    package func beginWriting() {
        number.store(number.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        // The number is odd before anything is written.
        atomicMemoryFence(ordering: .releasing)
    }

    /// Begins to write, unless someone else does. All writers begin so, where no lock excludes others.
    @inlinable
    @inline(__always)
    package func tryToBeginWriting() -> Bool {
        guard let sequence = beginReading(),
            number.compareExchange(expected: sequence, desired: sequence &+ 1, ordering: .acquiring).exchanged
        else { return false }
        atomicMemoryFence(ordering: .releasing)
        return true
    }

    /// Ends what ``beginWriting()`` or ``tryToBeginWriting()`` began.
    @inlinable
    @inline(__always)
    package func endWriting() {
        number.store(number.load(ordering: .relaxed) &+ 1, ordering: .releasing)
    }
}
