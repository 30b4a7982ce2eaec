/// A value on its way into both tiers: encoded before the transaction begins, so that a coding that throws disturbs nobody.
struct PreparedWrite: Sendable {
    var keyspace: Keyspace
    var key: MemoryKey
    var payload: [UInt8]
    var memoryValue: MemoryValue
    var lifetime: Lifetime
}

/// What an ``Expiration`` and a cache's options come to: what the deadline will be is known when the transaction runs.
enum Lifetime: Sendable {
    case unlimited
    case milliseconds(UInt64)
    case until(Milliseconds)

    /// The deadline of a record written at `now`; 0 for never.
    func deadline(now: Milliseconds) -> Milliseconds {
        switch self {
        case .unlimited: 0
        case .milliseconds(let duration): now.addingReportingOverflow(duration).partialValue
        case .until(let deadline): max(deadline, 1)
        }
    }
}
