/// How a cache works with its source.
public struct SourceOptions: Sendable {
    /// How long values are fresh, and what becomes of them after.
    public var freshness: Freshness
    /// Among whom a missing value is loaded once. ``LoadSharing/amongProcesses`` unless said otherwise.
    public var sharing: LoadSharing
    /// How long a reader that has a stale value to answer waits for the source; the load goes on. As long as it takes unless said
    /// otherwise.
    public var softLoadTimeout: Duration?
    /// How long a load may take. Past it the load is cancelled and fails with ``LarderError/Code-swift.struct/sourceTimedOut``. 30 seconds
    /// unless said otherwise; `nil` sets no limit.
    public var loadTimeout: Duration?
    /// How long a write to the source may take, and how long one waits for another of its key. Past it the outcome is unknown. 10 seconds
    /// unless said otherwise.
    public var writeTimeout: Duration
    /// How long the source may still apply a write that was given up, or whose writer has died: no less than the longest time that a
    /// statement may run in the database. So long after that is noticed the key is not kept. 20 seconds unless said otherwise.
    public var settlement: Duration
    /// Whether what is loaded from the source, or written to it, may be kept: asked before the source is. For one who hears of the changes that
    /// others make to the source, and at times cannot hear. Whoever says no from now on drops what was kept before, with
    /// ``SourcedCache/invalidateAll()``, and does so again before saying yes. It is asked often, in transactions too, so it is quick and leaves the
    /// store alone. Always unless said otherwise.
    public var mayKeep: @Sendable () -> Bool
    /// The clock of the timeouts. Deadlines that outlast the process are those of the store's ``StoreOptions/clock``.
    public var timeoutClock: any Clock<Duration>
    /// Gives numbers from 0 to 1, for the jitter.
    public var random: @Sendable () -> Double
    /// Is told of each step of a write, for tests that end the process there.
    package var observesWrite: (@Sendable (SourceWriteStep) async -> Void)?

    /// Makes options.
    public init(
        freshness: Freshness = .init(), sharing: LoadSharing = .amongProcesses, softLoadTimeout: Duration? = nil,
        loadTimeout: Duration? = .seconds(30), writeTimeout: Duration = .seconds(10),
        settlement: Duration = .seconds(20), mayKeep: @escaping @Sendable () -> Bool = { true },
        timeoutClock: any Clock<Duration> = ContinuousClock(),
        random: @escaping @Sendable () -> Double = { .random(in: 0...1) }
    ) {
        self.freshness = freshness
        self.sharing = sharing
        self.softLoadTimeout = softLoadTimeout
        self.loadTimeout = loadTimeout
        self.writeTimeout = writeTimeout
        self.settlement = settlement
        self.mayKeep = mayKeep
        self.timeoutClock = timeoutClock
        self.random = random
    }

    func check() throws {
        try freshness.check()
        for duration in [softLoadTimeout, loadTimeout, writeTimeout, settlement] where duration != nil {
            if duration?.positiveMilliseconds == nil {
                throw LarderError(.invalidOption, "a time limit of a source is not positive")
            }
        }
    }
}

/// Among whom a missing value is loaded once.
public enum LoadSharing: Hashable, Sendable {
    /// The tasks of a process. Costs nothing more.
    case withinProcess
    /// The tasks of all processes that have the store open. Costs each load a commit before it, for a lease in the store.
    case amongProcesses
}

/// The steps of a write to a source, in their order.
package enum SourceWriteStep: String, CaseIterable, Sendable {
    /// Nothing has happened.
    case begun
    /// The intent is durable and the key absent.
    case intended
    /// The source has the value.
    case written
    /// The value is in both tiers and the intent is gone.
    case committed
}
