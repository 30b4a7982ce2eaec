/// The peers, by the names that the rows give them.
enum Peer: String, CaseIterable, Sendable {
    /// Larder, values copied out as arrays; in the write cases the blocking form, or tasks where there are several writers.
    case larder
    case larderBorrow = "larder-borrow"
    case larderObject = "larder-object"
    case larderAsync = "larder-async"
    case lmdb
    case longSnapshotLMDB = "lmdb-long"
    case rocksDB = "rocksdb"
    case rowCacheRocksDB = "rocksdb-row"
    case sqlite
    case dictionary
    case arrayKeyedDictionary = "dictionary-array"
    case nsCache = "nscache"
    /// Caffeine with keys of two numbers.
    case caffeine
    /// Caffeine with keys of any bytes, as Larder's.
    case caffeineBytes = "caffeine-bytes"
    /// The harness alone: subtracted from instruction counts, never reported.
    case null

    /// The peers that are measured and reported.
    static let reported = allCases.filter { $0 != .null }

    /// Whether acknowledged writes can survive the process.
    var keepsOnDisk: Bool {
        switch self {
        case .larder, .larderBorrow, .larderObject, .larderAsync: true
        case .lmdb, .longSnapshotLMDB, .rocksDB, .rowCacheRocksDB, .sqlite: true
        case .dictionary, .arrayKeyedDictionary, .nsCache, .caffeine, .caffeineBytes, .null: false
        }
    }

    /// Whether this many writers are tasks that await rather than threads that block.
    func writesAsTasks(_ writers: Int) -> Bool {
        switch self {
        case .larder: writers > 1
        case .larderAsync: true
        default: false
        }
    }

    /// Does a task with the peer's driver, and returns what is to be printed. Here alone peers and drivers are matched.
    ///
    /// Each call names a concrete driver type, from which the compiler specializes everything below it.
    ///
    /// - Throws: `NotOffered` where the peer's library is missing or the peer lacks what the task needs.
    func perform(_ task: MeasurementTask, _ plan: Plan, in directory: String) throws -> String {
        switch self {
        case .larder where plan.case == .memoryGetEvicting:
            try Measurement<LarderMemoryDriver>(plan: plan, directory: directory).perform(task)
        case .larderBorrow where plan.case == .memoryGetEvicting:
            try Measurement<LarderMemoryBorrowDriver>(plan: plan, directory: directory).perform(task)
        case .larder:
            try Measurement<LarderDriver>(plan: plan, directory: directory).perform(task)
        case .larderBorrow:
            try Measurement<LarderBorrowDriver>(plan: plan, directory: directory).perform(task)
        case .larderObject:
            try Measurement<LarderObjectDriver>(plan: plan, directory: directory).perform(task)
        case .larderAsync:
            try Measurement<LarderAsyncDriver>(plan: plan, directory: directory).perform(task)
        case .lmdb:
            try Measurement<LMDBDriver>(plan: plan, directory: directory).perform(task)
        case .longSnapshotLMDB:
            try Measurement<LongSnapshotLMDBDriver>(plan: plan, directory: directory).perform(task)
        case .rocksDB:
            #if RocksDB
                try Measurement<RocksDBDriver>(plan: plan, directory: directory).perform(task)
            #else
                throw NotOffered("is not installed (librocksdb-dev)")
            #endif
        case .rowCacheRocksDB:
            #if RocksDB
                try Measurement<RowCacheRocksDBDriver>(plan: plan, directory: directory).perform(task)
            #else
                throw NotOffered("is not installed (librocksdb-dev)")
            #endif
        case .sqlite:
            #if SQLite
                try Measurement<SQLiteDriver>(plan: plan, directory: directory).perform(task)
            #else
                throw NotOffered("is not installed (libsqlite3-dev)")
            #endif
        case .dictionary:
            try Measurement<DictionaryDriver>(plan: plan, directory: directory).perform(task)
        case .arrayKeyedDictionary:
            try Measurement<ArrayKeyedDictionaryDriver>(plan: plan, directory: directory).perform(task)
        case .nsCache:
            try Measurement<NSCacheDriver>(plan: plan, directory: directory).perform(task)
        case .caffeine:
            try CaffeineMeasurement(keys: .pair, plan: plan, directory: directory).perform(task)
        case .caffeineBytes:
            try CaffeineMeasurement(keys: .bytes, plan: plan, directory: directory).perform(task)
        case .null:
            try Measurement<NullDriver>(plan: plan, directory: directory).perform(task)
        }
    }
}

/// What a measuring process is started for.
enum MeasurementTask: String, CaseIterable, Sendable {
    /// Measure, and print the row.
    case measure
    /// Load, print `ready`, and put until killed.
    case putUntilKilled = "put-until-killed"
    /// Load, and print a digest of all keys and values that the peer gives back.
    case selfTest = "self-test"
}

extension Measurement {
    func perform(_ task: MeasurementTask) throws -> String {
        switch task {
        case .measure: try run().line()
        case .putUntilKilled: try putUntilKilled()
        case .selfTest: try selfTest().description
        }
    }
}
