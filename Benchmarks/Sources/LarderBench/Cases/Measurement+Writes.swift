import CBenchSystem
import Foundation
import Synchronization

/// Puts, batches and bulk loads.
extension Measurement {
    /// `durable_put` and `nosync_put`: puts that overwrite, one a transaction, by one or more writers at once.
    ///
    /// One writer uses the peer's blocking form. More are tasks where the peer has an asynchronous form, and threads where it has none.
    func put() throws -> Row {
        let driver = try openLoaded(.durable, flushing: plan.durable)
        defer { try? driver.close() }
        let perThread = plan.operationsPerThread
        let records = (0..<plan.threads).map { thread in
            let indexes = plan.distribution.draw(perThread, below: plan.entries, seed: plan.seed(thread: thread))
            return Records(indexes, valueSize: plan.valueSize, version: 1)
        }
        var flushes = plan.durable ? try probeFlush() : []
        let latencies = Mutex<[UInt64]>([])
        let interval: Interval
        if plan.peer.writesAsTasks(plan.threads) {
            interval = try putAsTasks(driver, records, latencies)
        } else {
            interval = try Interval.measure(threads: plan.threads) { _ in
                try driver.makeSession()
            } body: { [plan] thread, session in
                let samples = try Self.put(records[thread], to: session, sampling: plan.durable)
                latencies.withLock { $0 += samples }
            }
        }
        if plan.durable { flushes += try probeFlush() }
        let written = Set(records.flatMap(\.indexes))
        try verify(driver, Array(written)) { _ in 1 }
        var row = row(interval, operations: perThread * plan.threads)
        row.diskFlushNanoseconds = Latencies.percentile(0.5, of: flushes)
        let samples = latencies.withLock { $0 }
        row.nanosecondsPerOpP50 = Latencies.percentile(0.5, of: samples)
        row.p99 = Latencies.percentile(0.99, of: samples)
        return row
    }

    /// Puts records one after the other.
    ///
    /// - Parameter sampling: Whether to time each put, which is worth its two clock readings where a put waits for the disk.
    private static func put(_ records: Records, to session: D.Session, sampling: Bool) throws -> [UInt64] {
        let bytes = records.bytes.span
        var latencies = Latencies(capacity: sampling ? records.count : 0)
        for position in 0..<records.count {
            let key = bytes.extracting(records.keyRange(position))
            let value = bytes.extracting(records.valueRange(position))
            guard sampling else {
                try session.put(key, value)
                continue
            }
            let before = bench_now()
            try session.put(key, value)
            latencies.add(bench_now() - before)
        }
        return latencies.samples
    }

    private func putAsTasks(_ driver: D, _ records: [Records], _ latencies: borrowing Mutex<[UInt64]>) throws
        -> Interval
    {
        let sampling = plan.durable
        return try Interval.measure {
            let samples = try runTasks(records.count) {
                try await Self.put(records[$0], to: driver, sampling: sampling)
            }
            latencies.withLock { $0 = samples.flatMap(\.self) }
        }
    }

    private static func put(_ records: Records, to driver: D, sampling: Bool) async throws -> [UInt64] {
        var latencies = Latencies(capacity: sampling ? records.count : 0)
        for position in 0..<records.count {
            let key = Array(records.bytes[records.keyRange(position)])
            let value = Array(records.bytes[records.valueRange(position)])
            let before = sampling ? bench_now() : 0
            try await driver.put(key: key, value: value)
            if sampling { latencies.add(bench_now() - before) }
        }
        return latencies.samples
    }

    /// `batch_put` and `durable_batch_put`: puts that overwrite, several a transaction.
    ///
    /// Where they are flushed, those of a transaction are in the order of their keys, as a group commit applies them: it is what a group
    /// commit would cost that takes no time to bring its writers together.
    func batchPut(perTransaction count: Int) throws -> Row {
        let driver = try openLoaded(.durable, flushing: plan.durable)
        defer { try? driver.close() }
        var indexes = plan.distribution.draw(
            plan.operationsPerThread, below: plan.entries, seed: plan.seed(thread: 0))
        if plan.durable {
            for start in stride(from: 0, to: indexes.count, by: count) {
                let batch = start..<min(start + count, indexes.count)
                indexes[batch].sort { Entry.keyOrder($0) < Entry.keyOrder($1) }
            }
        }
        let records = Records(indexes, valueSize: plan.valueSize, version: 1)
        var flushes = plan.durable ? try probeFlush() : []
        let interval = try Interval.measure { try write(records, to: driver, perTransaction: count, appending: false) }
        if plan.durable { flushes += try probeFlush() }
        try verify(driver, indexes) { _ in 1 }
        var row = row(interval, operations: records.count)
        if plan.durable { row.diskFlushNanoseconds = Latencies.percentile(0.5, of: flushes) }
        return row
    }

    /// `bulk_load_sorted` and `bulk_load_random`: every entry into an empty store, 10,000 a transaction, not flushed.
    func bulkLoad(_ order: [UInt32], appending: Bool) throws -> Row {
        let driver = try open(.durable, flushing: false)
        defer { try? driver.close() }
        let records = Records(order, valueSize: plan.valueSize, version: 0)
        let interval = try Interval.measure {
            try write(records, to: driver, perTransaction: Self.recordsPerTransaction, appending: appending)
        }
        try verify(driver, order) { _ in 0 }
        return row(interval, operations: records.count)
    }

    private func write(_ records: Records, to driver: D, perTransaction: Int, appending: Bool) throws {
        for start in stride(from: 0, to: records.count, by: perTransaction) {
            try driver.write(records, start..<min(start + perTransaction, records.count), appending: appending)
        }
    }

    /// `ycsb_A`, `ycsb_B` and `ycsb_C`: reads and overwriting puts mixed in the shares of the benchmark's workloads of these names.
    func mixed(readsOfHundred: UInt64) throws -> Row {
        let durablePeer = plan.peer.keepsOnDisk
        if plan.durable && !durablePeer { throw NotOffered("keeps nothing on disk") }
        let driver = try openLoaded(durablePeer ? .durable : .memoryHits, flushing: plan.durable)
        defer { try? driver.close() }
        let perThread = plan.operationsPerThread
        let work = (0..<plan.threads).map { thread in
            MixedRequests(
                plan.distribution.draw(perThread, below: plan.entries, seed: plan.seed(thread: thread)),
                readsOfHundred: readsOfHundred, valueSize: plan.valueSize, seed: plan.seed(thread: thread + 1_000))
        }
        var flushes = plan.durable ? try probeFlush() : []
        let interval: Interval
        if plan.peer.writesAsTasks(plan.threads) {
            interval = try Interval.measure {
                _ = try runTasks(plan.threads) { try await Self.serve(work[$0], by: driver) }
            }
        } else {
            interval = try Interval.measure(threads: plan.threads) { _ in
                try driver.makeSession()
            } body: { thread, session in
                try Self.serve(work[thread], by: session)
            }
        }
        if plan.durable { flushes += try probeFlush() }
        var row = row(interval, operations: perThread * plan.threads)
        row.diskFlushNanoseconds = Latencies.percentile(0.5, of: flushes)
        return row
    }

    private static func serve(_ requests: MixedRequests, by session: D.Session) throws {
        let bytes = requests.records.bytes.span
        for position in 0..<requests.records.count {
            let key = bytes.extracting(requests.records.keyRange(position))
            if requests.reads[position] {
                try requests.check(try session.get(key), position)
            } else {
                try session.put(key, bytes.extracting(requests.records.valueRange(position)))
            }
        }
    }

    private static func serve(_ requests: MixedRequests, by driver: D) async throws {
        let session = try driver.makeSession()
        for position in 0..<requests.records.count {
            let key = Array(requests.records.bytes[requests.records.keyRange(position)])
            if requests.reads[position] {
                try requests.check(try session.get(key.span), position)
            } else {
                let value = Array(requests.records.bytes[requests.records.valueRange(position)])
                try await driver.put(key: key, value: value)
            }
        }
    }
}

/// A thread's reads and puts of a mixed case. An entry is seen as it was loaded or as it was overwritten, whichever came first.
struct MixedRequests: Sendable {
    let records: Records
    let reads: [Bool]
    private let loadedHeads: [UInt64]
    private let overwrittenHeads: [UInt64]

    init(_ indexes: [UInt32], readsOfHundred: UInt64, valueSize: Int, seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        records = Records(indexes, valueSize: valueSize, version: 1)
        reads = indexes.map { _ in generator.next() % 100 < readsOfHundred }
        loadedHeads = indexes.map { Entry.valueHead($0, version: 0) }
        overwrittenHeads = indexes.map { Entry.valueHead($0, version: 1) }
    }

    func check(_ seen: Glimpse?, _ position: Int) throws {
        guard let seen, seen.size == records.valueSize,
            seen.head == loadedHeads[position] || seen.head == overwrittenHeads[position]
        else { throw BenchmarkFailure("a read saw a wrong value") }
    }
}
