internal import CLMDB

extension Environment {
    /// Opens a table that exists, or returns `nil`. Needs no write lock, so it does not wait for a writer.
    package func openTable(_ name: String) throws(LMDBError) -> Table? {
        try checkFork()
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
                }
            }
        }
    }

    /// Removes a table with all that it holds, in one transaction with what `body` writes, while no reader of this process is active.
    ///
    /// - Parameter beforeReaders: Runs after the commit, before readers go on: the place to mark the handle as invalid.
    package func dropTable(
        _ name: String, _ table: Table, alongside body: (inout WriteTransaction) throws(LMDBError) -> Void,
        beforeReaders: () -> Void
    ) throws {
        try withWriterLock { writer in
            // Sees to a map that another process has grown, which cannot be done while readers are held off.
            try writer.begin().abort()
            try readers.withoutReaders { () throws(LMDBError) in
                var transaction = try writer.beginPrepared()
                try body(&transaction)
                try transaction.drop(table)
                try transaction.commit()
                beforeReaders()
            }
            tables.withLock { $0[name] = nil }
        }
    }
}
