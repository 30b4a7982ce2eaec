internal import CLMDB

/// A cursor at the end of a table: from there LMDB appends an entry without a search.
///
/// It must be closed before anything else is written. LMDB moves a cursor along with the entry that it stands on, but not to one that somebody else adds behind
/// that, and would then append in front of it.
@safe
struct AppendCursor {
    let table: Table
    let handle: OpaquePointer

    /// Opens a cursor of a write transaction.
    init(_ table: Table, transaction: OpaquePointer) throws(LMDBError) {
        var pointer: OpaquePointer?
        try unsafe check(mdb_cursor_open(transaction, table.handle, &pointer), "mdb_cursor_open")
        guard let pointer = unsafe pointer else { throw LMDBError(.invalid, operation: "mdb_cursor_open") }
        self.table = table
        unsafe handle = pointer
    }

    func close() {
        unsafe mdb_cursor_close(handle)
    }
}
