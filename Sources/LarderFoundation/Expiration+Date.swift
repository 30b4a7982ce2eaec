public import Larder

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension Expiration {
    /// At a date, rounded to milliseconds. A date that has passed makes the entry absent.
    public static func at(_ date: Date) -> Expiration {
        let milliseconds = (date.timeIntervalSince1970 * 1_000).rounded()
        return .at(millisecondsSince1970: milliseconds <= 0 ? 0 : UInt64(exactly: milliseconds) ?? .max)
    }
}
