internal import LMDB

/// What a write does to the claims on keys that others have made; see ``Claim``.
extension Transaction {
    /// Whether the store may hold claims. Looked up once in a transaction: whoever makes one in it sets ``ChangeSet/hasClaims``.
    @inline(__always)
    func hasClaims() throws -> Bool {
        if let known = withChanges({ $0.hasClaims }) { return known }
        let hasClaims = try withWriteTransaction { transaction in
            try !durable.areSecondaryTablesEmpty(in: transaction) && !durable.claims.isEmpty(in: transaction)
        }
        withChanges { $0.hasClaims = hasClaims }
        return hasClaims
    }

    /// The claim on a key.
    func claim(on keyHash: UInt64, in keyspace: Keyspace) throws -> Claim? {
        guard try hasClaims() else { return nil }
        return try withWriteTransaction { transaction in
            try durable.claims.claim(on: keyHash, in: keyspace, of: transaction)
        }
    }

    /// Makes a claim, in place of another.
    func put(_ claim: Claim, on keyHash: UInt64, in keyspace: Keyspace) throws {
        try withWriteTransaction { transaction in
            try durable.put(claim, on: keyHash, in: keyspace, of: &transaction)
        }
        withChanges { changes in
            changes.countsAsChanged = true
            changes.hasClaims = true
        }
    }

    /// Removes the claim on a key, if there is one.
    func removeClaim(on keyHash: UInt64, in keyspace: Keyspace) throws {
        let wasThere = try withWriteTransaction { transaction in
            try durable.claims.remove(on: keyHash, in: keyspace, of: &transaction)
        }
        if wasThere { withChanges { $0.countsAsChanged = true } }
    }

    /// The key changes, or was to: a lease on it ends, since what its owner loads may be older, and what the owner of an intent writes is
    /// not to be kept, since nobody knows which of the two came last.
    func overtakeClaim(on keyHash: UInt64, in keyspace: Keyspace) throws {
        // A damaged claim goes, as a damaged record does.
        let claim = try? claim(on: keyHash, in: keyspace)
        try overtake(claim, on: keyHash, in: keyspace)
    }

    /// As ``overtakeClaim(on:in:)`` for all keys of a cache. Nobody knows under what tags or in which range what is being loaded falls.
    func overtakeClaims(in keyspace: Keyspace) throws {
        let claims = try withWriteTransaction { transaction in
            try durable.claims.claims(in: keyspace, of: transaction)
        }
        for (keyHash, claim) in claims { try overtake(claim, on: keyHash, in: keyspace) }
    }

    private func overtake(_ claim: Claim?, on keyHash: UInt64, in keyspace: Keyspace) throws {
        guard var claim, claim.kind == .intent else { return try removeClaim(on: keyHash, in: keyspace) }
        if claim.isOvertaken { return }
        claim.isOvertaken = true
        try put(claim, on: keyHash, in: keyspace)
    }
}
