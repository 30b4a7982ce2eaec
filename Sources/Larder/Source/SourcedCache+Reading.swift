internal import LMDB
internal import Synchronization

extension SourcedCache {
    /// The value of a key: from memory or disk while it is fresh, or else from the source; `nil` if the source has none.
    ///
    /// A hit in memory costs what it costs without a source. A missing value is loaded once, however many tasks and (with
    /// ``LoadSharing/amongProcesses``) processes ask, and kept unless the key was written meanwhile. A stale value is answered as the
    /// ``Freshness`` says. A load that nobody waits for any more is cancelled.
    ///
    /// - Throws: As ``Cache/value(for:)-(Key)``; what the source throws, unless a stale value may be answered;
    ///   ``LarderError/Code-swift.struct/sourceTimedOut``; `CancellationError` if the waiting task was cancelled.
    @inlinable
    public func value(for key: Key) async throws -> Value? {
        let held = try cache.heldValue(for: key)
        return held == nil ? try await valueBeyondMemory(for: key) : held
    }

    /// Loads a key from the source, whatever the cache holds, keeps its value and returns it.
    ///
    /// Loads of the key that are under way are not joined, and what they bring is not kept. If the load fails, what the cache holds stays.
    ///
    /// - Throws: As ``value(for:)``.
    @discardableResult
    public func refresh(_ key: Key) async throws -> Value? {
        try await plan.value(for: key, try cache.memoryKey(key), .anew)
    }

    @usableFromInline
    func valueBeyondMemory(for key: Key) async throws -> Value? {
        let memoryKey = try cache.memoryKey(key)
        guard let record = try cache.sourcedRecord(memoryKey) else { return try await plan.value(for: key, memoryKey) }
        switch answer(record, memoryKey) {
        case .plain(let value): return value
        case .refreshing(let value):
            plan.refresh([(key, memoryKey)])
            return value
        case .waiting(let value):
            let limit = options.softLoadTimeout.map { TimeLimit(duration: $0, clock: options.timeoutClock) }
            do {
                return try await plan.value(for: key, memoryKey, within: limit)
            } catch {
                try Task.checkCancellation()
                return try stale(value, record, error)
            }
        }
    }

    /// A stale value in place of a failed load, if it is not too old by now.
    func stale(_ value: Value, _ record: SourcedRecord<Value>, _ error: any Error) throws -> Value {
        guard cache.store.clock.now() < record.header.expiry else { throw error }
        cache.store.counters.staleAnswers.add(1, ordering: .relaxed)
        return value
    }

    /// What a record in the cache is good for.
    enum Answer {
        /// It is the answer.
        case plain(Value?)
        /// It is the answer, and is to be loaded again.
        case refreshing(Value)
        /// It is the answer if the source fails.
        case waiting(Value)
    }

    func answer(_ record: SourcedRecord<Value>, _ key: MemoryKey) -> Answer {
        let header = record.header
        guard let value = record.value else { return .plain(nil) }
        let store = cache.store
        let now = store.clock.now()
        guard header.flags.contains(.growsStale), now >= header.refreshFrom else {
            store.memory.populate(
                cache.memoryValue(value, payloadSize: record.size), for: key, version: record.version,
                expiry: header.plainUntil
            ) { max(store.coherence.floorNow, cache.keyspace.currentFloor) }
            return .plain(value)
        }
        if now >= header.freshUntil {
            let revalidated = options.freshness.staleWhileRevalidate.positiveMilliseconds ?? 0
            let isDeferred = store.retries.isDeferred(key, now: now)
            guard isDeferred || now < header.freshUntil &+ revalidated else { return .waiting(value) }
            store.counters.staleAnswers.add(1, ordering: .relaxed)
            return isDeferred ? .plain(value) : .refreshing(value)
        }
        return store.retries.isDeferred(key, now: now) ? .plain(value) : .refreshing(value)
    }
}

/// A record of a cache that has a source.
struct SourcedRecord<Value: Sendable>: Sendable {
    /// The value; `nil` if the source has none.
    var value: Value?
    var header: Record.Header
    /// Bytes of the payload.
    var size: Int
    /// The transaction that it was read in.
    var version: UInt64
}

extension Cache {
    /// The record of a key on disk, be it a value or that there is none.
    func sourcedRecord(_ key: MemoryKey) throws -> SourcedRecord<Value>? {
        let noticed = store.coherence.floorNow
        let record = try store.withReadTransaction { transaction in
            if transaction.id < noticed { store.groupCommit.publishForeignCommit() }
            return try sourcedRecord(key, in: transaction)
        }
        store.counters.countDurableLookup(isHit: record != nil)
        return record
    }

    /// The record of a key as of a read transaction.
    func sourcedRecord(_ key: MemoryKey, in transaction: borrowing ReadTransaction) throws -> SourcedRecord<Value>? {
        let id = transaction.id
        return try store.durable.withRecordOrAbsence(
            for: key.bytes.span, hash: key.hash, in: keyspace, of: transaction, now: store.clock.now
        ) { header, payload in
            let value = header.flags.contains(.isAbsence) ? nil : try decode(payload, keyHash: key.hash)
            return SourcedRecord(value: value, header: header, size: payload.count, version: id)
        }
    }
}
