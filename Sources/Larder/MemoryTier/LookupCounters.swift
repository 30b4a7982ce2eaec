internal import Synchronization

/// Counts hits and misses, exactly, without the threads that count getting in each other's way: each counts on a cache line of its own
/// (Dice, Lev and Moir, "Scalable statistics counters", SPAA 2013).
@safe
struct LookupCounters: ~Copyable, @unchecked Sendable {
    // Unchecked: the pointer never changes, and what it points to is atomic.
    private let stripes: UnsafeMutablePointer<Stripe>
    // The first is for all threads that have no number.
    private static let count = ThreadNumber.most + 1

    private struct Stripe: ~Copyable {
        let hits = Atomic<Int>(0)
        let misses = Atomic<Int>(0)
        private let padding: (Int, Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0, 0)
    }

    /// Their memory, in bytes.
    static let byteCount = count * 64

    init() {
        unsafe stripes = UnsafeMutableRawPointer.allocate(byteCount: Self.byteCount, alignment: 64)
            .bindMemory(to: Stripe.self, capacity: Self.count)
        for stripe in 0..<Self.count { unsafe (stripes + stripe).initialize(to: Stripe()) }
    }

    deinit {
        unsafe stripes.deinitialize(count: Self.count)
        unsafe UnsafeMutableRawPointer(stripes).deallocate()
    }

    @inline(__always)
    func countHit() {
        let number = ThreadNumber.current
        guard number > 0 else { return countHitOfNewThread() }
        unsafe stripes[number].hits.incrementAlone()
    }

    @inline(__always)
    func countMiss() {
        let number = ThreadNumber.current
        guard number > 0 else { return countMissOfNewThread() }
        unsafe stripes[number].misses.incrementAlone()
    }

    @inline(never)
    private func countHitOfNewThread() {
        _ = unsafe stripes[ThreadNumber.assign()].hits.add(1, ordering: .relaxed)
    }

    @inline(never)
    private func countMissOfNewThread() {
        _ = unsafe stripes[ThreadNumber.assign()].misses.add(1, ordering: .relaxed)
    }

    /// All that were counted. Those of this moment may be missing.
    var sums: (hits: Int, misses: Int) {
        var sums = (hits: 0, misses: 0)
        for stripe in 0..<Self.count {
            unsafe sums.hits += stripes[stripe].hits.load(ordering: .relaxed)
            unsafe sums.misses += stripes[stripe].misses.load(ordering: .relaxed)
        }
        return sums
    }
}

extension Atomic<Int> {
    /// Adds one; nobody else does so at the same time.
    @inline(__always)
    fileprivate func incrementAlone() {
        store(load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }
}
