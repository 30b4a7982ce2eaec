/// When an entry stops being there.
public struct Expiration: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case cacheDefault
        case never
        case after(Duration)
        case at(millisecondsSince1970: UInt64)
    }

    let kind: Kind

    /// As the cache's options say: ``CacheOptions/timeToLive``, or ``CacheOptions/expiresAfterAccess``, or never.
    public static let cacheDefault = Expiration(kind: .cacheDefault)
    /// Never, even where the cache has a default time to live.
    public static let never = Expiration(kind: .never)

    /// So long after the write, by the wall clock. Rounded up to milliseconds. A duration that is not positive makes the write throw
    /// ``LarderError/Code-swift.struct/invalidExpiration``.
    public static func after(_ duration: Duration) -> Expiration {
        Expiration(kind: .after(duration))
    }

    /// At a moment of the wall clock, in milliseconds since 1970-01-01 00:00 UTC. A moment that has passed makes the entry absent.
    public static func at(millisecondsSince1970 deadline: UInt64) -> Expiration {
        Expiration(kind: .at(millisecondsSince1970: deadline))
    }
}

/// A moment of the wall clock in milliseconds since 1970; 0 in place of a deadline means never.
typealias Milliseconds = UInt64

extension Duration {
    /// Whole milliseconds, rounded up; `nil` unless the duration is positive.
    var positiveMilliseconds: Milliseconds? {
        let (seconds, attoseconds) = components
        guard seconds > 0 || (seconds == 0 && attoseconds > 0) else { return nil }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000)
        let fraction = UInt64((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
        let (sum, carry) = product.addingReportingOverflow(fraction)
        // Half of the range: no deadline computed from it can overflow.
        return overflow || carry ? .max / 2 : min(sum, .max / 2)
    }
}
