internal import LMDB

extension SourcedCache {
    /// The values of several keys; those that the source has none for are left out.
    ///
    /// Both tiers are read once, the durable one in one read transaction. What is missing is loaded in one call of the source, but for what
    /// somebody else is loading already, and stored in one transaction. Otherwise as ``value(for:)``.
    ///
    /// - Throws: As ``value(for:)``: what went wrong with the first key that has no answer.
    public func values(for keys: some Sequence<Key>) async throws -> [Key: Value] {
        var found = try look(keys)
        plan.refresh(found.toRefresh)
        if found.toLoad.isEmpty { return found.values }
        for (wanted, result) in zip(found.toLoad, await load(found.toLoad)) {
            do {
                found.values[wanted.key] = try result.get()
            } catch {
                try Task.checkCancellation()
                guard let record = wanted.record, let value = record.value else { throw error }
                found.values[wanted.key] = try stale(value, record, error)
            }
        }
        return found.values
    }

    /// A key that is to be loaded, with what the cache holds of it.
    private struct Wanted {
        var key: Key
        var memoryKey: MemoryKey
        var record: SourcedRecord<Value>?
    }

    /// What the two tiers have, and what is to be loaded.
    private struct Found {
        var values: [Key: Value] = [:]
        var toRefresh: [(key: Key, memoryKey: MemoryKey)] = []
        var toLoad: [Wanted] = []
    }

    private func look(_ keys: some Sequence<Key>) throws -> Found {
        var found = Found()
        var missing: [(key: Key, memoryKey: MemoryKey)] = []
        for key in Set(keys) {
            if let value = try cache.heldValue(for: key) {
                found.values[key] = value
            } else {
                missing.append((key, try cache.memoryKey(key)))
            }
        }
        if missing.isEmpty { return found }
        let records = try cache.store.withReadTransaction { transaction in
            try missing.map { try cache.sourcedRecord($0.memoryKey, in: transaction) }
        }
        for ((key, memoryKey), record) in zip(missing, records) {
            cache.store.counters.countDurableLookup(isHit: record != nil)
            switch record.map({ answer($0, memoryKey) }) {
            case .plain(let value): found.values[key] = value
            case .refreshing(let value):
                found.values[key] = value
                found.toRefresh.append((key, memoryKey))
            case .waiting, nil: found.toLoad.append(Wanted(key: key, memoryKey: memoryKey, record: record))
            }
        }
        return found
    }

    /// Loads keys, those in one call that nobody else is loading, and waits for all of them.
    private func load(_ wanted: [Wanted]) async -> [Result<Value?, any Error>] {
        var members: [LoadGroup<Key, Value>.Member] = []
        let loads = wanted.map { wanted in
            let (load, isNew) = plan.join(wanted.memoryKey)
            if isNew { members.append(.init(key: wanted.key, memoryKey: wanted.memoryKey, load: load)) }
            return load
        }
        if !members.isEmpty { LoadGroup(plan, members, .any).start() }
        let softLimit = options.softLoadTimeout.map { TimeLimit(duration: $0, clock: options.timeoutClock) }
        // All are waited for, whatever becomes of one: whoever has joined must leave.
        return await withTaskGroup(of: (Int, Result<Value?, any Error>).self) { group in
            for (index, (load, wanted)) in zip(loads, wanted).enumerated() {
                group.addTask { [plan] in
                    do {
                        let limit = wanted.record == nil ? nil : softLimit
                        return (index, .success(try await load.value(within: limit)))
                    } catch is Load<Value>.Abandoned where !Task.isCancelled {
                        return (index, await Result { try await plan.value(for: wanted.key, wanted.memoryKey) })
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            var results = [Result<Value?, any Error>?](repeating: nil, count: wanted.count)
            for await (index, result) in group { results[index] = result }
            return results.map { $0 ?? .failure(CancellationError()) }
        }
    }
}

extension Result where Failure == any Error {
    /// What `body` returns or throws.
    init(_ body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
