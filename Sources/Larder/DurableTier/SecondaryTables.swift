internal import LMDB
internal import Synchronization

/// Knows that the tables beside the records, of what expires, of tags and of claims, are empty, as in most stores they are: LMDB looks a table up anew in each
/// transaction, which takes as long as a tenth of a put.
///
/// That holds for one write transaction. The next one begins with what this process has committed, if its number is the next; otherwise somebody else
/// has written, and it is looked up again. Used within write transactions only, of which there is one at a time.
final class SecondaryTables: Sendable {
    /// The transaction in which all are empty so far; 0 if that is not known.
    private let emptyIn = Atomic<UInt64>(0)

    /// Whether all the tables are known to be empty in a write transaction, or `look` finds them so.
    @inline(__always)
    func areEmpty(
        in transaction: borrowing WriteTransaction, orAsFoundBy look: (borrowing WriteTransaction) throws -> Bool
    ) rethrows -> Bool {
        let id = transaction.id
        if emptyIn.load(ordering: .relaxed) == id { return true }
        guard try look(transaction) else { return false }
        emptyIn.store(id, ordering: .relaxed)
        return true
    }

    /// Something is about to be put into one of the tables.
    func noteInsertion() {
        emptyIn.store(0, ordering: .relaxed)
    }

    /// A transaction of this process has committed.
    func noteCommit(of id: UInt64) {
        if emptyIn.load(ordering: .relaxed) == id { emptyIn.store(id + 1, ordering: .relaxed) }
    }
}
