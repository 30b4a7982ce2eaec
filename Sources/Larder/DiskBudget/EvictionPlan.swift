internal import LMDB

/// What one commit is to remove so that the file stays within its budget. Made before the commit, outside every lock; whatever has changed
/// since is seen to when it is carried out.
final class EvictionPlan {
    /// A record that is to go, or to be written again.
    struct Victim {
        var keyspace: Keyspace
        var key: MemoryKey
    }

    private(set) var victims: [Victim]
    /// Records that are written again as they are: LMDB then puts the page that holds them, and all that is on it, elsewhere.
    private(set) var rewritten: [Victim]
    /// What has expired, which goes first.
    private(set) var expired: [ExpirySweep.Entry]
    /// Records removed by the last run of ``carryOut(in:sweep:)``.
    private(set) var evicted = 0
    private(set) var expiredRemoved = 0

    /// How many free pages LMDB is made to come by first, so that it copies to the front of the file.
    private var freePagesVisited = 0

    init(
        victims: [Victim] = [], expired: [ExpirySweep.Entry] = [], rewritten: [Victim] = [], freePagesVisited: Int = 0
    ) {
        self.victims = victims
        self.expired = expired
        self.rewritten = rewritten
        self.freePagesVisited = freePagesVisited
    }

    /// Whether nothing is to be done.
    var isEmpty: Bool { victims.isEmpty && expired.isEmpty && rewritten.isEmpty }

    /// About how many pages a commit copies beside those that hold what it changes.
    static let pagesBeside = 32

    /// Leaves out half of what there is; returns `false` if too little is left for that.
    func halve() -> Bool {
        // Of each kind one stays, so there must be one of which there are more.
        guard max(victims.count, expired.count, rewritten.count) > 1 else { return false }
        expired.removeLast(expired.count / 2)
        victims.removeLast(victims.count / 2)
        rewritten.removeLast(rewritten.count / 2)
        freePagesVisited /= 2
        return true
    }

    /// Removes the records from both tiers, as part of a transaction. A cache that was dropped since is left out, and so is a record that
    /// has become one that must not be evicted.
    ///
    /// - Throws: `LMDBError`; the transaction is then to be aborted.
    func carryOut(in transaction: borrowing Transaction, sweep: ExpirySweep) throws {
        evicted = 0
        expiredRemoved = 0
        try transaction.withWriteTransaction { try $0.visitFreePages(freePagesVisited) }
        do {
            expiredRemoved = try sweep.remove(expired, in: transaction)
        } catch is LarderError {
            // A cache is gone; the sweep looks again by itself.
        }
        for victim in victims where !victim.keyspace.isRetired {
            do {
                if try evict(victim, in: transaction) { evicted += 1 }
            } catch is LarderError {
                // The keyspace is retired now.
            }
        }
        for record in rewritten where !record.keyspace.isRetired {
            try rewrite(record, in: transaction)
        }
    }

    private func evict(_ victim: Victim, in transaction: borrowing Transaction) throws -> Bool {
        let isEvictable = try transaction.withWriteTransaction { transaction in
            try victim.keyspace.checkUsable()
            return try transaction.withValue(for: victim.key.bytes.span, in: victim.keyspace.table) { bytes in
                Record.isEvictable(bytes)
            }
        }
        guard isEvictable == true else { return false }
        try transaction.remove(victim.key, in: victim.keyspace, isHousekeeping: true)
        return true
    }

    private func rewrite(_ record: Victim, in transaction: borrowing Transaction) throws {
        let (key, table) = (record.key.bytes.span, record.keyspace.table)
        let isThere = try transaction.withWriteTransaction { transaction in
            guard let bytes = try transaction.withValue(for: key, in: table, { [UInt8](copying: $0) }) else {
                return false
            }
            try transaction.put(bytes.span, for: key, in: table)
            return true
        }
        if isThere { transaction.withChanges { $0.countsAsChanged = true } }
    }
}

extension Record {
    /// Whether a cache may lose a record: any that this version can read. Damaged ones stay, so that they are found, and so do those of a
    /// newer version, which knows better.
    static func isEvictable(_ bytes: Span<UInt8>) -> Bool {
        (try? header(bytes)) != nil
    }
}
