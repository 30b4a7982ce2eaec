/// A cache in front of its source of record: what is missing is loaded from it, and what is written goes through to it.
///
/// ```swift
/// let users = try store.cache("users", key: .int, value: .json(User.self))
///     .through(UserTable(database), options: .init(freshness: .init(timeToLive: .seconds(300), staleIfError: .seconds(3600))))
/// let user = try await users.value(for: 7)
/// try await users.set(renamed, for: 7)
/// ```
///
/// It is a small value, like the ``Cache`` that it is made from: copy it and use it from any thread. <doc:Sources> says what it promises and why.
public struct SourcedCache<Origin: Source>: Sendable {
    /// The keys.
    public typealias Key = Origin.Key
    /// The values.
    public typealias Value = Origin.Value

    /// The cache, without its source: what it holds is read as it is, fresh or stale, and what is written to it does not reach the source.
    public let cache: Cache<Key, Value>
    /// The source.
    public let source: Origin
    /// How the two work together.
    public let options: SourceOptions
    let plan: LoadPlan<Key, Value>

    init(_ cache: Cache<Key, Value>, _ source: Origin, _ options: SourceOptions) throws {
        try options.check()
        if cache.expiresAfterAccess != nil {
            throw LarderError(
                .invalidOption, "a cache with a source has a time to live rather than expiry after access",
                cacheName: cache.name)
        }
        self.cache = cache
        self.source = source
        self.options = options
        let freshness = options.freshness
        let limit = options.loadTimeout.map { TimeLimit(duration: $0, clock: options.timeoutClock) }
        plan = LoadPlan(
            cache: cache, load: { try await Self.load($0, from: source) },
            attributes: { try Self.attributes(of: $1, for: $0, in: cache, source, options) },
            absenceLifetime: freshness.negativeTimeToLive?.positiveMilliseconds.map { .milliseconds($0) },
            isSourced: true, sharing: options.sharing, mayKeep: options.mayKeep, limit: limit,
            // A while longer than the load may take, for the commit after it.
            leaseDuration: (options.loadTimeout ?? .seconds(30)).positiveMilliseconds.map { $0 + 5_000 } ?? 0,
            retryDelay: freshness.retryDelay.positiveMilliseconds ?? 0)
    }

    private static func load(_ keys: [Key], from source: Origin) async throws -> [Value?] {
        if keys.count == 1 { return [try await source.load(keys[0])] }
        let values = try await source.load(keys)
        return keys.map { values[$0] }
    }

    /// How long a value is kept in what state, and the hashes of its tags.
    static func attributes(
        of value: Value, for key: Key, in cache: Cache<Key, Value>, _ source: Origin, _ options: SourceOptions
    ) throws -> (Lifetime, [UInt64]) {
        let attributes = source.attributes(of: value, for: key)
        var timeToLive = options.freshness.timeToLive?.positiveMilliseconds ?? cache.timeToLive
        if let own = attributes.timeToLive {
            guard let own = own.positiveMilliseconds else {
                throw LarderError(.invalidExpiration, "a time to live is not positive", cacheName: cache.name)
            }
            timeToLive = own
        }
        let random = min(max(options.random(), 0), 1)
        return (
            options.freshness.lifetime(timeToLive: timeToLive, random: random),
            try cache.tagHashes(attributes.tags)
        )
    }
}

extension Cache where Key: Hashable {
    /// Puts the cache in front of its source of record. What is in it already counts as loaded.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/invalidOption``, also for a cache with ``CacheOptions/expiresAfterAccess``.
    public func through<Origin: Source>(
        _ source: Origin, options: SourceOptions = .init()
    ) throws -> SourcedCache<Origin> where Origin.Key == Key, Origin.Value == Value {
        try SourcedCache(self, source, options)
    }

    /// Puts the cache in front of a source that can only be read, which a closure loads from.
    ///
    /// - Throws: As ``through(_:options:)``.
    public func through(
        options: SourceOptions = .init(), load: @escaping @Sendable (Key) async throws -> Value?
    ) throws -> SourcedCache<LoadingSource<Key, Value>> {
        try through(LoadingSource(load: load), options: options)
    }

    /// Puts the cache in front of a source that closures load from and write to.
    ///
    /// - Throws: As ``through(_:options:)``.
    public func through(
        options: SourceOptions = .init(), load: @escaping @Sendable (Key) async throws -> Value?,
        store: @escaping @Sendable (Key, Value) async throws -> Void,
        remove: @escaping @Sendable (Key) async throws -> Void
    ) throws -> SourcedCache<ClosureSource<Key, Value>> {
        try through(ClosureSource(load: load, store: store, remove: remove), options: options)
    }
}
