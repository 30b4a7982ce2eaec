internal import CLMDB

extension Writer {
    /// Opens the file anew after ``LMDBError/Code-swift.struct/panic``, once no reader of this process is active.
    ///
    /// After a failed write of a meta page LMDB refuses everything, and whether the commit happened is unknown. When this returns, the file
    /// is as its newest meta page says, and flushed, so that what readers see from now on stays. Table handles stay valid.
    ///
    /// - Throws: ``LMDBError``; ``LMDBError/Code-swift.struct/panic`` if the handles could not be kept, and then the environment must be
    ///   closed and opened again.
    package borrowing func reopen() throws(LMDBError) {
        let environment = environment
        // In this order: who opens a table holds the lock of the tables while it waits to read.
        try environment.tables.withLock { tables throws(LMDBError) in
            try environment.readers.withoutReaders(endingIdle: true) { () throws(LMDBError) in
                // Handles are given out in turn, so opening the tables in the same order gives the same ones, if none was dropped.
                let names = tables.sorted { $0.value.handle < $1.value.handle }
                if !environment.handle.isLost { unsafe mdb_env_close(environment.handle.pointer) }
                environment.handle.markLost()
                let fresh = try Environment.openHandle(at: environment.path, options: environment.options)
                environment.handle.replace(by: fresh)
                try environment.handle.restoreMapLimit()
                try fresh.flush()
                if try !Self.opens(names, in: fresh) {
                    // Numbers that stand for other tables now must not be used again.
                    unsafe mdb_env_close(fresh.pointer)
                    environment.handle.markLost()
                    throw LMDBError(.panic, operation: "reopen", path: environment.path)
                }
            }
        }
    }

    /// Opens tables anew; returns whether they have the handles that they had.
    private static func opens(
        _ tables: [(key: String, value: Table)], in environment: EnvironmentHandle
    ) throws(LMDBError) -> Bool {
        var pointer: OpaquePointer?
        try unsafe check(mdb_txn_begin(environment.pointer, nil, UInt32(MDB_RDONLY), &pointer), "mdb_txn_begin")
        guard let pointer = unsafe pointer else { return false }
        let transaction = unsafe ReadTransaction(handle: pointer)
        let kept = tables.allSatisfy { name, table in (try? transaction.openExistingTable(name)) == table }
        try unsafe check(mdb_txn_commit(pointer), "mdb_txn_commit")
        return kept
    }

    /// What a commit that failed with `error` came to. It has not happened, unless it failed at its meta page: then nobody knows whether it
    /// will be there after a power cut, LMDB refuses every further transaction, and the file is opened anew. To be called without the lock
    /// of the tables.
    package borrowing func outcome(of error: LMDBError) -> LMDBError {
        do {
            try beginPrepared().abort()
            return error
        } catch let probe where probe.code == .panic {
            // If it cannot be opened anew, every use says that the environment must be.
            try? reopen()
            return LMDBError(
                .outcomeUnknown, operation: error.operation, path: error.path, cause: error.code)
        } catch _ {
            return error
        }
    }
}
