internal import LMDB

/// A consistent view of every cache of a store, as of the last commit before it began.
///
/// It exists while the body of ``Store/read(_:)`` runs, on that body's thread; the compiler sees to it that it is not kept, returned or
/// awaited over. It always reads the durable tier. Past ``StoreOptions/maximumSnapshotAge`` every further access throws
/// ``LarderError/Code-swift.struct/snapshotExpired``. Whether an entry has expired is decided by the moment at which the snapshot began.
public struct Snapshot: ~Copyable {
    let transaction: ReadTransaction
    let durable: DurableTier
    let now: Milliseconds
    let limit: SnapshotLimit

    init(_ transaction: consuming ReadTransaction, durable: DurableTier, now: Milliseconds, limit: SnapshotLimit) {
        self.transaction = transaction
        self.durable = durable
        self.now = now
        self.limit = limit
    }

    func withRecord<Result>(
        for key: Span<UInt8>, hash: UInt64, in keyspace: Keyspace,
        _ body: (Record.Header, Span<UInt8>) throws -> Result
    ) throws -> Result? {
        try limit.check()
        return try translatingErrors(at: durable.environment.path) {
            try durable.withRecord(for: key, hash: hash, in: keyspace, of: transaction, now: { now }) {
                durable.references?.noteRead(of: hash)
                return try body($0, $1)
            }
        }
    }
}
