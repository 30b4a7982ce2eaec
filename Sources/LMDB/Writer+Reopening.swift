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
                try fresh.flush()
                var pointer: OpaquePointer?
                try unsafe check(mdb_txn_begin(fresh.pointer, nil, UInt32(MDB_RDONLY), &pointer), "mdb_txn_begin")
                guard let pointer = unsafe pointer else { throw LMDBError(.panic, operation: "reopen") }
                let transaction = unsafe ReadTransaction(handle: pointer)
                var kept = true
                for (name, table) in names where kept {
                    let reopened = try? transaction.openExistingTable(name)
                    kept = reopened == table
                }
                try unsafe check(mdb_txn_commit(pointer), "mdb_txn_commit")
                if !kept { throw LMDBError(.panic, operation: "reopen", path: environment.path) }
            }
        }
    }
}
