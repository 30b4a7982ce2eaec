import Larder

/// What a replay did, and how the store served it.
struct ReplayReport {
    var reads: Int
    var writes: Int
    /// Reads that gave a value of another key, or an older version than was acknowledged or seen before.
    var wrong: Int
    var duration: Duration
    var memoryHits: Int
    var diskHits: Int
    var loads: Int
    var commits: Int
    var transactions: Int
    var bytesWritten: Int
    var fileBytes: Int
    var memoryBytes: Int

    init(
        reads: Int, writes: Int, wrong: Int, duration: Duration, before: StoreStatistics, after: StoreStatistics
    ) {
        self.reads = reads
        self.writes = writes
        self.wrong = wrong
        self.duration = duration
        memoryHits = after.memory.hits - before.memory.hits
        diskHits = after.durable.hits - before.durable.hits
        loads = after.loads - before.loads
        commits = after.commits.commits - before.commits.commits
        transactions = after.commits.transactions - before.commits.transactions
        bytesWritten = after.commits.bytes - before.commits.bytes
        fileBytes = after.durable.fileBytes
        memoryBytes = after.memory.bytes
    }

    private var seconds: Double { duration / .seconds(1) }
    private var requests: Int { reads + writes }
    private var requestsPerSecond: Double { Double(requests) / max(seconds, 1e-9) }
    private var transactionsPerCommit: Double { commits == 0 ? 0 : Double(transactions) / Double(commits) }
    /// Reads that neither tier answered: they loaded the value, or waited with others for it to be loaded.
    private var sourceReads: Int { max(reads - memoryHits - diskHits, 0) }

    /// For people.
    var text: String {
        var table = TextTable([.left, .right, .left])
        table.add(
            "requests", Quantity.count(requests),
            "in \(Quantity.decimal(seconds, digits: 2)) s, \(Quantity.count(Int(requestsPerSecond))) a second")
        table.add("  reads", Quantity.count(reads))
        table.add("    from memory", Quantity.percentage(memoryHits, of: reads), Quantity.count(memoryHits))
        table.add("    from disk", Quantity.percentage(diskHits, of: reads), Quantity.count(diskHits))
        table.add(
            "    from the source", Quantity.percentage(sourceReads, of: reads),
            "\(Quantity.count(sourceReads)), in \(Quantity.count(loads, "load"))")
        table.add("  writes", Quantity.count(writes), "all acknowledged")
        table.add(
            "commits", Quantity.count(commits),
            "\(Quantity.decimal(transactionsPerCommit, digits: 1)) transactions each")
        table.add(
            "values written", Quantity.bytes(bytesWritten),
            "the file has \(Quantity.bytes(fileBytes)), memory holds \(Quantity.bytes(memoryBytes))")
        table.add("wrong values", Quantity.count(wrong))
        return table.text
    }

    /// For programs.
    var json: JSON {
        .object([
            ("requests", .integer(requests)), ("reads", .integer(reads)), ("writes", .integer(writes)),
            ("seconds", .decimal(seconds, digits: 6)),
            ("requests_per_second", .decimal(requestsPerSecond, digits: 1)),
            (
                "hits",
                .object([
                    ("memory", .integer(memoryHits)), ("disk", .integer(diskHits)), ("source", .integer(sourceReads)),
                ])
            ),
            (
                "hit_ratio",
                .object([("memory", ratio(memoryHits)), ("disk", ratio(diskHits)), ("source", ratio(sourceReads))])
            ),
            ("loads", .integer(loads)), ("commits", .integer(commits)), ("transactions", .integer(transactions)),
            ("transactions_per_commit", .decimal(transactionsPerCommit, digits: 2)),
            ("bytes_written", .integer(bytesWritten)), ("file_bytes", .integer(fileBytes)),
            ("memory_bytes", .integer(memoryBytes)), ("wrong_values", .integer(wrong)),
        ])
    }

    private func ratio(_ hits: Int) -> JSON {
        reads == 0 ? .null : .decimal(Double(hits) / Double(reads), digits: 6)
    }
}
