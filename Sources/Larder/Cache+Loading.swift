internal import LMDB
internal import Synchronization

extension Cache {
    /// The value of a key from memory or disk, or else from `load`, whose value is returned and stored for the next time (read-through).
    ///
    /// However many tasks of this process ask for a missing key, one load runs (single flight) and all get its value or its error. The value
    /// is returned as soon as it is there; its record rides on a shared commit, and memory holds it only after that. (Where the disk does
    /// not keep up, and 4,096 loaded values or 32 MiB of them wait for a commit, it is returned when it is committed.) Until then further
    /// readers join the load. If the key is written meanwhile, the loaded value is returned but not kept: it may be the older one.
    /// A value that is not there in the source either (`nil`), or a load that throws, is not stored.
    ///
    /// ```swift
    /// let user = try await users.value(for: id) { id in try await database.user(id) }
    /// ```
    ///
    /// - Parameters:
    ///   - expiration: When a loaded value expires; as the cache's options say unless given.
    ///   - load: Loads the value of a key from the source. It is cancelled when every task that waits for it is.
    /// - Throws: As ``value(for:)``; what `load` throws; `CancellationError` if the waiting task was cancelled.
    public func value(
        for key: Key, expires expiration: Expiration = .cacheDefault,
        load: @escaping @Sendable (Key) async throws -> Value?
    ) async throws -> Value? {
        if let value = try value(for: key) { return value }
        let lifetime = try lifetime(expiration)
        let memoryKey = try memoryKey(key)
        let (flight, isNew) = joinLoad(of: memoryKey)
        if isNew {
            // A write may have come between the look above and the load that it would now be too late to stop.
            if let value = try? value(for: key) {
                flight.finish(.success(value))
                store.loads.remove(flight, of: memoryKey)
                return value
            }
            let task = Task { await run(flight, key, memoryKey, lifetime, load) }
            flight.start(task)
        }
        let loads = store.loads
        return try await flight.value { loads.remove(flight, of: memoryKey) }
    }

    private func joinLoad(of key: MemoryKey) -> (Load<Value>, isNew: Bool) {
        let floor = max(store.coherence.currentFloor(), keyspace.currentFloor)
        let version = store.durable.environment.lastTransactionID
        return store.loads.load(of: key) {
            $0.version >= floor && $0.join()
        } make: {
            Load(version: version)
        }
    }

    private func run(
        _ flight: Load<Value>, _ key: Key, _ memoryKey: MemoryKey, _ lifetime: Lifetime,
        _ load: @Sendable (Key) async throws -> Value?
    ) async {
        store.counters.loads.add(1, ordering: .relaxed)
        do {
            guard let value = try await load(key) else {
                store.loads.remove(flight, of: memoryKey)
                return flight.finish(.success(nil))
            }
            let payload = try valueCoding.encode(value)
            keep(flight, value, payload, memoryKey, lifetime)
        } catch {
            store.loads.remove(flight, of: memoryKey)
            flight.finish(.failure(error))
        }
    }

    /// Hands a loaded value out and puts its record on a shared commit; takes the load out when that is decided.
    private func keep(
        _ flight: Load<Value>, _ value: Value, _ payload: [UInt8], _ key: MemoryKey, _ lifetime: Lifetime
    ) {
        let write = PreparedWrite(
            keyspace: keyspace, key: key, payload: payload, memoryValue: memoryValue(value, payloadSize: payload.count),
            lifetime: lifetime)
        let store = store
        let request = WriteRequest(singleKey: key) { transaction in
            // What was written since the load began, here or elsewhere, earlier or in this very commit, is newer than the value.
            guard flight.isValid, store.coherence.floorNow <= flight.version,
                !transaction.earlier.touches(key, in: write.keyspace)
            else { return }
            if let deadline = try transaction.putIfAbsent(write, isLoaded: true), deadline != 0 {
                store.groupCommit.noteDeadline(deadline)
            }
        }
        // Where the disk does not keep up with the loads, those who asked wait for it.
        let isHandedOutAtOnce = store.groupCommit.reservesUnawaited(bytes: payload.count)
        if isHandedOutAtOnce { flight.finish(.success(value)) }
        request.whenDecided { _ in
            store.loads.remove(flight, of: key)
            if !isHandedOutAtOnce { flight.finish(.success(value)) }
        }
        store.groupCommit.submit(request)
    }
}
