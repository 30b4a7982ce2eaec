extension WriteTransaction {
    /// Removes every entry whose key begins with `prefix`, which is shorter than a key can be. O(their number).
    ///
    /// - Throws: ``LMDBError``, which poisons the transaction.
    package mutating func removeAll(withPrefix prefix: Span<UInt8>, in table: Table) throws(LMDBError) {
        do {
            try withMutableCursor(in: table) { transaction, cursor in
                var found = try cursor.move(toFirstNotLess: prefix)
                while found {
                    let isInside = cursor.withEntry { key, _ in
                        key.count >= prefix.count && (0..<prefix.count).allSatisfy { key[$0] == prefix[$0] }
                    }
                    guard isInside else { return }
                    try transaction.deleteEntry(at: &cursor)
                    // A deletion leaves the cursor at the next entry, which a search finds whatever became of its page.
                    found = try cursor.move(toFirstNotLess: prefix)
                }
            }
        } catch let error as LMDBError {
            throw error
        } catch {
            preconditionFailure("only LMDB's errors are thrown")
        }
    }
}
