internal import LMDB
internal import Synchronization

/// Removes expired records from the durable tier, in batches that ride on commits.
final class ExpirySweep: Sendable {
    /// Records of one batch, so that a sweep never delays a commit for long.
    static let batchSize = 256

    private let durable: DurableTier
    private let keyspaces: KeyspaceRegistry
    private let removals = Atomic<Int>(0)

    /// How many records were removed, as far as their commits are decided.
    var removed: Int {
        removals.load(ordering: .relaxed)
    }

    /// Counts records whose removal is committed.
    func count(removed: Int) {
        removals.add(removed, ordering: .relaxed)
    }

    init(durable: DurableTier, keyspaces: KeyspaceRegistry) {
        self.durable = durable
        self.keyspaces = keyspaces
    }

    /// An expired entry of the index, with its cache; `nil` if the cache is gone.
    typealias Entry = (entry: ExpiryIndex.Entry, keyspace: Keyspace?)

    /// What has expired by `now`, up to a batch, and when the next look is due; `nil` if nothing else expires.
    func plan(now: Milliseconds) throws -> (entries: [Entry], nextDeadline: Milliseconds?) {
        let found = try durable.environment.read { transaction in
            try durable.expiryIndex.expired(by: now, limit: Self.batchSize, in: transaction)
        }
        // Tables are opened here: inside the write transaction a new handle could not be used.
        var unopened: Set<UInt32> = []
        let entries: [Entry] = found.expired.compactMap { entry in
            if unopened.contains(entry.keyspace) { return nil }
            do {
                return (entry, try keyspaces.keyspace(number: entry.keyspace))
            } catch {
                // The store was opened for fewer caches, say. The others' records go all the same.
                unopened.insert(entry.keyspace)
                return nil
            }
        }
        return (entries, found.next)
    }

    /// Removes what a plan found, except what was written again since. Returns how many records went.
    func remove(_ entries: [Entry], in transaction: borrowing Transaction) throws -> Int {
        var removed = 0
        for (entry, keyspace) in entries {
            if let keyspace, try isExpired(entry, in: keyspace, of: transaction) {
                let key = MemoryKey(keyspace: keyspace.memoryNumber, hash: entry.keyHash, bytes: entry.key)
                try transaction.remove(key, in: keyspace, isHousekeeping: true)
                removed += 1
            } else {
                // Another sweep may have been first. A transaction that then changes nothing must not count as one that does: LMDB would
                // give its id to somebody else's commit.
                let wasThere = try transaction.withWriteTransaction { transaction in
                    try durable.expiryIndex.remove(
                        entry.deadline, keyHash: entry.keyHash, keyspace: entry.keyspace, in: &transaction)
                }
                if wasThere { transaction.withChanges { $0.countsAsChanged = true } }
            }
        }
        return removed
    }

    private func isExpired(
        _ entry: ExpiryIndex.Entry, in keyspace: Keyspace, of transaction: borrowing Transaction
    ) throws -> Bool {
        // An entry whose key is not that of its hash is damaged, and means nothing.
        guard 1...Environment.maximumKeyLength ~= entry.key.count, keyspace.hash(entry.key.span) == entry.keyHash
        else { return false }
        return try transaction.withWriteTransaction { transaction in
            try transaction.withValue(for: entry.key.span, in: keyspace.table) { bytes in
                Record.deadline(bytes) == entry.deadline
            } ?? false
        }
    }
}
