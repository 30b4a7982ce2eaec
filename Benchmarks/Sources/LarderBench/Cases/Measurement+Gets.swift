import CBenchSystem

/// Gets: from memory, from disk, and through a memory tier too small for all.
extension Measurement {
    /// Asks for each drawn entry in turn and checks what it sees of each value.
    ///
    /// - Returns: How many were absent.
    @discardableResult
    static func get(_ draws: Draws, _ range: Range<Int>, from session: D.Session, valueSize: Int) throws -> Int {
        let keys = draws.keys.span
        let heads = draws.heads.span
        var absent = 0
        var wrong = 0
        for position in range {
            let start = position * Entry.keySize
            if let seen = try session.get(keys.extracting(start..<start + Entry.keySize)) {
                if seen.head != heads[position] || seen.size != valueSize { wrong += 1 }
            } else {
                absent += 1
            }
        }
        if wrong > 0 { throw BenchmarkFailure("\(wrong) of \(range.count) gets saw a wrong value") }
        return absent
    }

    /// The same for draws that must all be present.
    static func getPresent(_ draws: Draws, _ range: Range<Int>, from session: D.Session, valueSize: Int) throws {
        let absent = try get(draws, range, from: session, valueSize: valueSize)
        if absent > 0 { throw BenchmarkFailure("\(absent) of \(range.count) gets found nothing") }
    }

    /// Times single gets. A clock reading on either side is in each sample: about 25 ns on most machines.
    static func latencies(_ draws: Draws, _ range: Range<Int>, from session: D.Session) throws -> [UInt64] {
        let keys = draws.keys.span
        var latencies = Latencies(capacity: range.count)
        for position in range {
            let start = position * Entry.keySize
            let before = bench_now()
            _ = try session.get(keys.extracting(start..<start + Entry.keySize))
            latencies.add(bench_now() - before)
        }
        return latencies.samples
    }

    private func addLatencies(_ samples: [UInt64], to row: inout Row) {
        row.nanosecondsPerOpP50 = Latencies.percentile(0.5, of: samples)
        row.p99 = Latencies.percentile(0.99, of: samples)
    }

    /// Brings every entry into memory, then gets a share of what is to be measured, so that caches and branch predictors know the work.
    private func warm(_ driver: D, _ draws: Draws) throws {
        let session = try driver.makeSession()
        let everything = Draws([UInt32](0..<UInt32(plan.entries)))
        try Self.getPresent(everything, 0..<everything.count, from: session, valueSize: plan.valueSize)
        try Self.getPresent(draws, 0..<draws.count / 4, from: session, valueSize: plan.valueSize)
    }

    /// `mem_get_hit`: every get finds its entry in memory.
    func memoryGetHit() throws -> Row {
        let driver = try openLoaded(.memoryHits, flushing: false)
        defer { try? driver.close() }
        let draws = draws(perThread: plan.operationsPerThread)
        try verify(driver, draws[0].indexes) { _ in 0 }
        try warm(driver, draws[0])
        let interval = try hits(driver, draws, threads: plan.threads)
        var row = row(interval, operations: plan.operationsPerThread * plan.threads)
        if plan.threads > 1 { row.speedup = try speedup(driver, draws).rounded(digits: 3) }
        let samples = min(200_000, plan.operationsPerThread)
        addLatencies(try Self.latencies(draws[0], 0..<samples, from: try driver.makeSession()), to: &row)
        return row
    }

    /// Gets what each of some threads draws.
    private func hits(_ driver: D, _ draws: [Draws], threads: Int) throws -> Interval {
        let valueSize = plan.valueSize
        return try Interval.measure(threads: threads) { _ in
            try driver.makeSession()
        } body: { thread, session in
            try Self.getPresent(draws[thread], 0..<draws[thread].count, from: session, valueSize: valueSize)
        }
    }

    /// How many times as much all threads get as one alone: the median of alternations, because two processes differ by more than that where memory lies.
    private func speedup(_ driver: D, _ draws: [Draws]) throws -> Double {
        let ratios = try (0..<5).map { _ in
            let alone = try hits(driver, draws, threads: 1)
            let together = try hits(driver, draws, threads: plan.threads)
            return Double(alone.wall) * Double(plan.threads) / Double(together.wall)
        }
        return ratios.median ?? 0
    }

    /// `mem_get_hit_instructions`: the same gets while callgrind counts. The instructions are in callgrind's output; the row comes without them.
    func memoryGetHitInstructions() throws -> Row {
        guard bench_under_valgrind() else { throw NotOffered("is counted under valgrind, which is not there") }
        let driver = try openLoaded(.memoryHits, flushing: false)
        defer { try? driver.close() }
        let draws = draws(perThread: plan.operationsPerThread)[0]
        let session = try driver.makeSession()
        let wanted = Draws(Array(Set(draws.indexes)))
        if plan.peer != .null {
            try Self.getPresent(wanted, 0..<wanted.count, from: session, valueSize: plan.valueSize)
        }
        bench_start_counting()
        _ = try Self.count(draws, from: session)
        bench_stop_counting()
        return plan.emptyRow
    }

    /// Gets without checks, since the null driver has no right answers.
    @inline(never)
    private static func count(_ draws: Draws, from session: D.Session) throws -> UInt64 {
        let keys = draws.keys.span
        var sum: UInt64 = 0
        for position in 0..<draws.count {
            // Unchecked, so that little but the gets is counted.
            let start = position &* Entry.keySize
            let key = unsafe keys.extracting(unchecked: start..<start &+ Entry.keySize)
            sum &+= try session.get(key)?.head ?? 1
        }
        return sum
    }

    /// `disk_get`: each entry is asked for once, in random order, after opening: every get misses memory, is answered by the disk (from the page
    /// cache, which is warm), and populates memory where the peer has a memory tier.
    func diskGet() throws -> Row {
        do {
            let loader = try openLoaded(.durable, flushing: false)
            try verify(loader, 0..<UInt32(plan.entries)) { _ in 0 }
            try loader.close()
        }
        let driver = try open(.diskGets, flushing: false)
        defer { try? driver.close() }
        // The last tenth is kept for the latencies.
        let order = Draws(Distribution.permutation(of: plan.entries, seed: plan.seed(thread: 0)))
        let measured = order.count - order.count / 10
        let session = try driver.makeSession()
        let interval = try Interval.measure {
            try Self.getPresent(order, 0..<measured, from: session, valueSize: plan.valueSize)
        }
        var row = row(interval, operations: measured)
        addLatencies(try Self.latencies(order, measured..<order.count, from: session), to: &row)
        return row
    }

    /// `mem_get_evicting`: the memory tier alone, with room for a tenth of the entries; what is missed is inserted.
    func memoryGetEvicting() throws -> Row {
        let driver = try open(.memoryAlone(capacity: plan.entries / 10), flushing: false)
        defer { try? driver.close() }
        let session = try driver.makeSession()
        let warming = Draws(plan.distribution.draw(plan.entries, below: plan.entries, seed: plan.seed(thread: 1)))
        let draws = draws(perThread: plan.operationsPerThread)[0]
        try getOrInsert(warming, session)
        var inserted = 0
        let interval = try Interval.measure { inserted = try getOrInsert(draws, session) }
        var row = row(interval, operations: draws.count)
        row.hitRatio = (1 - Double(inserted) / Double(draws.count)).rounded(digits: 5)
        return row
    }

    /// Gets each drawn entry and inserts it where it is absent.
    ///
    /// - Returns: How many were inserted.
    @discardableResult
    private func getOrInsert(_ draws: Draws, _ session: D.Session) throws -> Int {
        let keys = draws.keys.span
        let heads = draws.heads.span
        var value: [UInt8] = []
        value.reserveCapacity(plan.valueSize)
        var inserted = 0
        var wrong = 0
        for position in 0..<draws.count {
            let key = keys.extracting(position * Entry.keySize..<(position + 1) * Entry.keySize)
            if let seen = try session.get(key) {
                if seen.head != heads[position] || seen.size != plan.valueSize { wrong += 1 }
            } else {
                value.removeAll(keepingCapacity: true)
                Entry.appendValue(draws.indexes[position], version: 0, size: plan.valueSize, to: &value)
                try session.put(key, value.span)
                inserted += 1
            }
        }
        if wrong > 0 { throw BenchmarkFailure("\(wrong) of \(draws.count) gets saw a wrong value") }
        return inserted
    }
}
