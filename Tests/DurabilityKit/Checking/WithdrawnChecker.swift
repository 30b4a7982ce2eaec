/// Checks that what was cancelled while it waited did not happen, as its caller was told.
///
/// What it would have written carries a number of its own, so that nobody may have read it or found it. Of a removal and of an increment only
/// the rest of the history tells: neither is part of the order that the others must fit.
enum WithdrawnChecker {
    /// The violations in a history, and the history without what was withdrawn and without the reads that saw it.
    static func check(_ events: [HistoryEvent]) -> (violations: [Violation], others: [HistoryEvent]) {
        var violations: [Violation] = []
        var withdrawn: [HistoryEvent.Domain: Set<UInt64>] = [:]
        for event in events where event.isWithdrawn {
            if event.hasRun { violations.append(Violation(reason: "ran and was called withdrawn", event: event)) }
            if event.kind == .write || event.kind == .transaction {
                withdrawn[event.domain, default: []].insert(event.identity)
            }
        }
        func isWithdrawn(_ identity: UInt64, _ domain: HistoryEvent.Domain) -> Bool {
            withdrawn[domain]?.contains(identity) ?? false
        }
        let others = events.filter { event in
            if event.isWithdrawn { return false }
            let sees = event.kind == .read && isWithdrawn(event.identity, event.domain)
            let before = event.kind == .transaction ? event.snapshot : event.kind.isWrite ? event.found ?? nil : nil
            if sees || before.map({ isWithdrawn($0, event.domain) }) ?? false {
                violations.append(Violation(reason: "saw what was withdrawn", event: event))
            }
            return !sees
        }
        return (violations, others)
    }
}
