internal import LMDB

/// Where the values of a cache come from, and what is kept of them.
struct LoadPlan<Key: Sendable, Value: Sendable>: Sendable {
    let cache: Cache<Key, Value>
    /// Asks the source; the values are in the order of the keys.
    let load: @Sendable ([Key]) async throws -> [Value?]
    /// How long a value that was loaded is kept, and the hashes of its tags.
    let attributes: @Sendable (Key, Value) throws -> (lifetime: Lifetime, tags: [UInt64])
    /// How long it is kept that there is no value; `nil` for not at all.
    var absenceLifetime: Lifetime?
    /// Whether a value that is there is replaced, since it grows stale, and whether it is remembered that there is none.
    var isSourced = false
    var sharing = LoadSharing.withinProcess
    /// Whether what is loaded from now on may be kept; see ``SourceOptions/mayKeep``.
    var mayKeep: @Sendable () -> Bool = { true }
    var limit: TimeLimit?
    /// How long others wait for a load of this process before they load themselves.
    var leaseDuration: Milliseconds = 0
    var retryDelay: Milliseconds = 0
}

/// How a load is shared and what its value is for.
enum LoadDemand: Sendable {
    /// A value that is there already, and not to be refreshed yet, will do.
    case any
    /// The source is to be asked anew.
    case anew
}

extension LoadPlan {
    /// The load of a key that is under way, or a new one, which the caller has to start.
    func join(_ key: MemoryKey, _ demand: LoadDemand = .any) -> (Load<Value>, isNew: Bool) {
        cache.store.loads.load(of: key) { load in
            demand == .any && isCurrent(load, of: key) && load.join()
        } make: {
            Load()
        }
    }

    /// Whether nothing has changed the key since the source was asked.
    private func isCurrent(_ load: Load<Value>, of key: MemoryKey) -> Bool {
        guard let start = load.start else { return true }
        let store = cache.store
        let floor = max(store.coherence.currentFloor(), cache.keyspace.currentFloor)
        if start.version >= floor, start.removals == store.durable.environment.foreignRemovalsOfNothing { return true }
        // Somebody else has changed something. A lease says whether it was this key.
        guard let lease = start.lease else { return false }
        let claim = try? store.withReadTransaction { transaction in
            try store.durable.claims.claim(on: key.hash, in: cache.keyspace, of: transaction)
        }
        return (claim ?? nil)?.token == lease
    }

    /// Loads a key, together with everyone else who does, and waits for its value.
    ///
    /// - Throws: What the source throws; ``TimeLimit/Passed`` when the reader's time is up, and the load goes on.
    func value(
        for key: Key, _ memoryKey: MemoryKey, _ demand: LoadDemand = .any, within limit: TimeLimit? = nil
    ) async throws -> Value? {
        while true {
            let (load, isNew) = join(memoryKey, demand)
            if isNew { LoadGroup(self, [.init(key: key, memoryKey: memoryKey, load: load)], demand).start() }
            do {
                return try await load.value(within: limit)
            } catch is Load<Value>.Abandoned {
                // Whoever else wanted it has gone just now.
                try Task.checkCancellation()
            }
        }
    }

    /// Has keys loaded again that nobody waits for, those aside that are being loaded.
    func refresh(_ keys: [(key: Key, memoryKey: MemoryKey)]) {
        let members: [LoadGroup<Key, Value>.Member] = keys.compactMap { key, memoryKey in
            let (load, isNew) = join(memoryKey)
            // Whoever made it, or is waiting for it, sees to it that it goes on; if they leave, the next reader begins again.
            if !isNew { load.leave() }
            return isNew ? .init(key: key, memoryKey: memoryKey, load: load) : nil
        }
        if !members.isEmpty { LoadGroup(self, members, .any).start() }
    }
}
