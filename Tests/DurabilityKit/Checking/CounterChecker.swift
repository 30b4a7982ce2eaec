/// Checks the history of one counter, which starts from 0 or from the value of a write: every acknowledged increment is a step from one sum
/// to the next, no two steps overlap, and what lies between them was added by increments that nobody was told of, each once at most.
///
/// The sums are the order, against which reads are checked too. Which of the increments that were cut short make up a gap is looked for by
/// trying: they are few, and amounts are so scattered that no two choices have the same sum.
enum CounterChecker {
    /// The violations in the history of one key.
    ///
    /// - Parameter withdrawn: Increments that were told not to have happened.
    static func violations(in events: [HistoryEvent], withdrawn: [HistoryEvent]) -> [Violation] {
        guard let key = events.first?.key else { return [] }
        var steps = Steps(key: key, withdrawn: withdrawn)
        steps.reached = events.first { $0.kind == .write }?.version ?? 0
        steps.order.add(version: steps.reached, key: key, isRemoval: false)

        var resolved: [HistoryEvent] = []
        for event in events {
            switch event.kind {
            case .increment where event.isFinished: steps.acknowledged.append(event)
            case .increment: steps.unfinished.append(event)
            case .read, .absentRead:
                var read = event
                read.kind = .read
                resolved.append(read)
            case .write: break
            default: steps.violations.append(Violation(reason: "no operation on a counter", event: event))
            }
        }
        steps.seen = Set(resolved.map(\.version)).sorted()
        steps.resolve()
        resolved += steps.acknowledged + steps.resolved
        return steps.violations + steps.order.violations(in: resolved)
    }

    private struct Steps {
        let key: UInt32
        let withdrawn: [HistoryEvent]
        var acknowledged: [HistoryEvent] = []
        var unfinished: [HistoryEvent] = []
        /// The unfinished ones that have happened, with a sum that they were part of.
        var resolved: [HistoryEvent] = []
        /// The sums that were read, ascending.
        var seen: [UInt64] = []
        /// The sum up to which everything is accounted for.
        var reached: UInt64 = 0
        var order = OrderedChecker()
        var violations: [Violation] = []

        init(key: UInt32, withdrawn: [HistoryEvent]) {
            self.key = key
            self.withdrawn = withdrawn
        }

        mutating func resolve() {
            for event in acknowledged.sorted(by: { $0.version < $1.version }) {
                if event.nonce <= event.version, event.version - event.nonce >= reached {
                    explain(upTo: event.version - event.nonce, before: event)
                } else {
                    violations.append(Violation(reason: "an increment was lost", event: event))
                    if event.version <= reached { continue }
                }
                order.add(version: event.version, key: key, isRemoval: false, start: event.start)
                reached = event.version
            }
            if let last = seen.last { explain(upTo: last, before: nil) }
        }

        /// Accounts for a gap, from one sum that was read to the next. One that cannot be accounted for is a violation of the increment that
        /// follows, or else a read of what nobody wrote.
        private mutating func explain(upTo end: UInt64, before next: HistoryEvent?) {
            guard end > reached else { return }
            let inside = seen[partition(seen) { $0 <= reached }..<partition(seen) { $0 < end }]
            for sum in inside + [end] {
                let amount = sum - reached
                if let chosen = CounterChecker.choice(of: unfinished.map(\.nonce), amount) {
                    for index in chosen.sorted(by: >) {
                        resolved.append(unfinished.remove(at: index))
                        resolved[resolved.count - 1].version = sum
                    }
                    let start = resolved.suffix(chosen.count).map(\.start).max() ?? 0
                    order.add(version: sum, key: key, isRemoval: false, start: start)
                } else if let chosen = CounterChecker.choice(of: (withdrawn + unfinished).map(\.nonce), amount),
                    let index = chosen.first(where: { $0 < withdrawn.count })
                {
                    violations.append(Violation(reason: "counted what was withdrawn", event: withdrawn[index]))
                    order.add(version: sum, key: key, isRemoval: false)
                } else if sum == end, let next {
                    violations.append(Violation(reason: "found a sum that no increments make", event: next))
                } else {
                    continue
                }
                reached = sum
            }
        }
    }

    /// The places of amounts with a sum, each used once; `nil` if there are none.
    private static func choice(of amounts: [UInt64], _ sum: UInt64) -> [Int]? {
        let places = amounts.indices.sorted { amounts[$0] > amounts[$1] }
        // What all from a place on come to: no need to go on where that is too little.
        var rest: [UInt64] = [0]
        for place in places.reversed() { rest.append(rest[rest.count - 1] &+ amounts[place]) }
        rest.reverse()
        func choose(from first: Int, _ sum: UInt64) -> [Int]? {
            if sum == 0 { return [] }
            for index in first..<places.count where amounts[places[index]] <= sum {
                guard rest[index] >= sum else { return nil }
                let place = places[index]
                if let others = choose(from: index + 1, sum - amounts[place]) { return [place] + others }
            }
            return nil
        }
        return choose(from: 0, sum)
    }
}
