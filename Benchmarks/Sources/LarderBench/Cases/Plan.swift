/// One measurement to make: a case, its parameters, and a peer.
struct Plan: Sendable {
    var `case`: Case
    var peer: Peer
    /// Readers or writers at once.
    var threads: Int
    /// Entries held.
    var entries: Int
    /// Bytes in every value.
    var valueSize: Int
    var distribution: Distribution
    /// Whether every acknowledged write is flushed.
    var durable: Bool
    var repetition: Int

    /// The seed of a thread's draws. It depends on nothing else, so that every peer and every repetition gets the same requests.
    func seed(thread: Int) -> UInt64 {
        SplitMix64.mix(0x4C41_5244_4552 &+ UInt64(thread))
    }

    /// Operations of each thread inside the clock.
    ///
    /// Chosen so that a measurement takes about a second for the slowest of the usual peers: long enough to drown a scheduler's quantum, short
    /// enough to alternate peers often.
    var operationsPerThread: Int {
        switch self.case {
        case .memoryGetHit, .diskGet, .scan, .scanUnverified, .bulkLoadSorted, .bulkLoadRandom, .reopenKilled,
            .memoryOverhead, .hitRatio:
            entries
        case .memoryGetHitInstructions: min(entries, 50_000)
        case .memoryGetEvicting: 2 * entries
        case .durablePut: threads == 1 ? min(entries, 5_000) : min(entries, 20_480) / threads
        case .unflushedPut: min(entries, 100_000)
        case .batchPut: min(entries, 200_000)
        case .durableBatchPut: min(entries, 20_480)
        case .ycsbA, .ycsbB, .ycsbC: (durable ? min(entries, 20_480) : min(entries, 200_000)) / threads
        }
    }

    /// A row of this plan without figures.
    var emptyRow: Row {
        Row(
            peer: peer.rawValue, case: self.case.rawValue, threads: threads, n: entries, vsize: valueSize,
            dist: distribution.rawValue, durable: durable, rep: repetition)
    }
}
