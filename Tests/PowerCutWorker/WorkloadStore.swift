import Larder

/// The store of the workload, with its caches.
struct WorkloadStore: Sendable {
    let store: Store
    private let left: Cache<String, [UInt8]>
    private let right: Cache<Int, [UInt8]>
    private let large: Cache<Int, [UInt8]>
    private let expiring: Cache<Int, [UInt8]>
    /// How many transactions each lane has done.
    private let positions: Cache<Int, Int>

    /// A deadline that has passed, and one that will not.
    private static let past = Expiration.at(millisecondsSince1970: 1_000)
    private static let future = Expiration.at(millisecondsSince1970: 9_000_000_000_000)

    /// Opens the store, and makes it and its caches where they are missing.
    init(at path: String, durability: Durability = .full) throws {
        // A map this small grows several times in the workload, and a memory tier this small evicts.
        store = try Store(
            at: path,
            options: StoreOptions(
                memoryCapacity: .kibibytes(64), durability: durability, maximumCaches: 16, maximumReaders: 16,
                mapSize: .kibibytes(128)))
        do {
            left = try store.cache(LaneCache.left.name, key: .string, value: .bytes)
            right = try store.cache(LaneCache.right.name, key: .int, value: .bytes)
            large = try store.cache(LaneCache.large.name, key: .int, value: .bytes)
            expiring = try store.cache(LaneCache.expiring.name, key: .int, value: .bytes)
            positions = try store.cache("positions", key: .int, value: .int)
        } catch {
            // A store that is only let go of is closed a moment later.
            try store.close()
            throw error
        }
    }

    private static func leftKey(_ key: Int) -> String { "lane/\(100_000 + key)" }

    // MARK: Lanes

    /// The body of a lane's transaction.
    private func perform(lane: Int, number: Int, in transaction: borrowing Transaction) throws {
        for change in LanePlan.changes(lane: lane, number: number) {
            switch change {
            case .set(let key, let token): try set(token, for: key, in: transaction)
            case .setExpired(let key, let token): try set(token, for: key, expires: Self.past, in: transaction)
            case .setExpiring(let key, let token): try set(token, for: key, expires: Self.future, in: transaction)
            case .expire(let key): try transaction.touch(key.key, in: expiring, expires: Self.past)
            case .remove(let key) where key.cache == .left:
                try transaction.remove(Self.leftKey(key.key), in: left)
            case .remove(let key): try transaction.remove(key.key, in: integerCache(key.cache))
            case .removeRange(let lane, let below):
                try transaction.removeAll(
                    in: left, from: Self.leftKey(lane * 1_000), to: Self.leftKey(below))
            }
        }
        try transaction.set(number, for: lane, in: positions)
    }

    private func set(
        _ token: UInt64, for key: EntryKey, expires: Expiration = .never, in transaction: borrowing Transaction
    ) throws {
        let bytes = LanePlan.bytes(of: token, in: key.cache)
        if key.cache == .left {
            try transaction.set(bytes, for: Self.leftKey(key.key), in: left, expires: expires)
        } else {
            try transaction.set(bytes, for: key.key, in: integerCache(key.cache), expires: expires)
        }
    }

    private func integerCache(_ cache: LaneCache) -> Cache<Int, [UInt8]> {
        switch cache {
        case .large: large
        case .expiring: expiring
        case .left, .right: right
        }
    }

    /// Does a lane's transaction, sharing its commit with those of other tasks.
    func write(lane: Int, number: Int) async throws {
        try await store.write { transaction in try perform(lane: lane, number: number, in: transaction) }
    }

    /// Does a lane's transaction on the calling thread.
    @available(*, noasync)
    func writeBlocking(lane: Int, number: Int) throws {
        try store.writeBlocking { transaction in try perform(lane: lane, number: number, in: transaction) }
    }

    // MARK: Caches

    /// Does a step of ``SchemaPlan``.
    func step(_ step: Int) async throws {
        switch step % 5 {
        case 1: _ = try store.cache(SchemaPlan.temporary, key: .int, value: .int)
        case 2: try await store.cache(SchemaPlan.temporary, key: .int, value: .int).set(step, for: step)
        case 3: _ = try versioned(UInt16(step / 5 + 1))
        case 4: try await versioned(UInt16(step / 5 + 1)).set(step, for: step)
        default: try store.dropCache(SchemaPlan.temporary)
        }
    }

    private func versioned(_ version: UInt16) throws -> Cache<Int, Int> {
        try store.cache(SchemaPlan.versioned, key: .int, value: .int, options: CacheOptions(version: version))
    }

    // MARK: Looking

    /// What the store holds, as of one moment, in which no other process writes.
    ///
    /// A dead process may have left a commit that readers were not told of: that a cache was dropped, or its version raised. To open the cache finishes that
    /// commit, and would make a dropped cache anew. So what was seen counts only if the caches are afterwards as they were before.
    func observe() throws -> Observation {
        while true {
            let described = try store.caches()
            let observation = Result { try observe(described) }
            let now = try store.caches()
            if now == described { return try observation.get() }
            if let made = now.first(where: { $0.name == SchemaPlan.temporary }), !described.contains(made) {
                try store.dropCache(SchemaPlan.temporary)
            }
        }
    }

    private func observe(_ descriptions: [CacheDescription]) throws -> Observation {
        var observation = Observation()
        let versioned = try descriptions.first { $0.name == SchemaPlan.versioned }.map {
            try self.versioned($0.version)
        }
        let temporary: Cache<Int, Int>? =
            descriptions.contains { $0.name == SchemaPlan.temporary }
            ? try store.cache(SchemaPlan.temporary, key: .int, value: .int) : nil
        try store.read { snapshot in
            try snapshot.forEach(in: positions) { lane, number in observation.positions[lane] = number }
            try snapshot.forEach(in: left) { key, value in
                let number = (key.split(separator: "/").last.flatMap { Int($0) } ?? 0) - 100_000
                try observation.add(EntryKey(cache: .left, key: number), value)
            }
            for cache in LaneCache.allCases where cache != .left {
                try snapshot.forEach(in: integerCache(cache)) { key, value in
                    try observation.add(EntryKey(cache: cache, key: key), value)
                }
            }
            if let versioned {
                try snapshot.forEach(in: versioned) { observation.schema.versioned[$0] = $1 }
            }
            if let temporary {
                var entries: [Int: Int] = [:]
                try snapshot.forEach(in: temporary) { entries[$0] = $1 }
                observation.schema.temporary = entries
            }
        }
        observation.schema.version = descriptions.first { $0.name == SchemaPlan.versioned }?.version ?? 0
        return observation
    }

    /// How many transactions a lane has done, by whichever tier answers.
    func position(of lane: Int) throws -> Int {
        try positions.value(for: lane) ?? 0
    }

    /// The same on disk.
    func positionOnDisk(of lane: Int) throws -> Int {
        try store.read { try $0.value(for: lane, in: positions) } ?? 0
    }

    /// Reads every entry that a lane can have by its key, twice, so that both tiers answer, and compares with what it should be.
    func compareTiers(lane: Int, with state: [EntryKey: UInt64]) throws {
        for cache in LaneCache.allCases {
            for number in 0..<8 {
                let key = EntryKey(cache: cache, key: lane * 1_000 + number)
                for _ in 0..<2 {
                    let value =
                        cache == .left
                        ? try left.value(for: Self.leftKey(key.key)) : try integerCache(cache).value(for: key.key)
                    guard value == state[key].map({ LanePlan.bytes(of: $0, in: cache) }) else {
                        throw Wrong("a read of \(cache) \(key.key) is not what a scan of the same state says")
                    }
                }
            }
        }
    }
}

/// What should not be.
struct Wrong: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// What a store holds.
struct Observation {
    var positions: [Int: Int] = [:]
    var entries: [Int: [EntryKey: UInt64]] = [:]
    var schema = SchemaPlan.State()

    mutating func add(_ key: EntryKey, _ value: [UInt8]) throws {
        guard let token = LanePlan.token(of: value, in: key.cache) else {
            throw Wrong("\(key.cache) \(key.key) has a value that nobody wrote")
        }
        entries[key.lane, default: [:]][key] = token
    }
}
