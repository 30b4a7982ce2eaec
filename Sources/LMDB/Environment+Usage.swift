internal import CLMDB

extension Environment {
    /// The pages that the trees of the last commit take, the two meta pages and the list of free pages included. What the file has beyond
    /// them is free, though pages that a reader may still look at are not reused yet. Costs a read transaction and about 50 ns for each
    /// table.
    ///
    /// - Throws: ``LMDBError``.
    package func usedPages() throws -> Int {
        try read { transaction in
            let metaPages = 2
            let ownTrees = try Table.ownTrees.reduce(0) { try $0 + transaction.statistics(of: $1).pages }
            return try transaction.withCursor(in: .main) { cursor in
                var tables = 0
                guard try cursor.move(.first) else { return metaPages + ownTrees }
                try cursor.forEach(.next) { _, record in
                    tables += Tree.pageCount(inRecord: record)
                    return true
                }
                return metaPages + ownTrees + tables
            }
        }
    }
}

extension Table {
    /// LMDB's table of tables (`MAIN_DBI`), whose values are the records of ``Tree``.
    static let main = Table(handle: 1)
    /// The list of free pages (`FREE_DBI`); only a read transaction sees it.
    static let freePages = Table(handle: 0)
    /// These two, which no record names.
    fileprivate static let ownTrees = [freePages, main]
}

extension Tree {
    /// The pages of the tree that a record in the table of tables describes; 0 for what is no such record.
    fileprivate static func pageCount(inRecord record: Span<UInt8>) -> Int {
        guard record.count == size else { return 0 }
        return unsafe record.withUnsafeBytes { bytes in
            // Branch, leaf and overflow pages. Wrapping: a damaged record may say anything.
            [8, 16, 24].reduce(0) { sum, offset in
                unsafe sum &+ Int(truncatingIfNeeded: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
        }
    }
}
