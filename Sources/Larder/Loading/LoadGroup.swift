internal import LMDB
internal import Synchronization

/// Loads of one call of the source: one key, or several that were asked for together.
final class LoadGroup<Key: Sendable, Value: Sendable>: Sendable {
    /// One key of the group.
    struct Member: Sendable {
        let key: Key
        let memoryKey: MemoryKey
        let load: Load<Value>
    }

    private struct State {
        /// How many of the loads are wanted.
        var wanted: Int
        var task: Task<Void, Never>?
        /// The numbers of the leases held, by member.
        var leases: [Int: UInt64] = [:]
    }

    private let plan: LoadPlan<Key, Value>
    private let members: [Member]
    private let demand: LoadDemand
    private let state: Mutex<State>

    private var store: Store { plan.cache.store }
    private var keyspace: Keyspace { plan.cache.keyspace }

    init(_ plan: LoadPlan<Key, Value>, _ members: [Member], _ demand: LoadDemand) {
        self.plan = plan
        self.members = members
        self.demand = demand
        state = Mutex(State(wanted: members.count))
    }

    /// Starts a task that loads. Whoever made the loads waits for them afterwards, or lets them go on without.
    func start() {
        for (index, member) in members.enumerated() {
            member.load.whenAbandoned { [self] in abandon(index) }
        }
        let task = Task { await run() }
        state.withLock { $0.task = task }
    }

    /// Nobody wants one of the values any more. The load is cancelled when nobody wants any.
    private func abandon(_ index: Int) {
        store.loads.remove(members[index].load, of: members[index].memoryKey)
        let task = state.withLock { state in
            state.wanted -= 1
            return state.wanted == 0 ? state.task : nil
        }
        endLeases(of: [index])
        task?.cancel()
    }

    // MARK: Whose turn it is

    private func run() async {
        await load(members.indices.map { $0 })
    }

    /// Loads the members that nobody else is loading, and waits for the others.
    private func load(_ indices: [Int]) async {
        var toLoad: [(index: Int, lease: Lease<Value>)] = []
        var held: [(index: Int, claim: Claim)] = []
        for (index, lease) in zip(indices, await leases(for: indices)) {
            switch lease {
            case .found(let value):
                state.withLock { $0.wanted -= 1 }
                conclude(index, .success(value))
            case .held(let claim): held.append((index, claim))
            case .granted, .unkept, .local: toLoad.append((index, lease))
            }
        }
        // First its own, so that two who wait for each other never both hold what the other waits for.
        if !toLoad.isEmpty { await ask(toLoad) }
        if held.isEmpty { return }
        await withDiscardingTaskGroup { group in
            for (index, claim) in held {
                group.addTask { [self] in
                    await store.waitForEnd(of: claim, on: members[index].memoryKey.hash, in: keyspace)
                    await load([index])
                }
            }
        }
    }

    /// Under what the members are loaded, in the order of the indices.
    private func leases(for indices: [Int]) async -> [Lease<Value>] {
        if Task.isCancelled || !plan.mayKeep() { return indices.map { _ in .unkept } }
        guard plan.sharing == .amongProcesses else { return indices.map { local($0) } }
        let tokens = indices.map { _ in store.claims.makeToken() }
        let terms = zip(indices, tokens).map { (members[$0].memoryKey, $1) }
        let (plan, demand) = (plan, demand)
        let leases: [Lease<Value>]
        do {
            let owner = try store.claims.owner()
            leases = try await store.write(singleKey: indices.count == 1 ? terms[0].0 : nil) { transaction in
                // Asked in the transaction, so that whoever says no after this finds the lease, and ends it.
                guard plan.mayKeep() else { return terms.map { _ in .unkept } }
                return try terms.map { key, token in
                    try transaction.lease(key, token: token, owner: owner, for: plan, demand)
                }
            }
        } catch {
            // A full disk, say. The source can answer all the same.
            leases = indices.map { _ in .unkept }
        }
        for ((index, token), lease) in zip(zip(indices, tokens), leases) {
            guard case .granted = lease else {
                store.claims.end(token)
                continue
            }
            state.withLock { $0.leases[index] = token }
            // It may have been given up meanwhile.
            if members[index].load.isAbandoned { endLeases(of: [index]) }
        }
        return leases
    }

    /// A write may have come between the look of whoever asks and the load, which it would then be too late to stop.
    private func local(_ index: Int) -> Lease<Value> {
        guard demand == .any, let record = try? plan.cache.sourcedRecord(members[index].memoryKey) else {
            return .local
        }
        guard plan.isSourced else { return record.value.map { .found($0) } ?? .local }
        let isDue = record.header.plainUntil != 0 && store.clock.now() >= record.header.plainUntil
        return isDue ? .local : .found(record.value)
    }

    // MARK: Loading

    /// Asks the source for the members' values, tells who waits, and keeps them.
    private func ask(_ toLoad: [(index: Int, lease: Lease<Value>)]) async {
        let environment = store.durable.environment
        let start = LoadStart(version: environment.lastTransactionID, removals: environment.foreignRemovalsOfNothing)
        for (index, lease) in toLoad {
            var start = start
            if case .granted(let token) = lease { start.lease = token }
            members[index].load.begin(start)
        }
        store.counters.loads.add(toLoad.count, ordering: .relaxed)
        do {
            let (plan, keys) = (plan, toLoad.map { members[$0.index].key })
            let values = try await TimeLimit.run(within: plan.limit) { try await plan.load(keys) }
            precondition(values.count == toLoad.count, "a value or none for each key")
            // On its way to the disk before anyone is told, so that who then closes the store closes after it.
            let kept = zip(toLoad, values).compactMap { prepare($0.index, $0.lease, $1) }
            let bytes = kept.reduce(0) { $0 + ($1.loaded.write?.payload.count ?? 0) }
            // Where the disk does not keep up with the loads, those who asked wait for it.
            let isToldAtOnce = store.groupCommit.reservesUnawaited(bytes: bytes)
            let tell: @Sendable () -> Void = { [members] in
                for (loaded, value) in kept { members[loaded.member].load.finish(.success(value)) }
            }
            keep(kept.map(\.loaded), thenTell: isToldAtOnce ? nil : tell)
            // Who asks from now on joins the load until the value can be read.
            if isToldAtOnce { tell() }
        } catch is TimeLimit.Passed {
            let error = LarderError(.sourceTimedOut, "the source did not answer in time", cacheName: plan.cache.name)
            fail(toLoad.map(\.index), error)
        } catch {
            fail(toLoad.map(\.index), error)
        }
    }

    private func fail(_ indices: [Int], _ error: any Error) {
        store.counters.failedLoads.add(indices.count, ordering: .relaxed)
        let now = store.clock.now()
        for index in indices {
            store.retries.deferLoad(of: members[index].memoryKey, until: now &+ plan.retryDelay, now: now)
            conclude(index, .failure(error))
        }
        endLeases(of: indices)
    }

    /// Tells who waits, when nothing is to be kept.
    private func conclude(_ index: Int, _ result: Result<Value?, any Error>) {
        // First taken out, so that who comes after does not join it.
        store.loads.remove(members[index].load, of: members[index].memoryKey)
        members[index].load.finish(result)
    }

    // MARK: Keeping

    /// Makes a value ready to be kept; `nil` if it is not to be, and then tells who waits.
    private func prepare(
        _ index: Int, _ lease: Lease<Value>, _ value: Value?
    ) -> (loaded: LoadedValue, value: Value?)? {
        let member = members[index]
        let cache = plan.cache
        store.retries.forget(member.memoryKey)
        do {
            let write: PreparedWrite?
            if let value {
                let payload = try cache.valueCoding.encode(value)
                let attributes = try plan.attributes(member.key, value)
                write = PreparedWrite(
                    keyspace: keyspace, key: member.memoryKey, payload: payload,
                    memoryValue: cache.memoryValue(value, payloadSize: payload.count), lifetime: attributes.lifetime,
                    tags: attributes.tags)
            } else {
                write = plan.absenceLifetime.map { .absence(of: member.memoryKey, in: keyspace, lifetime: $0) }
            }
            switch lease {
            case .granted(let token):
                return (LoadedValue(member: index, key: member.memoryKey, write: write, lease: token), value)
            case .local where write != nil || isHeld(member.memoryKey):
                return (LoadedValue(member: index, key: member.memoryKey, write: write, lease: nil), value)
            default:
                conclude(index, .success(value))
                return nil
            }
        } catch {
            fail([index], error)
            return nil
        }
    }

    /// Whether there is a record, which is to go when the source has no value any more.
    private func isHeld(_ key: MemoryKey) -> Bool {
        let cache = plan.cache
        return plan.isSourced && (try? store.withReadTransaction { try cache.sourcedRecord(key, in: $0) }) != nil
    }

    /// Puts the records of loaded values on a shared commit, and takes the loads out when that is decided.
    ///
    /// - Parameter tell: What is to be done when the commit is decided, besides.
    private func keep(_ values: [LoadedValue], thenTell tell: (@Sendable () -> Void)?) {
        guard !values.isEmpty else { return }
        let (store, keyspace, members, replaces) = (store, keyspace, members, plan.isSourced)
        let request = WriteRequest(singleKey: values.count == 1 ? values[0].key : nil, isAwaited: tell != nil) {
            transaction in
            for value in values {
                let load = members[value.member].load
                let isCurrent =
                    if let lease = value.lease {
                        try transaction.endLease(lease, of: value.key, in: keyspace)
                    } else {
                        try transaction.isCurrent(load.start, isValid: load.isValid, value.key, in: keyspace, of: store)
                    }
                if isCurrent { try transaction.keep(value, in: keyspace, of: store, replaces: replaces) }
            }
        }
        request.whenDecided { [self] _ in
            for value in values {
                state.withLock { _ = $0.leases.removeValue(forKey: value.member) }
                if let lease = value.lease { store.claims.end(lease) }
                store.loads.remove(members[value.member].load, of: value.key)
            }
            tell?()
        }
        store.groupCommit.submit(request)
    }

    /// Lets go of leases, without waiting for it.
    private func endLeases(of indices: [Int]) {
        let leases = state.withLock { state in
            indices.compactMap { index in
                state.leases.removeValue(forKey: index).map { (members[index].memoryKey, $0) }
            }
        }
        guard !leases.isEmpty else { return }
        for (_, token) in leases { store.claims.end(token) }
        let keyspace = keyspace
        store.groupCommit.submit(
            WriteRequest(singleKey: leases.count == 1 ? leases[0].0 : nil) { transaction in
                for (key, token) in leases { _ = try transaction.endLease(token, of: key, in: keyspace) }
            })
    }
}

/// A value on its way from the source into both tiers.
struct LoadedValue: Sendable {
    /// Which member of its group.
    var member: Int
    var key: MemoryKey
    /// What is to be kept; `nil` if only what is there is to go, since the source has no value.
    var write: PreparedWrite?
    /// The number of the lease under which it was loaded; `nil` for one within the process.
    var lease: UInt64?
}
