internal import CProcessor
internal import Synchronization

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Lets lookups without a lock retain what they find: whoever has unlinked an object waits, before letting it go, until all lookups have ended that may still
/// be about to retain it (a grace period, as in read-copy-update: McKenney and Slingwine, "Read-copy update: using execution history to solve concurrency
/// problems", PDCS 1998; Hart et al., "Performance of memory reclamation for lockless synchronization", JPDC 2007).
///
/// A section is a few hundred instructions, so the wait is short, and it is rare: a lookup waits for nobody, and a writer waits only if its removal of an object
/// met with a lookup of objects.
@safe
struct RetainSections: ~Copyable, @unchecked Sendable {
    // Unchecked: the pointer never changes, and what it points to is atomic.
    private let places: UnsafeMutablePointer<Place>
    private static let count = ThreadNumber.most + 1

    /// A thread's number of beginnings and ends: odd while it is in a section. A cache line of its own, as the thread writes it at each lookup.
    private struct Place: ~Copyable {
        let number = Atomic<UInt64>(0)
        private let padding: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0)
    }

    /// Their memory, in bytes.
    static let byteCount = count * 64

    init() {
        unsafe places = UnsafeMutableRawPointer.allocate(byteCount: Self.byteCount, alignment: 64)
            .bindMemory(to: Place.self, capacity: Self.count)
        for place in 0..<Self.count { unsafe (places + place).initialize(to: Place()) }
    }

    deinit {
        unsafe places.deinitialize(count: Self.count)
        unsafe UnsafeMutableRawPointer(places).deallocate()
    }

    /// Begins a section of the calling thread, to be ended by ``end(_:)`` soon and on the same thread. Returns nil if the thread has no number, or is in a section.
    @inline(__always)
    func begin() -> Int? {
        var thread = ThreadNumber.current
        if thread <= 0 { thread = ThreadNumber.assign() }
        guard thread > 0 else { return nil }
        let number = unsafe places[thread].number.load(ordering: .relaxed)
        guard number & 1 == 0 else { return nil }
        unsafe places[thread].number.store(number &+ 1, ordering: .relaxed)
        // Others see the section before it reads anything; or it sees what they have unlinked.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return thread
    }

    /// Ends the section that ``begin()`` returned.
    @inline(__always)
    func end(_ thread: Int) {
        let number = unsafe places[thread].number.load(ordering: .relaxed)
        unsafe places[thread].number.store(number &+ 1, ordering: .releasing)
    }

    /// Waits until the sections under way have ended: what was unlinked before, nobody is about to retain any more. Not to be called in a section.
    func awaitEnds() {
        guard ProtocolGuards.awaitsLookups else { return }
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        for place in 0..<Self.count {
            let number = unsafe places[place].number.load(ordering: .acquiring)
            guard number & 1 == 1 else { continue }
            // Its thread may have been put to sleep, so the processor is offered to it.
            while unsafe places[place].number.load(ordering: .acquiring) == number { sched_yield() }
        }
    }
}
