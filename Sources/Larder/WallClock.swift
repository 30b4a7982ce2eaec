#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Where a store takes the time of day from.
///
/// Deadlines are moments of the wall clock, since they outlive the process and the boot. If the clock jumps forward, entries expire
/// early; if it jumps back, entries that have not been removed yet live longer. Neither shows a wrong value.
public struct WallClock: Sendable {
    /// Milliseconds since 1970-01-01 00:00 UTC.
    public var now: @Sendable () -> UInt64

    /// A clock of your own, for tests. It is asked while parts of the store are locked, so it may not use the store.
    public init(now: @escaping @Sendable () -> UInt64) {
        self.now = now
    }

    /// The system's clock, to a few milliseconds. Costs about 5 ns on Linux.
    public static let system = WallClock {
        var time = timespec()
        #if os(Linux)
            unsafe clock_gettime(CLOCK_REALTIME_COARSE, &time)
        #else
            unsafe clock_gettime(CLOCK_REALTIME, &time)
        #endif
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }
}
