internal import CLMDB
internal import CProcessor

/// A position in a table, for ordered reads. It lives inside one closure of its transaction.
@safe
package struct Cursor: ~Copyable {
    private let handle: OpaquePointer
    private var key = unsafe MDB_val()
    private var value = unsafe MDB_val()

    init(handle: OpaquePointer) {
        unsafe self.handle = handle
    }

    deinit {
        unsafe mdb_cursor_close(handle)
    }

    /// A move that needs no key.
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
    package mutating func move(_ move: Move) throws(LMDBError) -> Bool {
        try get(move.operation)
    }

    /// Moves to the first entry whose key is not less than `key`; returns `false` if there is none.
    package mutating func move(toFirstNotLess key: Span<UInt8>) throws(LMDBError) -> Bool {
        try checkKeyLength(key)
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
        let code = unsafe withMDBValue(key) { start in
            unsafe mdb_cursor_get(handle, &start, &value, MDB_SET)
        }
        if code == MDB_NOTFOUND { return false }
        try check(code, "mdb_cursor_get")
        return try get(MDB_GET_CURRENT)
    }

    /// Calls `body` with the key and value the cursor stands on.
    @inline(__always)
    package func withEntry<Result: ~Copyable>(
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws -> Result
    ) rethrows -> Result {
        try unsafe withSpan(key) { key in
            try unsafe withSpan(value) { value in try body(key, value) }
        }
    }

    /// Calls `body` with the entry the cursor stands on and each further one in the direction of `move`, until it returns `false` or there
    /// are no more. The cursor then stands on the last one visited.
    ///
    /// - Throws: ``LMDBError``; what `body` throws.
    package mutating func forEach(
        _ move: Move, _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws -> Bool
    ) throws {
        let operation = move.operation
        var (key, value) = unsafe (self.key, self.value)
        defer { unsafe (self.key, self.value) = (key, value) }
        var page: UInt = 0
        while true {
            // The entries of a page lie in it in the order in which they were written: each line would be waited for by itself.
            let address = unsafe UInt(bitPattern: key.mv_data) & ~4095
            if address != page {
                page = address
                unsafe larder_prefetch_page(key.mv_data)
            }
            let goesOn = try unsafe withSpan(key) { key in try unsafe withSpan(value) { value in try body(key, value) }
            }
            guard goesOn else { return }
            let code = unsafe mdb_cursor_get(handle, &key, &value, operation)
            if code == MDB_NOTFOUND { return }
            try check(code, "mdb_cursor_get")
        }
    }

    func delete() -> Int32 {
        unsafe mdb_cursor_del(handle, 0)
    }

    @inline(__always)
    private mutating func get(_ operation: MDB_cursor_op) throws(LMDBError) -> Bool {
        let code = unsafe mdb_cursor_get(handle, &key, &value, operation)
        if code == MDB_NOTFOUND { return false }
        try check(code, "mdb_cursor_get")
        return true
    }
}
