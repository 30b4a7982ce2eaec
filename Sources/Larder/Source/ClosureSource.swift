/// A source made of a closure that loads, for the simple case; see ``Cache/through(options:load:)``.
public struct LoadingSource<Key: Hashable & Sendable, Value: Sendable>: Source {
    private let body: @Sendable (Key) async throws -> Value?

    /// Makes a source.
    public init(load: @escaping @Sendable (Key) async throws -> Value?) {
        body = load
    }

    /// The value of a key.
    public func load(_ key: Key) async throws -> Value? {
        try await body(key)
    }
}

/// A source made of closures that load and write, for the simple case; see ``Cache/through(options:load:store:remove:)``.
public struct ClosureSource<Key: Hashable & Sendable, Value: Sendable>: WritableSource {
    private let bodies:
        (
            load: @Sendable (Key) async throws -> Value?, store: @Sendable (Key, Value) async throws -> Void,
            remove: @Sendable (Key) async throws -> Void
        )

    /// Makes a source.
    public init(
        load: @escaping @Sendable (Key) async throws -> Value?,
        store: @escaping @Sendable (Key, Value) async throws -> Void,
        remove: @escaping @Sendable (Key) async throws -> Void
    ) {
        bodies = (load, store, remove)
    }

    /// The value of a key.
    public func load(_ key: Key) async throws -> Value? {
        try await bodies.load(key)
    }

    /// Sets the value of a key.
    public func store(_ value: Value, for key: Key) async throws {
        try await bodies.store(key, value)
    }

    /// Removes the value of a key.
    public func remove(_ key: Key) async throws {
        try await bodies.remove(key)
    }
}
