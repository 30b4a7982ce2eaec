import Foundation

/// One measurement: one JSON object on a line of the results.
///
/// The names are those of the project's row format, hence the underscores. Fields that a case does not have are left out.
struct Row: Codable, Equatable, Sendable {
    /// What identifies a measurement apart from its repetition.
    struct Identity: Hashable, Sendable {
        var `case`: String
        var peer: String
        var threads: Int
        var n: Int
        var vsize: Int
        var dist: String
        var durable: Bool
        var trace: String?
        var cacheObjects: Int?
    }

    var peer: String
    var `case`: String
    /// Writers or readers, threads or tasks.
    var threads: Int
    /// Entries held.
    var n: Int
    /// Bytes in each value.
    var vsize: Int
    /// `u` uniform, `z` zipf.
    var dist: String
    /// Whether a write that returned was flushed.
    var durable: Bool
    /// The repetition, from 0.
    var rep: Int

    /// Operations a second over all threads.
    var opsPerSecond: Double?
    /// Wall time × threads ÷ operations.
    var nanosecondsPerOp: Double?
    /// Processor time of all the process's threads ÷ operations.
    var cpuNanosecondsPerOp: Double?
    /// Median and 99th percentile of single operations.
    var nanosecondsPerOpP50: Double?
    var p99: Double?
    /// Operations a second of all threads ÷ those of one alone, in the same process.
    var speedup: Double?
    /// Flushes ÷ operations: fdatasync, fsync, msync(MS_SYNC) and writes through an O_DSYNC descriptor.
    var flushesPerOp: Double?
    /// Bytes handed to the write calls ÷ operations.
    var bytesWrittenPerOp: Double?
    var hitRatio: Double?
    /// Memory per entry beyond its key and value.
    var overheadBytesPerEntry: Double?
    /// Instructions per operation under callgrind, the harness's own subtracted.
    var instructionsPerOp: Double?

    /// The disk's own flush (a 4 KiB overwrite and fdatasync) around a durable measurement, median.
    var diskFlushNanoseconds: Double?
    /// The parts of `reopen_killed`.
    var openNanoseconds: Double?
    var firstGetNanoseconds: Double?
    /// The cell of `hit_ratio`.
    var trace: String?
    var cacheObjects: Int?

    enum CodingKeys: String, CodingKey {
        case peer, `case`, threads, n, vsize, dist, durable, rep, p99, speedup, trace
        case opsPerSecond = "ops_per_s"
        case nanosecondsPerOp = "ns_per_op"
        case cpuNanosecondsPerOp = "cpu_ns_per_op"
        case nanosecondsPerOpP50 = "ns_per_op_p50"
        case flushesPerOp = "fsyncs_per_op"
        case bytesWrittenPerOp = "bytes_written_per_op"
        case hitRatio = "hit_ratio"
        case overheadBytesPerEntry = "overhead_bytes_per_entry"
        case instructionsPerOp = "instructions_per_op"
        case diskFlushNanoseconds = "disk_flush_ns"
        case openNanoseconds = "open_ns"
        case firstGetNanoseconds = "first_get_ns"
        case cacheObjects = "cache_objects"
    }

    init(
        peer: String, case: String, threads: Int, n: Int, vsize: Int, dist: String, durable: Bool, rep: Int
    ) {
        self.peer = peer
        self.case = `case`
        self.threads = threads
        self.n = n
        self.vsize = vsize
        self.dist = dist
        self.durable = durable
        self.rep = rep
    }

    var identity: Identity {
        Identity(
            case: self.case, peer: peer, threads: threads, n: n, vsize: vsize, dist: dist, durable: durable,
            trace: trace, cacheObjects: cacheObjects)
    }

    /// The row as one line of JSON without the newline, keys sorted.
    func line() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    /// Reads rows from lines of JSON.
    static func read(lines text: String) throws -> [Row] {
        try text.split(separator: "\n").map { try JSONDecoder().decode(Row.self, from: Data($0.utf8)) }
    }
}

extension Double {
    /// Rounded to a number of digits after the point, as rows print it.
    func rounded(digits: Int) -> Double {
        let scale = pow(10, Double(digits))
        return (self * scale).rounded() / scale
    }
}
