internal import CLMDB

/// Lookups of single keys of a table in read transactions, page by page in the file's map (see ``TreeSearch``) rather than by `mdb_get`.
///
/// LMDB says where the tree has its root, once a snapshot (``RecentTree``). Where anything is found not to be as it is to be, LMDB looks itself, so that most damage shows as it always does.
@safe
@usableFromInline
package struct PointLookup: ~Copyable, @unchecked Sendable {
    // Unchecked: what the pointer points to never changes.
    @usableFromInline package let table: Table
    private let name: UnsafeMutableBufferPointer<UInt8>
    /// 0 if it is larger than that of the system's pages, to which the map is aligned.
    private let pageSize: Int
    private let map = FileMap()
    private let recent = RecentTree()
    private let environment: EnvironmentHandle

    /// - Parameter name: The table's name, under which LMDB's table of tables has the tree's record.
    /// - Throws: ``LMDBError``.
    package init(of table: Table, named name: String, in environment: Environment) throws(LMDBError) {
        self.table = table
        self.environment = environment.handle
        let pageSize = try environment.information().pageSize
        self.pageSize = pageSize <= FileMap.systemPageSize ? pageSize : 0
        unsafe self.name = .allocate(capacity: name.utf8.count)
        _ = unsafe self.name.initialize(fromContentsOf: name.utf8)
    }

    deinit {
        unsafe name.deallocate()
    }

    /// The bytes of a key's value in the file's map; `nil` if the key is absent.
    ///
    /// - Throws: ``LMDBError`` for a key of a bad length or a damaged file.
    @unsafe
    @usableFromInline
    func find(
        _ key: Span<UInt8>, of transaction: OpaquePointer
    ) throws(LMDBError) -> UnsafeBufferPointer<UInt8>? {
        try checkKeyLength(key)
        guard pageSize > 0, let search = unsafe search(in: transaction) else {
            return unsafe try findValue(for: key, in: table, of: transaction)
        }
        switch unsafe key.withUnsafeBytes({ unsafe search.find($0) }) {
        case .value(let start, let count):
            return unsafe UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: count)
        case .absent: return nil
        case .undecided: return unsafe try findValue(for: key, in: table, of: transaction)
        }
    }

    /// The search of the tree as the transaction sees it; `nil` if there is no such tree, or none of plain keys.
    @unsafe
    func search(in transaction: OpaquePointer) -> TreeSearch? {
        let snapshot = unsafe UInt64(UInt(bitPattern: mdb_txn_id(transaction)))
        if let search = remembered(in: snapshot) { return search }
        guard let search = unsafe currentSearch(in: transaction) else { return nil }
        recent.remember(search, in: snapshot, map: environment.mapNumber)
        return search
    }

    /// As ``search(in:)``, if that is remembered. To be called by a reader of the snapshot.
    @inline(__always)
    func remembered(in snapshot: UInt64) -> TreeSearch? {
        recent.search(in: snapshot, map: environment.mapNumber, pageSize: pageSize)
    }

    /// As ``search(in:)``, by what LMDB and the meta page say.
    @unsafe
    private func currentSearch(in transaction: OpaquePointer) -> TreeSearch? {
        var (key, value) = unsafe (MDB_val(mv_size: name.count, mv_data: name.baseAddress), MDB_val())
        guard unsafe mdb_get(transaction, Table.main.handle, &key, &value) == 0,
            unsafe value.mv_size == Tree.size, let record = unsafe UnsafeRawPointer(value.mv_data)
        else { return nil }
        guard let pages = unsafe map.pages(around: record, size: pageSize, of: transaction) else { return nil }
        return unsafe TreeSearch(ofRecord: record, in: pages)
    }
}

extension ReadableTransaction where Self: ~Copyable {
    /// Calls `body` with the value of a key, or returns `nil` if the key is absent; in a read transaction faster than by the table alone.
    ///
    /// - Throws: ``LMDBError`` for a key of a bad length or a damaged file; what `body` throws.
    @inlinable
    package func withValue<Result: ~Copyable>(
        for key: Span<UInt8>, in lookup: borrowing PointLookup, _ body: (Span<UInt8>) throws -> Result
    ) throws -> Result? {
        // The pages of a writer's own are not in the map.
        let value =
            if Self.isSnapshot { unsafe try lookup.find(key, of: handle) } else {
                unsafe try findValue(for: key, in: lookup.table, of: handle)
            }
        guard let value = unsafe value else { return nil }
        return try unsafe body(value.span)
    }
}
