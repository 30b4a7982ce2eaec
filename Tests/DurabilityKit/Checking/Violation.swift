/// A promise that a history shows broken.
public struct Violation: Error, Sendable, CustomStringConvertible {
    /// What is wrong.
    public var reason: String
    /// The operation that shows it.
    public var event: HistoryEvent

    /// The reason with the operation.
    public var description: String {
        let interval = "\(event.start)…" + (event.isFinished ? "+\(event.finish - event.start) ns" : "never")
        return
            "\(reason): \(event.domain) key \(event.key), \(event.kind) of version \(event.version), nonce \(event.nonce)"
            + (event.isInSnapshot ? ", snapshot \(event.snapshot)" : "") + ", \(interval)"
    }
}
