/// One write through a cache to its source: intend, write, commit.
///
/// Each step leaves nothing stale if the process ends there. Before the first the cache holds what the source does. From the first to the
/// last the key is absent and no load is kept, since nobody knows whether it read the source before or after the write. Only a
/// commit that removes the intent makes the key present again; and only who made the intent, or anyone once its owner is dead and the source can no
/// longer apply the write, removes it.
struct SourceWrite<Key: Sendable, Value: Sendable>: Sendable {
    let key: MemoryKey
    /// What the cache shall hold afterwards; `nil` for nothing.
    let write: PreparedWrite?
    let cache: Cache<Key, Value>
    let options: SourceOptions
    /// Writes the source.
    let body: @Sendable () async throws -> Void

    private var store: Store { cache.store }
    private var limit: TimeLimit { TimeLimit(duration: options.writeTimeout, clock: options.timeoutClock) }

    /// Runs all of it.
    func run() async throws {
        await options.observesWrite?(.begun)
        let token = store.claims.makeToken()
        do {
            try await intend(token)
        } catch {
            store.claims.end(token)
            throw error
        }
        // From here on the caller's cancellation is of no account: the source may have the value.
        let work = Task { try await finish(token) }
        try await work.value
    }

    private func finish(_ token: UInt64) async throws {
        defer { store.claims.end(token) }
        await options.observesWrite?(.intended)
        let mayKeep = options.mayKeep()
        do {
            try await TimeLimit.run(within: limit, body)
        } catch {
            switch error {
            case is TimeLimit.Passed, is UnknownOutcome, is CancellationError:
                try? await giveUp(token)
                throw LarderError(
                    .outcomeUnknown, "whether the source has applied the write is unknown", cacheName: cache.name,
                    keyHash: key.hash, underlyingError: error)
            default:
                // Where this fails, a full disk say, the intent stays, and its owner does not stand behind it any more.
                try? await settle(token, nil)
                throw error
            }
        }
        await options.observesWrite?(.written)
        try? await settle(token, mayKeep ? write : nil)
        await options.observesWrite?(.committed)
    }

    // MARK: The three commits

    /// Makes the key absent and says that it is about to be written, once nobody else is writing it.
    private func intend(_ token: UInt64) async throws {
        let owner = try store.claims.owner()
        let settlement = options.settlement.positiveMilliseconds ?? 0
        let patience = (options.writeTimeout + options.settlement).positiveMilliseconds ?? 0
        let (key, keyspace, keeper) = (key, cache.keyspace, store.claims)
        let attempt: @Sendable () async throws -> Claim? = { [store] in
            try await store.write(singleKey: key) { transaction in
                if let claim = try transaction.standingClaim(on: key, in: keyspace, keeper), claim.kind == .intent {
                    return claim
                }
                try transaction.remove(key, in: keyspace)
                let intent = Claim(
                    kind: .intent, token: token, owner: owner, deadline: transaction.now &+ patience,
                    settlement: settlement)
                try transaction.put(intent, on: key.hash, in: keyspace)
                return nil
            }
        }
        let isTimeUp = TimeUp(after: limit)
        defer { isTimeUp.stop() }
        while let other = try await attempt() {
            await store.waitForEnd(of: other, on: key.hash, in: keyspace) { isTimeUp.value }
            if isTimeUp.value {
                throw LarderError(
                    .busy, "another write of the key is not done", cacheName: cache.name, keyHash: key.hash)
            }
        }
    }

    /// Commits the value and removes the intent, in one transaction. If somebody else has changed or invalidated the key meanwhile, it stays
    /// absent: nobody knows which of the two came last.
    private func settle(_ token: UInt64, _ write: PreparedWrite?) async throws {
        let (key, keyspace) = (key, cache.keyspace)
        let deadline: Milliseconds = try await store.write(singleKey: key) { transaction in
            let claim = try transaction.claim(on: key.hash, in: keyspace)
            let isOurs = claim?.token == token
            if isOurs { try transaction.removeClaim(on: key.hash, in: keyspace) }
            guard isOurs, claim?.isOvertaken == false, let write else {
                // Also tells loads under way that what they have read may be old.
                try transaction.remove(key, in: keyspace)
                return 0
            }
            return try transaction.put(write)
        }
        cache.noteDeadline(deadline)
    }

    /// Leaves the intent to whoever comes after its deadline.
    private func giveUp(_ token: UInt64) async throws {
        let (key, keyspace) = (key, cache.keyspace)
        try await store.write(singleKey: key) { transaction in
            guard let claim = try transaction.claim(on: key.hash, in: keyspace), claim.token == token else { return }
            try transaction.put(claim.orphaned(now: transaction.now), on: key.hash, in: keyspace)
        }
    }
}
