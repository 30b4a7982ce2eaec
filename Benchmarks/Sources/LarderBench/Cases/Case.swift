/// The cases, by the names that the rows give them.
enum Case: String, CaseIterable, Sendable {
    case memoryGetHit = "mem_get_hit"
    case memoryGetHitInstructions = "mem_get_hit_instructions"
    case diskGet = "disk_get"
    case memoryGetEvicting = "mem_get_evicting"
    case durablePut = "durable_put"
    case unflushedPut = "nosync_put"
    case batchPut = "batch_put"
    case durableBatchPut = "durable_batch_put"
    case bulkLoadSorted = "bulk_load_sorted"
    case bulkLoadRandom = "bulk_load_random"
    case scan = "scan"
    case scanUnverified = "scan_unverified"
    case ycsbA = "ycsb_A"
    case ycsbB = "ycsb_B"
    case ycsbC = "ycsb_C"
    case reopenKilled = "reopen_killed"
    case memoryOverhead = "mem_overhead"
    case hitRatio = "hit_ratio"

    /// Whether flushes and written bytes are counted.
    var writes: Bool {
        switch self {
        case .durablePut, .unflushedPut, .batchPut, .durableBatchPut, .bulkLoadSorted, .bulkLoadRandom, .ycsbA, .ycsbB:
            true
        default: false
        }
    }
}
