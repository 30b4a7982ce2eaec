internal import Larder

/// A write of a lane, in the same words for tasks and for blocking threads.
enum WriteOperation: Sendable {
    case ownedSet(key: Int, Stamp, expires: Expiration)
    case ownedSetIfAbsent(key: Int, Stamp)
    case ownedRemove(key: Int)
    case ownedRemoveRange(Range<Int>)
    case ownedUpdate(key: Int, InPlace)
    case ownedCompareAndSet(key: Int, expected: Stamp?, desired: Stamp?)
    case sharedSet(key: Int, Stamp)
    case sharedTouch(key: Int)
    case sharedUpdate(key: Int, InPlace)
    case sharedCompareAndSet(key: Int, expected: Stamp?, desired: Stamp)
    case increment(key: Int, by: UInt64)
    /// Commits the plan of a nonce.
    case transaction(nonce: UInt64)
    /// Reads the plan's keys in a write transaction and writes nothing.
    case reading(nonce: UInt64)
    /// Writes the plan's keys, with what nobody may ever read, and throws.
    case throwing(nonce: UInt64)
    /// Sets a key that expires within milliseconds.
    case ephemeral(key: Int)

    /// What a write answered.
    enum Answer: Sendable {
        case done
        case flag(Bool)
        /// What an update found.
        case found(Stamp?)
        case sum(UInt64)
        case ledger(LedgerView)
        /// It was cancelled and did not happen.
        case withdrawn
    }

    /// What a transaction saw and which version it became.
    struct LedgerView: Sendable {
        var clock: Stamp
        var seen: [(key: Int, stamp: Stamp?)]
    }

    /// What a body throws that is to be undone.
    struct Thrown: Error {
        /// What it had found.
        var found: Stamp?
    }

    /// Runs the write without blocking.
    ///
    /// - Parameter willFollow: Told by the body of an update or of a transaction of the ledger, as often as it runs, what is before it.
    func perform(in stores: HistoryStore, willFollow: @escaping @Sendable (Stamp?) -> Void) async throws -> Answer {
        switch self {
        case .ownedSet(let key, let stamp, let expiration):
            try await stores.owned.set(stamp, for: key, expires: expiration)
        case .ownedSetIfAbsent(let key, let stamp): return .flag(try await stores.owned.setIfAbsent(stamp, for: key))
        case .ownedRemove(let key): return .flag(try await stores.owned.remove(key))
        case .ownedRemoveRange(let keys):
            try await stores.owned.removeAll(from: keys.lowerBound, to: keys.upperBound)
        case .ownedUpdate, .ownedCompareAndSet, .sharedUpdate, .sharedCompareAndSet, .increment:
            return try await performUpdate(in: stores, willFollow)
        case .sharedSet(let key, let stamp): try await stores.shared.set(StampBytes.encode(stamp), for: key)
        case .sharedTouch(let key): try await stores.shared.touch(key, expires: .after(.seconds(3_600)))
        case .ephemeral(let key):
            try await stores.ephemeral.set([], for: key, expiresIn: .milliseconds(1 + key % 8))
            if key.isMultiple(of: 3) { try await stores.store.removeExpired() }
        case .transaction, .reading, .throwing:
            do {
                return .ledger(try await stores.store.write { try runOnLedger($0, stores, willFollow) })
            } catch is Thrown {}
        }
        return .done
    }

    /// Runs the write on the calling thread; see ``perform(in:willFollow:)``.
    func performBlocking(in stores: HistoryStore, willFollow: @escaping @Sendable (Stamp?) -> Void) throws -> Answer {
        switch self {
        case .ownedSet(let key, let stamp, let expiration):
            try stores.owned.setBlocking(stamp, for: key, expires: expiration)
        case .ownedSetIfAbsent(let key, let stamp): return .flag(try stores.owned.setIfAbsentBlocking(stamp, for: key))
        case .ownedRemove(let key): return .flag(try stores.owned.removeBlocking(key))
        case .ownedRemoveRange(let keys):
            try stores.store.writeBlocking { transaction in
                _ = try transaction.removeAll(in: stores.owned, from: keys.lowerBound, to: keys.upperBound)
            }
        case .ownedUpdate, .ownedCompareAndSet, .sharedUpdate, .sharedCompareAndSet, .increment:
            return try performUpdateBlocking(in: stores, willFollow)
        case .sharedSet(let key, let stamp): try stores.shared.setBlocking(StampBytes.encode(stamp), for: key)
        case .sharedTouch(let key): try stores.shared.touchBlocking(key, expires: .after(.seconds(3_600)))
        case .ephemeral(let key):
            try stores.ephemeral.setBlocking([], for: key, expires: .after(.milliseconds(1 + key % 8)))
        case .transaction, .reading, .throwing:
            do {
                return .ledger(try stores.store.writeBlocking { try runOnLedger($0, stores, willFollow) })
            } catch is Thrown {}
        }
        return .done
    }

    private func runOnLedger(
        _ transaction: borrowing Transaction, _ stores: HistoryStore, _ willFollow: (Stamp?) -> Void
    ) throws -> LedgerView {
        guard let clock = try transaction.value(for: TransactionPlan.clockKey, in: stores.even) else { throw Thrown() }
        willFollow(clock)
        var view = LedgerView(clock: clock, seen: [])
        switch self {
        case .transaction(let nonce):
            let plan = TransactionPlan(nonce: nonce)
            let stamp = Stamp(version: clock.version + 1, nonce: nonce)
            for change in plan.effects where !change.isInPlace {
                view.seen.append((change.key, try transaction.value(for: change.key, in: stores.ledger(change.key))))
            }
            if plan.clearsOdd { try transaction.removeAll(in: stores.odd) }
            for change in plan.changes {
                if change.isInPlace {
                    let found = try transaction.update(change.key, in: stores.ledger(change.key)) { value in
                        defer { value = change.isRemoval ? nil : stamp }
                        return value
                    }
                    view.seen.append((change.key, found))
                } else if change.isRemoval {
                    try transaction.remove(change.key, in: stores.ledger(change.key))
                } else {
                    try transaction.set(stamp, for: change.key, in: stores.ledger(change.key))
                }
            }
            try transaction.set(stamp, for: TransactionPlan.clockKey, in: stores.even)
        case .reading(let nonce):
            for change in TransactionPlan(nonce: nonce).changes {
                view.seen.append((change.key, try transaction.value(for: change.key, in: stores.ledger(change.key))))
            }
        case .throwing(let nonce):
            for change in TransactionPlan(nonce: nonce).changes {
                try transaction.set(.garbage, for: change.key, in: stores.ledger(change.key))
            }
            throw Thrown()
        default: break
        }
        return view
    }
}
