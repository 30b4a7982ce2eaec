/// How long a value of a source is fresh, and what becomes of it after.
///
/// All of it is kept with each record: it outlasts the process. From the moment a value is loaded or written:
///
/// ```
/// |---------- fresh -----------|---- stale, but an answer ----|
/// |            |- refresh ahead |- while it is loaded again -| |
///                               |- if the source fails -------|
/// ```
public struct Freshness: Hashable, Sendable {
    /// How long a value is fresh. Forever unless said otherwise here, by the source for an entry
    /// (``Source/attributes(of:for:)``), or by the cache's ``CacheOptions/timeToLive``.
    public var timeToLive: Duration?
    /// By up to what part of itself the time to live of each value is shortened, at random, so that what was loaded together does not
    /// grow stale together. 0 to 1; a tenth unless said otherwise.
    public var jitter: Double
    /// How long before a value grows stale the first reader has it loaded again, without waiting. Not at all unless said otherwise.
    public var refreshAhead: Duration
    /// How long a stale value is answered at once, while it is loaded again in the background. Not at all unless said otherwise.
    public var staleWhileRevalidate: Duration
    /// How long a stale value is answered when the source fails or is slow. Not at all unless said otherwise.
    public var staleIfError: Duration
    /// How long it is remembered that the source has no value for a key (a negative entry). Not at all unless said otherwise.
    public var negativeTimeToLive: Duration?
    /// How long the source is left alone with a key of which a load has failed while a stale value could be answered. A second unless said
    /// otherwise.
    public var retryDelay: Duration

    /// Makes a freshness.
    public init(
        timeToLive: Duration? = nil, jitter: Double = 0.1, refreshAhead: Duration = .zero,
        staleWhileRevalidate: Duration = .zero, staleIfError: Duration = .zero, negativeTimeToLive: Duration? = nil,
        retryDelay: Duration = .seconds(1)
    ) {
        self.timeToLive = timeToLive
        self.jitter = jitter
        self.refreshAhead = refreshAhead
        self.staleWhileRevalidate = staleWhileRevalidate
        self.staleIfError = staleIfError
        self.negativeTimeToLive = negativeTimeToLive
        self.retryDelay = retryDelay
    }

    /// What this comes to for a value with a time to live.
    ///
    /// - Parameter random: A number from 0 to 1, which decides on the jitter.
    func lifetime(timeToLive: Milliseconds?, random: Double) -> Lifetime {
        guard let timeToLive else { return .unlimited }
        let shortened = UInt64((Double(timeToLive) * (1 - jitter * random)).rounded(.up))
        let fresh = min(max(1, shortened), timeToLive)
        let ahead = min(refreshAhead.positiveMilliseconds ?? 0, fresh - 1)
        let stale = max(staleWhileRevalidate.positiveMilliseconds ?? 0, staleIfError.positiveMilliseconds ?? 0)
        if ahead == 0, stale == 0 { return .milliseconds(fresh) }
        return .growingStale(
            FreshnessPeriods(
                untilRefresh: fresh - ahead, fresh: fresh, kept: min(fresh + stale, .max / 2)))
    }

    func check() throws {
        func require(_ condition: Bool, _ message: String) throws {
            if !condition { throw LarderError(.invalidOption, message) }
        }
        for duration in [timeToLive, negativeTimeToLive] where duration != nil {
            try require(duration?.positiveMilliseconds != nil, "a time to live is not positive")
        }
        try require(0...1 ~= jitter, "the jitter is not between 0 and 1")
        for duration in [refreshAhead, staleWhileRevalidate, staleIfError, retryDelay] {
            try require(duration >= .zero, "a duration is negative")
        }
    }
}
