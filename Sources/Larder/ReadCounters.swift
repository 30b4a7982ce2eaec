internal import Synchronization

/// Counts of reads that memory did not answer. Each of them cost a read transaction, so an atomic increment does not show.
final class ReadCounters: Sendable {
    let durableHits = Atomic<Int>(0)
    let durableMisses = Atomic<Int>(0)
    let loads = Atomic<Int>(0)
    let failedLoads = Atomic<Int>(0)
    let staleAnswers = Atomic<Int>(0)

    func countDurableLookup(isHit: Bool) {
        if isHit { durableHits.add(1, ordering: .relaxed) } else { durableMisses.add(1, ordering: .relaxed) }
    }
}
