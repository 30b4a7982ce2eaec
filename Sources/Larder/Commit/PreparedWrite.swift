/// A value on its way into both tiers: encoded before the transaction begins, so that a coding that throws disturbs nobody.
struct PreparedWrite: Sendable {
    var keyspace: Keyspace
    var key: MemoryKey
    var payload: [UInt8]
    /// What memory shall hold; `nil` for nothing.
    var memoryValue: MemoryValue?
    var lifetime: Lifetime
    /// Hashes of the entry's tags, no two alike.
    var tags: [UInt64] = []
    /// Whether it says that the source has no value.
    var isAbsence = false

    /// What the record says besides the value if it is written at `now`.
    func terms(now: Milliseconds) -> RecordTerms {
        var terms = RecordTerms(expiry: lifetime.deadline(now: now), isAbsence: isAbsence, tags: tags)
        if case .growingStale(let periods) = lifetime {
            terms.refreshFrom = now &+ periods.untilRefresh
            terms.freshUntil = now &+ periods.fresh
        }
        return terms
    }
}

/// How long a value that grows stale is what, in milliseconds from its writing; each is at most half of the range of the numbers.
struct FreshnessPeriods: Hashable, Sendable {
    /// Until it is to be loaded again ahead of time.
    var untilRefresh: Milliseconds
    /// Until it is stale.
    var fresh: Milliseconds
    /// Until it is gone.
    var kept: Milliseconds
}

/// What an ``Expiration`` and a cache's options come to: what the deadline will be is known when the transaction runs.
enum Lifetime: Sendable {
    case unlimited
    case milliseconds(UInt64)
    case until(Milliseconds)
    case growingStale(FreshnessPeriods)

    /// The deadline of a record written at `now`; 0 for never.
    func deadline(now: Milliseconds) -> Milliseconds {
        switch self {
        case .unlimited: 0
        case .milliseconds(let duration): now.addingReportingOverflow(duration).partialValue
        case .until(let deadline): max(deadline, 1)
        case .growingStale(let periods): now &+ periods.kept
        }
    }
}
