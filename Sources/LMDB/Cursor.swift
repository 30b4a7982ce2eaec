internal import CLMDB

/// A position in a table, for ordered reads. It lives inside one closure of its transaction.
@safe
@usableFromInline
package struct Cursor: ~Copyable {
    private let handle: OpaquePointer
    // The entry that the cursor stands on, in the file's map.
    @usableFromInline var keyStart: UnsafePointer<UInt8>?
    @usableFromInline var valueStart: UnsafePointer<UInt8>?
    @usableFromInline var keyCount = 0
    @usableFromInline var valueCount = 0
    /// The size of the pages that can be read as a ``LeafPage``; 0 where none can.
    let leafSize: Int
    /// Where a leaf lies that could not be read so.
    var refusedLeaf: UInt = 0

    /// Opens a cursor over a table, of a transaction that outlives it.
    ///
    /// - Parameter readsLeaves: Whether no page changes while the transaction lives.
    @usableFromInline
    init(over table: Table, of transaction: OpaquePointer, readsLeaves: Bool) throws(LMDBError) {
        let leafSize = try readsLeaves ? unsafe LeafPage.size(in: table, of: transaction) : 0
        var pointer: OpaquePointer?
        try unsafe check(mdb_cursor_open(transaction, table.handle, &pointer), "mdb_cursor_open")
        guard let pointer = unsafe pointer else { throw LMDBError(.invalid, operation: "mdb_cursor_open") }
        unsafe handle = pointer
        self.leafSize = leafSize
    }

    deinit {
        unsafe mdb_cursor_close(handle)
    }

    /// A move that needs no key.
    @usableFromInline
    package enum Move: Sendable {
        case first, last, next, previous

        fileprivate var operation: MDB_cursor_op {
            switch self {
            case .first: MDB_FIRST
            case .last: MDB_LAST
            case .next: MDB_NEXT
            case .previous: MDB_PREV
            }
        }
    }

    /// Moves; returns `false`, and then stands nowhere, if there is no such entry.
    @usableFromInline
    package mutating func move(_ move: Move) throws(LMDBError) -> Bool {
        try get(move.operation)
    }

    /// Moves to the first entry whose key is not less than `key`; returns `false` if there is none.
    package mutating func move(toFirstNotLess key: Span<UInt8>) throws(LMDBError) -> Bool {
        try checkKeyLength(key)
        var value = unsafe MDB_val()
        let code = unsafe withMDBValue(key) { start in
            unsafe mdb_cursor_get(handle, &start, &value, MDB_SET_RANGE)
        }
        if code == MDB_NOTFOUND { return false }
        try check(code, "mdb_cursor_get")
        return try get(MDB_GET_CURRENT)
    }

    /// Moves to the entry of exactly this key; returns `false` if it is absent.
    package mutating func move(to key: Span<UInt8>) throws(LMDBError) -> Bool {
        try checkKeyLength(key)
        var value = unsafe MDB_val()
        let code = unsafe withMDBValue(key) { start in
            unsafe mdb_cursor_get(handle, &start, &value, MDB_SET)
        }
        if code == MDB_NOTFOUND { return false }
        try check(code, "mdb_cursor_get")
        return try get(MDB_GET_CURRENT)
    }

    /// Calls `body` with the key and value the cursor stands on.
    @inlinable
    package func withEntry<Result: ~Copyable>(
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws -> Result
    ) rethrows -> Result {
        try unsafe body(
            UnsafeBufferPointer(start: keyStart, count: keyCount).span,
            UnsafeBufferPointer(start: valueStart, count: valueCount).span)
    }

    /// Calls `body` with the entry the cursor stands on and each further one in the direction of `move`, until it returns `false` or there
    /// are no more. The cursor then stands anywhere.
    ///
    /// - Throws: ``LMDBError``; what `body` throws.
    // Inlinable, so that `body` is compiled into the loop.
    @inlinable
    package mutating func forEach(
        _ move: Move, _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws -> Bool
    ) throws {
        var hasMore = true
        while hasMore {
            guard var visit = visitLeaf(move) else {
                guard try withEntry(body) else { return }
                hasMore = try self.move(move)
                continue
            }
            while visit.left > 0 {
                guard try visit.page.withEntry(visit.index, body) else { return }
                visit.advance()
            }
            hasMore = try visit.onward.get()
        }
    }

    func delete() -> Int32 {
        unsafe mdb_cursor_del(handle, 0)
    }

    @inline(__always)
    private mutating func get(_ operation: MDB_cursor_op) throws(LMDBError) -> Bool {
        var (key, value) = unsafe (MDB_val(), MDB_val())
        let code = unsafe mdb_cursor_get(handle, &key, &value, operation)
        if code == MDB_NOTFOUND { return false }
        try check(code, "mdb_cursor_get")
        unsafe (keyStart, keyCount) = (UnsafePointer(key.mv_data?.assumingMemoryBound(to: UInt8.self)), key.mv_size)
        unsafe (valueStart, valueCount) = (
            UnsafePointer(value.mv_data?.assumingMemoryBound(to: UInt8.self)), value.mv_size
        )
        return true
    }
}
