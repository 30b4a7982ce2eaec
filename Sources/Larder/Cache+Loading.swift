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
    /// For values that grow stale, for loads shared among processes and for writing, give the cache a ``Source``; see <doc:Sources>.
    ///
    /// - Parameters:
    ///   - expiration: When a loaded value expires; as the cache's options say unless given.
    ///   - load: Loads the value of a key from the source. It is cancelled when every task that waits for it is.
    /// - Throws: As ``value(for:)-(Key)``; what `load` throws; `CancellationError` if the waiting task was cancelled.
    public func value(
        for key: Key, expires expiration: Expiration = .cacheDefault,
        load: @escaping @Sendable (Key) async throws -> Value?
    ) async throws -> Value? {
        let held = try value(for: key)
        if held != nil { return held }
        let lifetime = try lifetime(expiration)
        let plan = LoadPlan(
            cache: self, load: { keys in [try await load(keys[0])] }, attributes: { _, _ in (lifetime, []) })
        return try await plan.value(for: key, try memoryKey(key))
    }
}
