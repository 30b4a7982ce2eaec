internal import CLMDB
internal import Synchronization

/// The right to write, while the closure of ``Environment/withWriterLock(_:)`` runs.
package struct Writer: ~Copyable {
    let environment: Environment

    init(environment: Environment) {
        self.environment = environment
    }

    /// Begins the write transaction.
    ///
    /// If a process died after it wrote its commit and before it told readers, the commit is first flushed and published: otherwise
    /// readers would see it before it is safe from a power cut.
    ///
    /// - Throws: ``LMDBError``, with ``LMDBError/Code-swift.struct/panic`` after a failed write of a meta page.
    package borrowing func begin() throws(LMDBError) -> WriteTransaction {
        let handle = environment.handle
        try environment.readers.checkNotLost()
        try environment.markUnflushed()
        let last = environment.lastTransactionID
        if environment.lastPublished.load(ordering: .relaxed) != last, try environment.visibleTransactionID() != last {
            try handle.flush()
        }
        while true {
            do {
                return try beginPrepared()
            } catch  where error.code == .panic {
                try reopen()
                return try beginPrepared()
            } catch  where error.code == .mapResized {
                try environment.readers.withoutReaders(endingIdle: true) { () throws(LMDBError) in
                    try handle.adoptMapSize()
                }
            }
        }
    }

    /// As ``begin()``; and if the time has come for it, and commits are flushed, sees to it that the pages which this commit and the
    /// following ones write lie side by side (see ``FreePageOrder``). That takes a look at the list of free pages now and then, and rarely
    /// some milliseconds.
    package borrowing func beginInOrder() throws -> WriteTransaction {
        // It is for speed alone: what keeps one from reading, such as a full reader table, need not keep one from writing.
        guard environment.options.flushing != EnvironmentOptions.Flushing.none,
            environment.freePageOrder.withLock({ $0.isDue() }), let run = try? runToVisit()
        else { return try begin() }
        var transaction = try begin()
        do {
            try transaction.visitRun(ofBytes: run)
            return transaction
        } catch {
            // The map is full, say.
            transaction.abort()
            return try begin()
        }
    }

    /// How long a run of free pages is to be visited now, in bytes.
    private borrowing func runToVisit() throws -> Int? {
        let isInOrder = try environment.read { transaction in
            guard let oldest = try transaction.oldestFreeEntry() else { return false }
            return environment.freePageOrder.withLock { $0.isInOrder(from: oldest) }
        }
        if isInOrder { return nil }
        let file = try environment.information()
        let bound = try min(file.lastTransactionID, environment.oldestReadTransactionID() ?? .max)
        let list = try environment.read { transaction in
            try transaction.freePageList(before: bound, limit: FreePageOrder.mostFreePages)
        }
        let run = environment.freePageOrder.withLock { order in
            order.run(list, filePages: file.usedBytes / file.pageSize, mapPages: file.mapSize / file.pageSize)
        }
        return run.map { $0 * file.pageSize - Page.headerSize }
    }

    /// Commits a transaction of ``begin()``.
    ///
    /// - Throws: As ``WriteTransaction/commit()``.
    package borrowing func commit(_ transaction: consuming WriteTransaction) throws(LMDBError) {
        let id = transaction.hasChanges ? transaction.id : nil
        try transaction.commit()
        if let id { environment.lastPublished.store(id, ordering: .relaxed) }
    }

    /// Begins the write transaction where ``begin()`` has seen to everything else just before.
    borrowing func beginPrepared() throws(LMDBError) -> WriteTransaction {
        let handle = environment.handle
        var transaction: OpaquePointer?
        try unsafe check(mdb_txn_begin(handle.pointer, nil, 0, &transaction), "mdb_txn_begin", path: handle.path)
        guard let transaction = unsafe transaction else { throw LMDBError(.invalid, operation: "mdb_txn_begin") }
        return unsafe WriteTransaction(handle: transaction)
    }

    /// Frees the slots of read transactions whose processes have died: each keeps LMDB from reusing what was freed since it began. Costs a
    /// system call for each slot of another process.
    package borrowing func freeDeadReaders() {
        _ = unsafe mdb_reader_check(environment.handle.pointer, nil)
    }

    /// Limits the map as ``Environment/limitMap(to:)`` does.
    package borrowing func limitMap(to size: Int) throws(LMDBError) {
        try environment.limitMap(to: size)
    }

    /// Doubles the map, or where it has a limit adds 256 KiB, once no reader of this process is active. No write transaction may be open.
    ///
    /// - Throws: ``LMDBError``; `ENOMEM` where the address space has no room.
    package borrowing func growMap() throws(LMDBError) {
        let handle = environment.handle
        // They pin pages that a full map needs.
        freeDeadReaders()
        try environment.readers.withoutReaders(endingIdle: true) { () throws(LMDBError) in try handle.growMap() }
    }
}

extension Environment {
    /// Bytes by which a map with a limit grows beyond it: whoever set the limit wants no more than has to be.
    package static let limitedMapGrowth = 1 << 18

    /// Keeps the file from growing beyond `size` bytes, or beyond what it has now, but by ``Writer/growMap()`` in steps of 256 KiB. Waits
    /// until no reader of this process is active; this process must not be writing.
    ///
    /// - Throws: ``LMDBError``; `ENOMEM` where the address space has no room.
    package func limitMap(to size: Int) throws(LMDBError) {
        try readers.withoutReaders(endingIdle: true) { () throws(LMDBError) in try handle.limitMap(to: size) }
    }

    /// Runs `body` as the only writer of all threads and processes.
    ///
    /// - Throws: ``LMDBError``: ``LMDBError/Code-swift.struct/nestedWrite`` inside another such closure on this thread,
    ///   ``LMDBError/Code-swift.struct/insideRead`` inside a read transaction on this thread (growing the map would wait for it),
    ///   ``LMDBError/Code-swift.struct/closed``, ``LMDBError/Code-swift.struct/forked``; what `body` throws.
    package func withWriterLock<Result>(_ body: (borrowing Writer) throws -> Result) throws -> Result {
        try checkFork()
        if isReading { throw LMDBError(.insideRead, operation: "write", path: path) }
        try writers.acquire()
        defer { writers.release() }
        let writer = Writer(environment: self)
        return try body(writer)
    }

    /// Runs `body` in a write transaction and commits it, growing the map and running `body` again as often as needed.
    package func write<Result>(_ body: (inout WriteTransaction) throws -> Result) throws -> Result {
        try withWriterLock { writer in
            while true {
                do {
                    var transaction = try writer.begin()
                    let result = try body(&transaction)
                    try writer.commit(transaction)
                    return result
                } catch let error as LMDBError where error.code == .mapFull {
                    try writer.growMap()
                }
            }
        }
    }

    /// The id of the last commit that readers see. It lags behind ``lastTransactionID`` for a moment in each commit, and for good
    /// if a writer died in that moment.
    package func visibleTransactionID() throws(LMDBError) -> UInt64 {
        let transaction = try readers.begin()
        let id = transaction.id
        readers.end(transaction)
        return id
    }
}
