internal import CLMDB

/// What reading and writing transactions have in common: a view of the file that does not change under the reader.
///
/// Keys and values handed to a closure lie in the file's map. They are valid only inside that closure and not aligned.
@usableFromInline
package protocol ReadableTransaction: ~Copyable {
    /// The C transaction.
    var handle: OpaquePointer { get }
    /// Whether no page that it can see changes while it lives.
    static var isSnapshot: Bool { get }
}

/// A consistent view of the file as of one commit, for as long as the closure of ``Environment/read(_:)`` runs.
///
/// Only the thread that began it uses it. While it lives, LMDB reuses none of the pages that later commits free, so the file grows.
@safe
@usableFromInline
package struct ReadTransaction: ~Copyable, ReadableTransaction {
    @usableFromInline package let handle: OpaquePointer
    @inlinable package static var isSnapshot: Bool { true }

    /// A view through a C transaction that somebody else ends.
    package init(handle: OpaquePointer) {
        unsafe self.handle = handle
    }
}

extension ReadableTransaction where Self: ~Copyable {
    /// A reader's id is that of the last commit it sees; a writer's is the one it will have.
    package var id: UInt64 {
        unsafe UInt64(UInt(bitPattern: mdb_txn_id(handle)))
    }

    /// Calls `body` with the value of a key, or returns `nil` if the key is absent.
    ///
    /// - Throws: ``LMDBError`` for a key of a bad length or a damaged file; what `body` throws.
    @inlinable
    package func withValue<Result: ~Copyable>(
        for key: Span<UInt8>, in table: Table, _ body: (Span<UInt8>) throws -> Result
    ) throws -> Result? {
        guard let value = unsafe try findValue(for: key, in: table, of: handle) else { return nil }
        return try unsafe body(value.span)
    }

    /// Calls `body` with a cursor over a table; the cursor ends with the closure.
    @inlinable
    package func withCursor<Result: ~Copyable>(
        in table: Table, _ body: (inout Cursor) throws -> Result
    ) throws -> Result {
        var cursor = try unsafe Cursor(over: table, of: handle, readsLeaves: Self.isSnapshot)
        return try body(&cursor)
    }

    /// Counts of a table. O(1).
    package func statistics(of table: Table) throws(LMDBError) -> TableStatistics {
        var status = MDB_stat()
        try unsafe check(mdb_stat(handle, table.handle, &status), "mdb_stat")
        let pages = status.ms_branch_pages + status.ms_leaf_pages + status.ms_overflow_pages
        return TableStatistics(entries: status.ms_entries, pages: pages, bytes: pages * Int(status.ms_psize))
    }

    /// The handle of a table that exists, or `nil`. The caller sees to it that one table is opened at a time.
    func openExistingTable(_ name: String) throws(LMDBError) -> Table? {
        var table = MDB_dbi()
        let code = unsafe mdb_dbi_open(handle, name, 0, &table)
        if code == MDB_NOTFOUND { return nil }
        try check(code, "mdb_dbi_open")
        return Table(handle: table)
    }
}

/// The bytes of a key's value in the file's map.
@usableFromInline
func findValue(
    for key: Span<UInt8>, in table: Table, of handle: OpaquePointer
) throws(LMDBError) -> UnsafeBufferPointer<UInt8>? {
    try checkKeyLength(key)
    var value = unsafe MDB_val()
    let code = unsafe withMDBValue(key) { key in unsafe mdb_get(handle, table.handle, &key, &value) }
    if code == MDB_NOTFOUND { return nil }
    try check(code, "mdb_get")
    return unsafe UnsafeBufferPointer(
        start: value.mv_data?.assumingMemoryBound(to: UInt8.self), count: value.mv_size)
}

@inline(__always)
func checkKeyLength(_ key: Span<UInt8>) throws(LMDBError) {
    guard 1...Environment.maximumKeyLength ~= key.count else {
        throw LMDBError(.invalidKeyLength, operation: "key of \(key.count) bytes")
    }
}

/// Calls `body` with a C view of a span's bytes, which C only reads.
@inline(__always)
func withMDBValue<Result>(_ span: Span<UInt8>, _ body: (inout MDB_val) -> Result) -> Result {
    unsafe span.withUnsafeBufferPointer { buffer in
        var value = unsafe MDB_val(
            mv_size: buffer.count, mv_data: UnsafeMutableRawPointer(mutating: UnsafeRawPointer(buffer.baseAddress)))
        return unsafe body(&value)
    }
}
