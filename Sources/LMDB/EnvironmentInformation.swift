internal import CLMDB

/// Numbers about an environment and its file.
package struct EnvironmentInformation: Hashable, Sendable {
    /// The address space reserved, in bytes: how large the file may become before the map grows.
    package var mapSize: Int
    /// Bytes of the file that have been used so far. The file never shrinks.
    package var usedBytes: Int
    /// Bytes of one page.
    package var pageSize: Int
    /// The id of the last commit.
    package var lastTransactionID: UInt64
    /// Slots for read transactions.
    package var maximumReaders: Int
    /// The largest number of slots that were taken at one time, over all processes, since the lock file was made.
    package var usedReaders: Int
    /// Read transactions of this process that are active now.
    package var activeReaders: Int
}

extension Environment {
    /// The current numbers.
    package func information() throws(LMDBError) -> EnvironmentInformation {
        try checkFork()
        let activeReaders = readers.activeCount
        return try readers.withStableMap { () throws(LMDBError) in
            var info = unsafe MDB_envinfo()
            try unsafe check(mdb_env_info(handle.pointer, &info), "mdb_env_info", path: path)
            var status = MDB_stat()
            try unsafe check(mdb_env_stat(handle.pointer, &status), "mdb_env_stat", path: path)
            return unsafe EnvironmentInformation(
                mapSize: info.me_mapsize,  // Wrapping: a damaged meta page may say anything.
                usedBytes: (info.me_last_pgno &+ 1) &* Int(status.ms_psize),
                pageSize: Int(status.ms_psize), lastTransactionID: UInt64(UInt(bitPattern: info.me_last_txnid)),
                maximumReaders: Int(info.me_maxreaders), usedReaders: Int(info.me_numreaders),
                activeReaders: activeReaders)
        }
    }
}
