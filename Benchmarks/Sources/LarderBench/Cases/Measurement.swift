import CBenchSystem
import Foundation

/// A peer answered wrongly, or the harness could not do its work.
struct BenchmarkFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Makes one planned measurement of one peer. The cases are in extensions, a file for each kind.
///
/// It is generic over the driver and always called with its concrete type (see `Peer`), so that the measured loops are specialized for the peer.
struct Measurement<D: Driver> {
    let plan: Plan
    /// An empty directory of this measurement's own.
    let directory: String

    /// Makes the measurement.
    ///
    /// - Throws: `NotOffered` where the peer does not have what the case measures.
    func run() throws -> Row {
        switch plan.case {
        case .memoryGetHit: try memoryGetHit()
        case .memoryGetHitInstructions: try memoryGetHitInstructions()
        case .diskGet: try diskGet()
        case .memoryGetEvicting: try memoryGetEvicting()
        case .durablePut, .unflushedPut: try put()
        case .batchPut: try batchPut(perTransaction: 1_000)
        case .durableBatchPut: try batchPut(perTransaction: 64)
        case .bulkLoadSorted: try bulkLoad(Records.sortedIndexes(plan.entries), appending: true)
        case .bulkLoadRandom:
            try bulkLoad(Distribution.permutation(of: plan.entries, seed: plan.seed(thread: 0)), appending: false)
        case .scan: try scan(verifying: true)
        case .scanUnverified: try scan(verifying: false)
        case .ycsbA: try mixed(readsOfHundred: 50)
        case .ycsbB: try mixed(readsOfHundred: 95)
        case .ycsbC: try mixed(readsOfHundred: 100)
        case .reopenKilled: try reopenKilled()
        case .memoryOverhead: try memoryOverhead()
        case .hitRatio: throw NotOffered("is replayed by the hit-ratio command")
        }
    }

    // MARK: What the cases share

    /// Records of a transaction where a load is only preparation, and in the bulk loads.
    static var recordsPerTransaction: Int { 10_000 }

    func open(_ purpose: DriverOptions.Purpose, flushing: Bool) throws -> D {
        try D(
            DriverOptions(
                directory: directory, purpose: purpose, entries: plan.entries, valueSize: plan.valueSize,
                flushing: flushing))
    }

    /// Opens the peer and loads every entry in key order, then leaves it at rest.
    func openLoaded(_ purpose: DriverOptions.Purpose, flushing: Bool) throws -> D {
        let driver = try open(purpose, flushing: flushing)
        try load(driver)
        return driver
    }

    func load(_ driver: D) throws {
        let indexes = Records.sortedIndexes(plan.entries)
        for start in stride(from: 0, to: indexes.count, by: Self.recordsPerTransaction) {
            let chunk = indexes[start..<min(start + Self.recordsPerTransaction, indexes.count)]
            let records = Records(chunk, valueSize: plan.valueSize, version: 0)
            try driver.write(records, 0..<records.count, appending: true)
        }
        try driver.settle()
    }

    /// The requests of each thread.
    func draws(perThread count: Int) -> [Draws] {
        (0..<plan.threads).map { thread in
            Draws(plan.distribution.draw(count, below: plan.entries, seed: plan.seed(thread: thread)))
        }
    }

    /// Reads whole values of a sample of entries and compares every byte.
    func verify(_ driver: D, _ indexes: some Collection<UInt32>, version: (UInt32) -> UInt8) throws {
        let session = try driver.makeSession()
        let step = max(1, indexes.count / 1_000)
        for (position, index) in indexes.enumerated() where position % step == 0 {
            let expected = Entry.value(index, version: version(index), size: plan.valueSize)
            guard let value = try session.value(for: Entry.key(index).span) else {
                throw BenchmarkFailure("\(plan.peer.rawValue) lost entry \(index)")
            }
            guard value == expected else { throw BenchmarkFailure("\(plan.peer.rawValue) damaged entry \(index)") }
        }
    }

    /// A row with the figures that every case has.
    func row(_ interval: Interval, operations: Int) -> Row {
        var row = plan.emptyRow
        let operations = Double(operations)
        row.opsPerSecond = (operations / Double(interval.wall) * 1e9).rounded(digits: 1)
        row.nanosecondsPerOp = (Double(interval.wall) * Double(plan.threads) / operations).rounded(digits: 2)
        row.cpuNanosecondsPerOp = (Double(interval.cpu) / operations).rounded(digits: 2)
        if plan.case.writes {
            row.flushesPerOp = interval.flushes.map { (Double($0) / operations).rounded(digits: 5) }
            row.bytesWrittenPerOp = interval.bytesWritten.map { (Double($0) / operations).rounded(digits: 1) }
        }
        return row
    }

    /// The disk's own flush now, in nanoseconds, as a list of single flushes.
    func probeFlush() throws -> [UInt64] {
        var flushes = [UInt64](repeating: 0, count: 100)
        let code = unsafe bench_probe_flush(directory, &flushes, flushes.count)
        guard code == 0 else { throw BenchmarkFailure("cannot flush: error \(code)") }
        return flushes
    }
}

/// Latencies of single operations, in nanoseconds.
struct Latencies: Sendable {
    private(set) var samples: [UInt64] = []

    init(capacity: Int) {
        samples.reserveCapacity(capacity)
    }

    mutating func add(_ nanoseconds: UInt64) {
        samples.append(nanoseconds)
    }

    /// The smallest sample that at least a share of all are not above (nearest rank).
    static func percentile(_ share: Double, of samples: [UInt64]) -> Double? {
        guard !samples.isEmpty else { return nil }
        let sorted = samples.sorted()
        let rank = Int((share * Double(sorted.count)).rounded(.up))
        return Double(sorted[max(0, min(sorted.count, rank) - 1)])
    }
}
