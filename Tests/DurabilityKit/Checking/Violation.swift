/// A promise that a history shows broken.
public struct Violation: Error, Sendable, CustomStringConvertible {
    /// What is wrong.
    public var reason: String
    /// The operation that shows it.
    public var event: HistoryEvent
    /// The operation that it contradicts, where there is one: it had ended before, and saw or wrote something newer.
    public var earlier: HistoryEvent?

    /// The reason with the operation.
    public var description: String {
        reason + ": " + Self.describe(event) + (earlier.map { "; after " + Self.describe($0) } ?? "")
    }

    private static func describe(_ event: HistoryEvent) -> String {
        "lane \(event.lane), \(event.domain) key \(event.key), \(event.kind) of version \(event.version), nonce \(event.nonce)"
            + (event.found.map { $0.map { ", found \($0)" } ?? ", found nothing" } ?? "")
            + (event.isWithdrawn ? ", withdrawn" : "") + (event.isInSnapshot ? ", snapshot \(event.snapshot)" : "")
            + ", \(event.start)…" + (event.isFinished ? "+\(event.finish - event.start) ns" : "never")
    }
}
