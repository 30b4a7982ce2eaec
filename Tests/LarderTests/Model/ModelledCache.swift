@testable import Larder

/// A cache of the store under test together with its model, whatever its types: keys and values are numbers here.
protocol ModelledCache: Sendable {
    var name: String { get }
    func open(in store: Store, version: UInt16) throws -> any OpenedCache
}

/// The operations of a cache, on numbers.
protocol OpenedCache: Sendable {
    func value(_ key: Int) throws -> Int?
    func contains(_ key: Int) throws -> Bool
    func remaining(_ key: Int) throws -> Duration?
    func set(_ key: Int, _ value: Int, _ expiration: Expiration) async throws
    func setBlocking(_ key: Int, _ value: Int, _ expiration: Expiration) throws
    func setIfAbsent(_ key: Int, _ value: Int, _ expiration: Expiration) async throws -> Bool
    func touch(_ key: Int, _ expiration: Expiration) async throws -> Bool
    func remove(_ key: Int) async throws -> Bool
    func removeAll(_ range: Range<Int>) async throws -> Int
    func removeAll() async throws
    func update(_ key: Int, _ body: @escaping @Sendable (Int?) -> Int?) async throws
    func load(_ key: Int, _ value: Int?) async throws -> Int?
    func count() throws -> Int
    func scan(_ range: Range<Int>?, _ order: ScanOrder, _ limit: Int?) throws -> [(key: Int, value: Int)]

    func value(_ key: Int, in transaction: borrowing Transaction) throws -> Int?
    func set(_ key: Int, _ value: Int, _ expiration: Expiration, in transaction: borrowing Transaction) throws
    func remove(_ key: Int, in transaction: borrowing Transaction) throws -> Bool
    func removeAll(_ range: Range<Int>, in transaction: borrowing Transaction) throws -> Int
    func removeAll(in transaction: borrowing Transaction) throws
    func count(in transaction: borrowing Transaction) throws -> Int
    func scan(in transaction: borrowing Transaction) throws -> [(key: Int, value: Int)]
    func scan(in snapshot: borrowing Snapshot) throws -> [(key: Int, value: Int)]
    func count(in snapshot: borrowing Snapshot) throws -> Int
}

/// A cache of these types.
struct Modelled<Key: Sendable, Value: Sendable>: ModelledCache {
    let name: String
    let keyCoding: any KeyCoding<Key>
    let valueCoding: any ValueCoding<Value>
    var timeToLive: Duration?
    let key: @Sendable (Int) -> Key
    let number: @Sendable (Key) -> Int
    let value: @Sendable (Int) -> Value
    let unvalue: @Sendable (Value) -> Int

    func open(in store: Store, version: UInt16) throws -> any OpenedCache {
        func open(_ keyCoding: some KeyCoding<Key>, _ valueCoding: some ValueCoding<Value>) throws -> Cache<Key, Value>
        {
            try store.cache(
                name, key: keyCoding, value: valueCoding, options: .init(timeToLive: timeToLive, version: version))
        }
        return Opened(cache: try open(keyCoding, valueCoding), types: self)
    }
}

private struct Opened<Key: Sendable, Value: Sendable>: OpenedCache {
    let cache: Cache<Key, Value>
    let types: Modelled<Key, Value>

    private func numbers(_ entry: (key: Key, value: Value)) -> (key: Int, value: Int) {
        (types.number(entry.key), types.unvalue(entry.value))
    }

    func value(_ key: Int) throws -> Int? { try cache.value(for: types.key(key)).map(types.unvalue) }
    func contains(_ key: Int) throws -> Bool { try cache.contains(types.key(key)) }
    func remaining(_ key: Int) throws -> Duration? { try cache.remainingTimeToLive(for: types.key(key)) }
    func set(_ key: Int, _ value: Int, _ expiration: Expiration) async throws {
        try await cache.set(types.value(value), for: types.key(key), expires: expiration)
    }
    func setBlocking(_ key: Int, _ value: Int, _ expiration: Expiration) throws {
        try cache.setBlocking(types.value(value), for: types.key(key), expires: expiration)
    }
    func setIfAbsent(_ key: Int, _ value: Int, _ expiration: Expiration) async throws -> Bool {
        try await cache.setIfAbsent(types.value(value), for: types.key(key), expires: expiration)
    }
    func touch(_ key: Int, _ expiration: Expiration) async throws -> Bool {
        try await cache.touch(types.key(key), expires: expiration)
    }
    func remove(_ key: Int) async throws -> Bool { try await cache.remove(types.key(key)) }
    func removeAll(_ range: Range<Int>) async throws -> Int {
        try await cache.removeAll(from: types.key(range.lowerBound), to: types.key(range.upperBound))
    }
    func removeAll() async throws { try await cache.removeAll() }
    func update(_ key: Int, _ body: @escaping @Sendable (Int?) -> Int?) async throws {
        let types = types
        try await cache.update(types.key(key)) { value in value = body(value.map(types.unvalue)).map(types.value) }
    }
    func load(_ key: Int, _ value: Int?) async throws -> Int? {
        let types = types
        let loaded = try await cache.value(for: types.key(key)) { _ in value.map(types.value) }.map(types.unvalue)
        // The value is handed out before its record is committed.
        await cache.store.waitForLoads()
        return loaded
    }
    func count() throws -> Int { try cache.count() }
    func scan(_ range: Range<Int>?, _ order: ScanOrder, _ limit: Int?) throws -> [(key: Int, value: Int)] {
        try cache.entries(
            from: range.map { types.key($0.lowerBound) }, to: range.map { types.key($0.upperBound) }, order: order,
            limit: limit
        ).map(numbers)
    }

    func value(_ key: Int, in transaction: borrowing Transaction) throws -> Int? {
        try transaction.value(for: types.key(key), in: cache).map(types.unvalue)
    }
    func set(_ key: Int, _ value: Int, _ expiration: Expiration, in transaction: borrowing Transaction) throws {
        try transaction.set(types.value(value), for: types.key(key), in: cache, expires: expiration)
    }
    func remove(_ key: Int, in transaction: borrowing Transaction) throws -> Bool {
        try transaction.remove(types.key(key), in: cache)
    }
    func removeAll(_ range: Range<Int>, in transaction: borrowing Transaction) throws -> Int {
        try transaction.removeAll(in: cache, from: types.key(range.lowerBound), to: types.key(range.upperBound))
    }
    func removeAll(in transaction: borrowing Transaction) throws { try transaction.removeAll(in: cache) }
    func count(in transaction: borrowing Transaction) throws -> Int { try transaction.count(of: cache) }
    func scan(in transaction: borrowing Transaction) throws -> [(key: Int, value: Int)] {
        var entries: [(key: Int, value: Int)] = []
        try transaction.forEach(in: cache) { entries.append(numbers(($0, $1))) }
        return entries
    }
    func scan(in snapshot: borrowing Snapshot) throws -> [(key: Int, value: Int)] {
        var entries: [(key: Int, value: Int)] = []
        try snapshot.forEach(in: cache) { entries.append(numbers(($0, $1))) }
        return entries
    }
    func count(in snapshot: borrowing Snapshot) throws -> Int { try snapshot.count(of: cache) }
}
