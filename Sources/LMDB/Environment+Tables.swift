internal import CLMDB

extension Environment {
    /// Opens a table that exists, or returns `nil`. Needs no write lock, so it does not wait for a writer.
    ///
    /// - Throws: ``LMDBError``: ``LMDBError/Code-swift.struct/insideRead`` inside a read transaction of the calling thread, which whoever is
    ///   dropping a table may be waiting for.
    package func openTable(_ name: String) throws(LMDBError) -> Table? {
        try checkFork()
        if isReading { throw LMDBError(.insideRead, operation: "open of a table", path: path) }
        return try tables.withLock { open throws(LMDBError) in
            if let table = open[name] { return table }
            let transaction = try readers.begin()
            let table: Table?
            do throws(LMDBError) {
                table = try transaction.openExistingTable(name)
            } catch {
                readers.end(transaction)
                throw error
            }
            // Only a committed transaction leaves its handles to the environment.
            try readers.commit(transaction)
            open[name] = table
            return table
        }
    }

    /// Runs `body` in a write transaction in which it may make tables, and commits it; grows the map and runs it again if it must.
    ///
    /// LMDB lets one transaction at a time open tables, from its begin to its end.
    package func writeTables<Result>(_ body: (inout WriteTransaction) throws -> Result) throws -> Result {
        try withWriterLock { writer in
            while true {
                do {
                    var begun: WriteTransaction? = try writer.begin()
                    return try tables.withLock { _ in
                        guard var transaction = begun.take() else { preconditionFailure("taken once") }
                        let result = try body(&transaction)
                        try transaction.commit()
                        return result
                    }
                } catch let error as LMDBError where error.code == .mapFull {
                    try writer.growMap()
                } catch let error as LMDBError {
                    throw writer.outcome(of: error)
                }
            }
        }
    }

    /// Removes a table with all that it holds, in one transaction with what `body` writes, while no reader of this process is active. Grows
    /// the map and begins again if it must. A table that is gone already is no error, and then nothing is written.
    ///
    /// - Parameter invalidated: Runs before readers go on, once the table's handle is invalid. That is also so where the commit fails, since
    ///   LMDB closes the handle before it; the table is then to be opened again.
    package func dropTable(
        _ name: String, alongside body: (inout WriteTransaction) throws(LMDBError) -> Void, invalidated: () -> Void
    ) throws {
        try withWriterLock { writer in
            while true {
                // Sees to a map that another process has grown, which cannot be done while readers are held off.
                try writer.begin().abort()
                do {
                    return try tables.withLock { tables throws(LMDBError) in
                        try readers.withoutReaders { () throws(LMDBError) in
                            var transaction = try writer.beginPrepared()
                            guard let table = try transaction.openExistingTable(name) else { return }
                            try body(&transaction)
                            do throws(LMDBError) {
                                try transaction.drop(table)
                            } catch  where error.code == .notFound {
                                // Another process dropped it; the handle was open here.
                                return
                            }
                            tables[name] = nil
                            defer { invalidated() }
                            try transaction.commit()
                        }
                    }
                } catch let error as LMDBError where error.code == .mapFull {
                    try writer.growMap()
                } catch let error as LMDBError {
                    throw writer.outcome(of: error)
                }
            }
        }
    }
}
