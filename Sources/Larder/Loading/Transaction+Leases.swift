internal import LMDB

/// Under what a key is loaded.
enum Lease<Value: Sendable>: Sendable {
    /// Nobody else loads the key while the lease of this number stands, and who changes the key ends it.
    case granted(UInt64)
    /// Somebody else has loaded it; `nil` if the source has no value.
    case found(Value?)
    /// Somebody else is loading it.
    case held(Claim)
    /// The key is being written, or no lease could be had: the value is an answer, but is not kept.
    case unkept
    /// Only this process is asked not to load it twice.
    case local
}

extension Transaction {
    /// Takes the lease on a key, unless it is there already or somebody else is loading or writing it. What a dead process has left goes.
    func lease<Key, Value>(
        _ key: MemoryKey, token: UInt64, owner: UInt64, for plan: LoadPlan<Key, Value>, _ demand: LoadDemand
    ) throws -> Lease<Value> {
        let (keyspace, keeper) = (plan.cache.keyspace, plan.cache.store.claims)
        try checkExists(keyspace)
        if demand == .any, let value = try loaded(key, in: plan.cache) { return .found(value) }
        if let claim = try standingClaim(on: key, in: keyspace, keeper) {
            switch claim.kind {
            case .intent: return .unkept
            case .lease where demand == .any: return .held(claim)
            case .lease: break
            }
        }
        let claim = Claim(kind: .lease, token: token, owner: owner, deadline: now &+ plan.leaseDuration)
        try put(claim, on: key.hash, in: keyspace)
        try removeOutdatedClaims(after: key.hash, in: keyspace, keeper)
        return .granted(token)
    }

    /// The claim on a key, if it is to be respected. Whoever finds that the owner of an intent is dead sets it a last deadline: what it has
    /// sent before its death, whenever that was, the source may apply until then.
    func standingClaim(on key: MemoryKey, in keyspace: Keyspace, _ keeper: ClaimKeeper) throws -> Claim? {
        guard var claim = try claim(on: key.hash, in: keyspace) else { return nil }
        if keeper.isOrphan(claim) {
            claim = claim.orphaned(now: now)
            try put(claim, on: key.hash, in: keyspace)
        }
        return keeper.stands(claim, now: now) ? claim : nil
    }

    /// The value that there is and that need not be loaded again yet, which may be that there is none; `nil` if it is to be loaded.
    private func loaded<Key, Value>(_ key: MemoryKey, in cache: Cache<Key, Value>) throws -> Value?? {
        let now = now
        let found: Value??? = try withWriteTransaction { transaction in
            try durable.withRecordOrAbsence(
                for: key.bytes.span, hash: key.hash, in: cache.keyspace, of: transaction, now: { now }
            ) { header, payload -> Value?? in
                if header.flags.contains(.isAbsence) { return .some(nil) }
                if header.plainUntil != 0, now >= header.plainUntil { return nil }
                return .some(try cache.decode(payload, keyHash: key.hash))
            }
        }
        return found ?? nil
    }

    /// Removes some of what dead processes have left for keys that nobody asks for again. The hashes of the keys that are asked for are
    /// evenly spread, so that all of them have their turn.
    private func removeOutdatedClaims(after keyHash: UInt64, in keyspace: Keyspace, _ keeper: ClaimKeeper) throws {
        let claims = try withWriteTransaction { transaction in
            try durable.claims.claims(in: keyspace, from: keyHash &+ 1, limit: 4, of: transaction)
        }
        for (keyHash, claim) in claims {
            guard let claim, now >= claim.deadline else { continue }
            if keeper.isOrphan(claim) {
                try put(claim.orphaned(now: now), on: keyHash, in: keyspace)
            } else if !keeper.stands(claim, now: now) {
                try removeClaim(on: keyHash, in: keyspace)
            }
        }
    }

    /// Ends a lease; returns whether it still stood, and so nobody has changed the key since it was taken.
    func endLease(_ token: UInt64, of key: MemoryKey, in keyspace: Keyspace) throws -> Bool {
        guard let claim = try claim(on: key.hash, in: keyspace), claim.token == token else { return false }
        try removeClaim(on: key.hash, in: keyspace)
        return true
    }

    /// Whether nobody can have changed a key since it began to be loaded without a lease: neither here nor elsewhere, neither earlier nor in
    /// this very commit.
    func isCurrent(
        _ start: LoadStart?, isValid: Bool, _ key: MemoryKey, in keyspace: Keyspace, of store: Store
    ) throws -> Bool {
        guard let start, isValid, store.coherence.floorNow <= start.version,
            start.removals == durable.environment.foreignRemovalsOfNothing, !isTouchedEarlier(key, in: keyspace)
        else { return false }
        guard let claim = try claim(on: key.hash, in: keyspace), claim.kind == .intent else { return true }
        // The next load may be kept, if nobody stands behind the intent any more.
        if try standingClaim(on: key, in: keyspace, store.claims) == nil {
            try removeClaim(on: key.hash, in: keyspace)
        }
        return false
    }

    /// Keeps a loaded value, or that there is none.
    ///
    /// - Parameter replaces: Whether what is there already is replaced.
    func keep(_ value: LoadedValue, in keyspace: Keyspace, of store: Store, replaces: Bool) throws {
        let deadline: Milliseconds?
        if let write = value.write {
            deadline = replaces ? try put(write, isLoaded: true) : try putIfAbsent(write, isLoaded: true)
        } else {
            // The source has no value any more: neither may the cache.
            try remove(value.key, in: keyspace, isHousekeeping: true)
            deadline = nil
        }
        if let deadline, deadline != 0 { store.groupCommit.noteDeadline(deadline) }
    }
}

extension PreparedWrite {
    /// That the source has no value for a key.
    static func absence(of key: MemoryKey, in keyspace: Keyspace, lifetime: Lifetime) -> PreparedWrite {
        PreparedWrite(
            keyspace: keyspace, key: key, payload: [], memoryValue: nil, lifetime: lifetime, isAbsence: true)
    }
}
