/// The system of record behind a cache: a database, a service, a file.
///
/// Give one to a cache with ``Cache/through(_:options:)``. A source is called from any number of tasks at a time.
///
/// ```swift
/// struct Users: Source {
///     let database: Database
///     func load(_ id: Int) async throws -> User? { try await database.user(id) }
///     func load(_ ids: [Int]) async throws -> [Int: User] { try await database.users(ids) }
/// }
/// ```
public protocol Source<Key, Value>: Sendable {
    /// The keys, as the cache has them.
    associatedtype Key: Hashable & Sendable
    /// The values, as the cache has them.
    associatedtype Value: Sendable

    /// The value of a key, or `nil` if there is none.
    ///
    /// - Throws: Anything: it reaches those who wait, unless a stale value may be answered. Nothing is then stored.
    func load(_ key: Key) async throws -> Value?

    /// The values of several keys; those that have none are left out.
    ///
    /// Unless implemented, it is one call for each key, all concurrently and without a limit; implement it where the source cannot take that.
    ///
    /// - Throws: Anything: the load of every one of the keys has then failed.
    func load(_ keys: [Key]) async throws -> [Key: Value]

    /// What is kept with a value: its tags, and a time to live of its own. None unless implemented.
    func attributes(of value: Value, for key: Key) -> EntryAttributes
}

/// A source that can be written through a cache.
public protocol WritableSource<Key, Value>: Source {
    /// Sets the value of a key.
    ///
    /// - Throws: Anything: then the write must have failed for good, so that the source will not apply it later. Where that is not known, as when a
    ///   connection breaks, throw ``UnknownOutcome``.
    func store(_ value: Value, for key: Key) async throws

    /// Removes the value of a key, if there is one.
    ///
    /// - Throws: As ``store(_:for:)``.
    func remove(_ key: Key) async throws
}

extension Source {
    /// One call for each key, all concurrently and without a limit; implement it where the source cannot take that.
    ///
    /// - Throws: What the first failing load throws.
    public func load(_ keys: [Key]) async throws -> [Key: Value] {
        try await withThrowingTaskGroup(of: (Key, Value?).self) { group in
            for key in keys { group.addTask { (key, try await load(key)) } }
            var values: [Key: Value] = [:]
            for try await (key, value) in group { values[key] = value }
            return values
        }
    }

    /// No tags, and the time to live of the rest.
    public func attributes(of value: Value, for key: Key) -> EntryAttributes {
        EntryAttributes()
    }
}

/// What is kept with a value besides itself.
public struct EntryAttributes: Hashable, Sendable {
    /// Names under which the entry can be invalidated together with others, at most 255; see ``SourcedCache/invalidate(tag:)``.
    public var tags: Set<String>
    /// How long the value is fresh; as ``Freshness/timeToLive`` says unless given.
    public var timeToLive: Duration?

    /// Makes attributes.
    public init(tags: Set<String> = [], timeToLive: Duration? = nil) {
        self.tags = tags
        self.timeToLive = timeToLive
    }
}

/// What a source throws from a write that it may have applied, or may apply yet.
public struct UnknownOutcome: Error {
    /// Why it is not known.
    public var reason: (any Error)?

    /// Makes one.
    public init(_ reason: (any Error)? = nil) {
        self.reason = reason
    }
}
