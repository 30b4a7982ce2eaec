internal import LMDB
internal import Synchronization

/// Which claims on keys stand: those of this process that are still wanted, and those of others that are alive.
final class ClaimKeeper: Sendable {
    private let environment: Environment
    /// Numbers of the claims that a load or a write of this process stands behind.
    private let active = Mutex<Set<UInt64>>([])

    init(environment: Environment) {
        self.environment = environment
    }

    /// Who this process is in its claims.
    func owner() throws -> UInt64 {
        try environment.processIdentity()
    }

    /// A number for a claim that is about to be made.
    func makeToken() -> UInt64 {
        let token = UInt64.random(in: 1 ... .max)
        _ = active.withLock { $0.insert(token) }
        return token
    }

    /// Nobody stands behind the claim of this number any more, though it may be in the store for a while yet.
    func end(_ token: UInt64) {
        _ = active.withLock { $0.remove(token) }
    }

    /// Whether a claim is to be respected. A lease is until its owner is gone or its time is up: to load twice does no harm. An intent is while
    /// it has an owner, and then until its time is up: the source may still apply the write.
    func stands(_ claim: Claim, now: Milliseconds) -> Bool {
        switch claim.kind {
        case .lease: now < claim.deadline && isOwned(claim)
        case .intent: claim.owner != 0 || now < claim.deadline
        }
    }

    /// Whether an intent has an owner who is gone, which nobody has noticed yet.
    func isOrphan(_ claim: Claim) -> Bool {
        claim.kind == .intent && claim.owner != 0 && !isOwned(claim)
    }

    private func isOwned(_ claim: Claim) -> Bool {
        if claim.owner == 0 { return false }
        if claim.owner == (try? owner()) { return active.withLock { $0.contains(claim.token) } }
        return environment.isProcessAlive(claim.owner)
    }
}

extension Store {
    /// Waits until a claim on a key has gone, does not stand any more or has lost its owner, the task is cancelled, or `gaveUp` says so. Looks after a millisecond first and every
    /// 16 milliseconds at last; a look costs a read transaction and a system call.
    func waitForEnd(
        of claim: Claim, on keyHash: UInt64, in keyspace: Keyspace, orUntil gaveUp: () -> Bool = { false }
    ) async {
        var delay = 1
        while !Task.isCancelled, !gaveUp() {
            try? await Task.sleep(for: .milliseconds(delay))
            delay = min(delay * 2, 16)
            let current = try? withReadTransaction { transaction in
                try durable.claims.claim(on: keyHash, in: keyspace, of: transaction)
            }
            guard let current = current ?? nil, current.token == claim.token, claims.stands(current, now: clock.now()),
                !claims.isOrphan(current)
            else { return }
        }
    }
}
