internal import CLMDB

/// The one write transaction of a file, or one nested in it.
///
/// It belongs to the thread that began it, from begin to commit. Every failed write poisons it: ``commit()`` then throws the first
/// failure and commits nothing, since LMDB itself would after some failures silently commit the rest. A transaction that is neither
/// committed nor aborted is aborted at the end of its life.
@safe
package struct WriteTransaction: ~Copyable, ReadableTransaction {
    private var transaction: OpaquePointer?
    /// The first write that failed, if any did.
    package private(set) var failure: LMDBError?
    /// Whether it is known that something was written, so that a commit takes place: LMDB makes none of a transaction that wrote nothing.
    private(set) var hasChanges = false
    /// Open while one entry after another is appended to a table.
    private var appending: AppendCursor?

    package static var isSnapshot: Bool { false }

    package var handle: OpaquePointer {
        guard let transaction = unsafe transaction else { preconditionFailure("the transaction has ended") }
        return unsafe transaction
    }

    init(handle: OpaquePointer) {
        unsafe transaction = handle
    }

    deinit {
        appending?.close()
        if let transaction = unsafe transaction { unsafe mdb_txn_abort(transaction) }
    }

    /// Commits: when it returns, readers see the writes, and in the default mode they are on the disk.
    ///
    /// - Throws: ``LMDBError``. After ``LMDBError/Code-swift.struct/panic`` of a later begin, the outcome is unknown; otherwise
    ///   nothing was committed.
    package consuming func commit() throws(LMDBError) {
        if let failure { throw failure }
        endAppending()
        let handle = unsafe self.handle
        unsafe transaction = nil
        try unsafe check(mdb_txn_commit(handle), "mdb_txn_commit")
    }

    /// Undoes everything.
    package consuming func abort() {}

    /// Runs `body` in a nested transaction that is undone alone if `body` throws or a write in it fails.
    ///
    /// Costs about 100 ns and a dirty list of 2 MiB of address space while it runs.
    package mutating func nested<Result>(
        _ body: (inout WriteTransaction) throws -> Result
    ) throws -> Result {
        endAppending()
        var child: OpaquePointer?
        try unsafe check(mdb_txn_begin(mdb_txn_env(handle), handle, 0, &child), "mdb_txn_begin")
        guard let child = unsafe child else { throw LMDBError(.invalid, operation: "mdb_txn_begin") }
        var transaction = unsafe WriteTransaction(handle: child)
        let result: Result
        do {
            result = try body(&transaction)
        } catch {
            // The body may throw an error of its own for a write that failed, and the caller has to know that one.
            throw transaction.failure ?? error
        }
        if let failure = transaction.failure { throw failure }
        if transaction.hasChanges { hasChanges = true }
        do {
            try transaction.commit()
        } catch {
            // Half a child may be in its parent now.
            throw poison(error)
        }
        return result
    }

    /// Sets a key's value.
    ///
    /// - Throws: ``LMDBError``, which poisons the transaction.
    package mutating func put(_ value: Span<UInt8>, for key: Span<UInt8>, in table: Table) throws(LMDBError) {
        try guardKey(key)
        endAppending()
        let code = unsafe withMDBValue(key) { key in
            unsafe withMDBValue(value) { value in unsafe mdb_put(handle, table.handle, &key, &value, 0) }
        }
        try guardWrite(code, "mdb_put")
    }

    /// Sets a key's value to `count` bytes that `body` writes straight into the file's page; it must write all of them.
    ///
    /// - Throws: ``LMDBError``, which poisons the transaction.
    @inline(__always)
    package mutating func put(
        count: Int, for key: Span<UInt8>, in table: Table, _ body: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(LMDBError) {
        try guardKey(key)
        endAppending()
        var value = unsafe MDB_val(mv_size: count, mv_data: nil)
        let code = unsafe withMDBValue(key) { key in
            unsafe mdb_put(handle, table.handle, &key, &value, UInt32(MDB_RESERVE))
        }
        try guardWrite(code, "mdb_put")
        unsafe body(UnsafeMutableRawBufferPointer(start: value.mv_data, count: count))
    }

    /// Adds an entry behind the last one, which fills pages fully and, from the second on, searches nothing; returns `false`, having done nothing, if the key
    /// is not greater than every key in the table. Otherwise as ``put(count:for:in:_:)``.
    @inline(__always)
    package mutating func append(
        count: Int, for key: Span<UInt8>, in table: Table, _ body: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(LMDBError) -> Bool {
        try guardKey(key)
        let cursor = try appendCursor(for: table)
        var value = unsafe MDB_val(mv_size: count, mv_data: nil)
        let code = unsafe withMDBValue(key) { key in
            unsafe mdb_cursor_put(cursor.handle, &key, &value, UInt32(MDB_RESERVE | MDB_APPEND))
        }
        if code == MDB_KEYEXIST { return false }
        try guardWrite(code, "mdb_cursor_put")
        unsafe body(UnsafeMutableRawBufferPointer(start: value.mv_data, count: count))
        return true
    }

    /// Removes a key; returns whether it was there.
    ///
    /// - Throws: ``LMDBError``, which poisons the transaction.
    @discardableResult
    package mutating func delete(_ key: Span<UInt8>, in table: Table) throws(LMDBError) -> Bool {
        try guardKey(key)
        endAppending()
        let code = unsafe withMDBValue(key) { key in unsafe mdb_del(handle, table.handle, &key, nil) }
        if code == MDB_NOTFOUND { return false }
        try guardWrite(code, "mdb_del")
        return true
    }

    /// Removes the entry that the cursor of this transaction stands on.
    ///
    /// - Throws: ``LMDBError``, which poisons the transaction.
    package mutating func deleteEntry(at cursor: inout Cursor) throws(LMDBError) {
        endAppending()
        try guardWrite(cursor.delete(), "mdb_cursor_del")
    }

    /// Calls `body` with this transaction and a cursor of it, so that entries can be removed while they are visited.
    package mutating func withMutableCursor<Result>(
        in table: Table, _ body: (inout WriteTransaction, inout Cursor) throws -> Result
    ) throws -> Result {
        var cursor = try unsafe Cursor(over: table, of: handle, readsLeaves: false)
        return try body(&self, &cursor)
    }

    /// Removes every entry of a table. Frees its pages, so it costs time for each page, not for each entry.
    package mutating func removeAll(in table: Table) throws(LMDBError) {
        endAppending()
        try guardWrite(unsafe mdb_drop(handle, table.handle, 0), "mdb_drop")
    }

    /// Opens a table, and makes it if it is not there. The handle is valid once this transaction has committed.
    ///
    /// Only inside ``Environment/writeTables(_:)`` and a creation: LMDB lets one transaction at a time open tables.
    package mutating func createTable(_ name: String) throws(LMDBError) -> Table {
        endAppending()
        var table = MDB_dbi()
        let code = unsafe mdb_dbi_open(handle, name, UInt32(MDB_CREATE), &table)
        if code != 0 { throw poison(LMDBError(.init(rawValue: code), operation: "mdb_dbi_open")) }
        return Table(handle: table)
    }

    /// Removes a table with all that it holds and invalidates its handle; no reader of this process may be active.
    mutating func drop(_ table: Table) throws(LMDBError) {
        endAppending()
        try guardWrite(unsafe mdb_drop(handle, table.handle, 1), "mdb_drop")
    }

    @inline(__always)
    private mutating func appendCursor(for table: Table) throws(LMDBError) -> AppendCursor {
        if let appending, appending.table == table { return appending }
        endAppending()
        let cursor = try unsafe AppendCursor(table, transaction: handle)
        appending = cursor
        return cursor
    }

    @inline(__always)
    private mutating func endAppending() {
        appending?.close()
        appending = nil
    }

    @inline(__always)
    private mutating func guardKey(_ key: Span<UInt8>) throws(LMDBError) {
        do { try checkKeyLength(key) } catch { throw poison(error) }
    }

    @inline(__always)
    private mutating func guardWrite(_ code: Int32, _ operation: @autoclosure () -> String) throws(LMDBError) {
        if code != 0 { throw poison(LMDBError(.init(rawValue: code), operation: operation())) }
        hasChanges = true
    }

    private mutating func poison(_ error: LMDBError) -> LMDBError {
        if failure == nil { failure = error }
        return error
    }
}
