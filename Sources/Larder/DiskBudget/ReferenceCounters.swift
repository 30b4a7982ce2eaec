internal import Synchronization

/// How often records were read from the durable tier lately: 2 bits for each hash, which several keys may share.
///
/// These are the reference bits of CLOCK (Corbató 1968), wide enough to count to three as in GCLOCK (Smith 1978), kept beside the records
/// rather than in them so that a read writes nothing to the disk. A read adds one; the hand that passes a record takes one away. Two keys
/// that share a counter are read as one, which spares one of them a little longer.
///
/// Noting a read costs a load, and a compare-and-swap while the counter is below three. Under contention a read may go uncounted.
@safe
final class ReferenceCounters: Sendable {
    // Shared without a lock: the words are atomic, and their address never changes.
    nonisolated(unsafe) private let words: UnsafeMutablePointer<Atomic<UInt64>>
    private let mask: Int

    /// Counters that take `byteCount` bytes, a power of two of at least 8.
    init(byteCount: Int) {
        precondition(byteCount >= 8 && byteCount & (byteCount - 1) == 0, "not a power of two")
        let count = byteCount / 8
        mask = count - 1
        unsafe words = .allocate(capacity: count)
        for index in 0..<count { unsafe (words + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe words.deinitialize(count: mask + 1)
        unsafe words.deallocate()
    }

    /// Bytes that they take.
    var byteCount: Int { (mask + 1) * 8 }

    /// How many bytes the counters of a budget should take: one counter for each 128 bytes of it, as far as `memory` bytes of memory allow.
    static func byteCount(for budget: DiskBudget, memory: Int) -> Int {
        let limit = memory > 0 ? memory / 8 : 1 << 18
        let wanted = max(min(budget.bytes / 512, limit), 1 << 12)
        return 1 << (Int.bitWidth - 1 - wanted.leadingZeroBitCount)
    }

    @inline(__always)
    private func place(_ hash: UInt64) -> (word: UnsafeMutablePointer<Atomic<UInt64>>, shift: UInt64) {
        unsafe (words + (Int(truncatingIfNeeded: hash >> 5) & mask), (hash & 31) * 2)
    }

    /// The reads counted for a key's hash: 0 to 3.
    func count(of hash: UInt64) -> Int {
        let (word, shift) = unsafe place(hash)
        return unsafe Int(word.pointee.load(ordering: .relaxed) >> shift & 3)
    }

    /// Counts a read.
    @inline(__always)
    func noteRead(of hash: UInt64) {
        let (word, shift) = unsafe place(hash)
        let value = unsafe word.pointee.load(ordering: .relaxed)
        guard value >> shift & 3 < 3 else { return }
        _ = unsafe word.pointee.compareExchange(expected: value, desired: value + 1 << shift, ordering: .relaxed)
    }

    /// Takes one from a count, if there is one.
    func spend(of hash: UInt64) {
        let (word, shift) = unsafe place(hash)
        let value = unsafe word.pointee.load(ordering: .relaxed)
        guard value >> shift & 3 > 0 else { return }
        _ = unsafe word.pointee.compareExchange(expected: value, desired: value - 1 << shift, ordering: .relaxed)
    }
}
