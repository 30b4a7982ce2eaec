import DurabilityKit

/// What hand-made histories are written in: events at small times, and what the checker says of them.
enum HandMadeHistory {
    static func event(
        _ kind: HistoryEvent.Kind, _ domain: HistoryEvent.Domain, key: Int = 1, version: UInt64 = 0, nonce: UInt64 = 0,
        from start: UInt64, to finish: UInt64?, snapshot: UInt64? = nil
    ) -> HistoryEvent {
        var event = HistoryEvent(kind, domain, key: key, start: start)
        event.version = version
        event.nonce = nonce == 0 ? version : nonce
        event.finish = finish ?? 0
        event.snapshot = snapshot ?? 0
        event.isInSnapshot = snapshot != nil
        return event
    }

    /// A write or a compare of a value that carries the same number in both places.
    ///
    /// - Parameter found: What it replaced or expected; `nil` for none.
    static func event(
        _ kind: HistoryEvent.Kind, _ domain: HistoryEvent.Domain, _ value: UInt64, found: UInt64?, from start: UInt64,
        to finish: UInt64?
    ) -> HistoryEvent {
        var event = event(kind, domain, version: value, from: start, to: finish)
        event.found = .some(found)
        return event
    }

    static func increment(_ amount: UInt64, sum: UInt64?, from start: UInt64, to finish: UInt64?) -> HistoryEvent {
        event(.increment, .counter, version: sum ?? 0, nonce: amount, from: start, to: finish)
    }

    static func withdrawn(_ event: HistoryEvent) -> HistoryEvent {
        var event = event
        event.isWithdrawn = true
        return event
    }

    static func reasons(_ events: [HistoryEvent]) -> [String] {
        HistoryChecker(events).violations().map(\.reason)
    }
}
