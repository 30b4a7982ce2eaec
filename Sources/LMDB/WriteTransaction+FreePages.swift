/// Which free pages LMDB takes.
///
/// It takes the page that has been free for the longest time, wherever that is, and so breaks every run of free pages sooner or later. But of
/// the pages that it has come by in a transaction it takes the first in the file. So whoever makes it come by many, and leaves them free,
/// has the pages that are copied afterwards put to the front of the file.
extension WriteTransaction {
    /// Comes by so many free pages; there must be as many. To be called before anything is written.
    ///
    /// - Throws: ``LMDBError``, which poisons the transaction; ``LMDBError/Code-swift.struct/mapFull`` where there are not so many.
    package mutating func visitFreePages(_ count: Int) throws(LMDBError) {
        for page in 0..<count { try reserve(Self.bytesOfOwnPage, in: page) }
        for page in 0..<count { try release(page) }
    }

    /// Comes by pages in a row for a value of so many bytes. To be called before anything is written.
    ///
    /// - Throws: ``LMDBError``, which poisons the transaction; ``LMDBError/Code-swift.struct/mapFull`` where there are not so many in a row.
    package mutating func visitRun(ofBytes count: Int) throws(LMDBError) {
        try reserve(count, in: 0)
        try release(0)
    }

    /// A value so long has a page of its own, and no other, where pages have 4 KiB. Larger pages hold several, so that fewer are visited.
    private static let bytesOfOwnPage = 3_000

    private mutating func reserve(_ count: Int, in slot: Int) throws(LMDBError) {
        let name = Self.name(ofSlot: slot)
        try unsafe put(count: count, for: name.span, in: .main) { _ in }
    }

    private mutating func release(_ slot: Int) throws(LMDBError) {
        try delete(Self.name(ofSlot: slot).span, in: .main)
    }

    /// What no table is called.
    private static func name(ofSlot slot: Int) -> [UInt8] {
        [0] + [16, 8, 0].map { UInt8(truncatingIfNeeded: slot >> $0) }
    }
}
