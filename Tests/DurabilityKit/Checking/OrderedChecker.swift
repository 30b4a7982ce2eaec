/// Checks a history against a known total order of its writes: strict serializability, or, for a single key, linearizability with
/// removals.
///
/// Every write has a version, and the versions are the order. Each operation must fit at a moment between its start and its end, so no
/// operation may see a state older than one that another saw, or wrote, and finished with before it started. It is enough to go through the
/// operations by start and keep the greatest version finished so far. A read that found a key absent may have seen any of its removals;
/// the oldest that is allowed leaves most room to all others. O(n log n).
public struct OrderedChecker {
    /// What a write did to a key.
    private struct Effect {
        var version: UInt64
        var isRemoval: Bool
        var isFinished: Bool
        /// When the write that did it began.
        var start: UInt64

        /// Whether it left the key as an operation says that it found it, or expected it.
        func isFound(by event: HistoryEvent) -> Bool {
            switch event.found {
            case .some(let found): isRemoval ? found == nil : found == version
            case nil: event.foundPresent == !isRemoval
            }
        }
    }

    private var effects: [UInt32: [Effect]] = [:]
    private var violations: [Violation] = []

    /// An empty order.
    public init() {}

    /// Adds what a write does to a key. The state before the history is an effect of version 0 or higher that started at 0.
    public mutating func add(
        version: UInt64, key: UInt32, isRemoval: Bool, isFinished: Bool = true, start: UInt64 = 0
    ) {
        effects[key, default: []].append(
            Effect(version: version, isRemoval: isRemoval, isFinished: isFinished, start: start))
    }

    /// The violations in a history. Writes carry their version; one without is one of which nothing was ever seen, and is ignored.
    public mutating func violations(in events: [HistoryEvent]) -> [Violation] {
        for key in effects.keys { effects[key]?.sort { $0.version < $1.version } }
        let byStart = events.indices.sorted { events[$0].start < events[$1].start }
        let byEnd = events.indices.filter { events[$0].isFinished }.sorted { events[$0].finish < events[$1].finish }
        // What each operation proves to have happened before its end.
        var seen = [UInt64](repeating: 0, count: events.count)
        var (ended, newest) = (0, UInt64(0))
        var witness: HistoryEvent?
        for index in byStart {
            let event = events[index]
            while ended < byEnd.count, events[byEnd[ended]].finish < event.start {
                if seen[byEnd[ended]] > newest { (newest, witness) = (seen[byEnd[ended]], events[byEnd[ended]]) }
                ended += 1
            }
            let known = violations.count
            seen[index] = check(event, newest: newest)
            if violations.count > known { violations[known].earlier = witness }
        }
        return violations
    }

    private mutating func fail(_ reason: String, _ event: HistoryEvent) -> UInt64 {
        violations.append(Violation(reason: reason, event: event))
        return 0
    }

    /// Checks an operation before which `newest` was finished; returns the version that it proves.
    private mutating func check(_ event: HistoryEvent, newest: UInt64) -> UInt64 {
        switch event.kind {
        case .write, .removal, .transaction, .increment:
            guard event.version != 0 else { return 0 }
            if event.version <= newest { return fail("written before what was finished earlier", event) }
            if event.kind == .write || event.kind == .removal { checkFound(event) }
            return event.version
        case .read where event.isInSnapshot, .absentRead where event.isInSnapshot:
            return checkInSnapshot(event, newest: newest)
        case .read:
            let history = effects[event.key] ?? []
            let index = partition(history) { $0.version < event.version }
            guard index < history.count, history[index].version == event.version, !history[index].isRemoval else {
                return fail("read what nobody wrote", event)
            }
            if history[index].start > event.finish { return fail("read before it was written", event) }
            if index + 1 < history.count, history[index + 1].version <= newest { return fail("a stale read", event) }
            return event.version
        case .absentRead: return checkPresence(event, newest: newest, isRemoval: true)
        case .presentRead: return checkPresence(event, newest: newest, isRemoval: false)
        case .failedCompare:
            guard let effect = firstEffect(in: event, newest: newest, where: { !$0.isFound(by: event) }) else {
                return fail("a compare that failed without cause", event)
            }
            return effect.version
        case .none: return 0
        }
    }

    private mutating func checkPresence(_ event: HistoryEvent, newest: UInt64, isRemoval: Bool) -> UInt64 {
        guard let effect = firstEffect(in: event, newest: newest, where: { $0.isRemoval == isRemoval })
        else { return fail(isRemoval ? "a value was missed" : "a value was seen that was removed", event) }
        return effect.version
    }

    /// The oldest effect of a kind that an operation may have seen.
    private func firstEffect(
        in event: HistoryEvent, newest: UInt64, where condition: (Effect) -> Bool
    ) -> Effect? {
        let history = effects[event.key] ?? []
        let current = max(0, partition(history) { $0.version <= newest } - 1)
        guard let effect = history[current...].first(where: condition), effect.start <= event.finish else { return nil }
        return effect
    }

    private mutating func checkInSnapshot(_ event: HistoryEvent, newest: UInt64) -> UInt64 {
        if event.snapshot < newest { return fail("a stale snapshot", event) }
        let history = effects[event.key] ?? []
        let index = partition(history) { $0.version <= event.snapshot } - 1
        guard index >= 0 else { return fail("a snapshot of what nobody wrote", event) }
        let expected = history[index]
        let fits =
            expected.isRemoval ? event.kind == .absentRead : event.kind == .read && event.version == expected.version
        if !fits { return fail("a torn snapshot, which should have seen version \(expected.version)", event) }
        return event.snapshot
    }

    /// Checks that a write was told rightly whether the key had a value, or which.
    private mutating func checkFound(_ event: HistoryEvent) {
        guard event.foundPresent != nil, let history = effects[event.key] else { return }
        var index = partition(history) { $0.version < event.version }
        // One that is not known to have happened has found nothing.
        guard index < history.count, history[index].isFinished else { return }
        while index > 0 {
            index -= 1
            if history[index].isFound(by: event) { return }
            // A write before it whose process was killed may not have happened.
            guard history[index].isFinished else { continue }
            _ = fail(
                event.found == nil
                    ? "was told wrongly whether there was a value" : "does not directly follow what it found", event)
            return
        }
    }
}
