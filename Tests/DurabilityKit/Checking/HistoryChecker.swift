/// Checks a recorded history of all domains.
public struct HistoryChecker {
    private let events: [HistoryEvent]

    /// A checker of these events, in any order.
    public init(_ events: [HistoryEvent]) {
        self.events = events
    }

    /// Everything in which the history breaks a promise.
    public func violations() -> [Violation] {
        let (violations, remaining) = WithdrawnChecker.check(self.events)
        let withdrawn = Dictionary(
            grouping: self.events.lazy.filter { $0.isWithdrawn && $0.kind == .increment }, by: \.key)
        var byDomain = [[HistoryEvent]](repeating: [], count: HistoryEvent.Domain.allCases.count)
        for event in remaining where event.isFinished || event.kind.isWrite {
            byDomain[Int(event.domain.rawValue)].append(event)
        }
        func events(of domain: HistoryEvent.Domain) -> [HistoryEvent] { byDomain[Int(domain.rawValue)] }
        return violations + byKey(events(of: .owned)).flatMap(ownedViolations)
            + byKey(events(of: .shared)).flatMap { RegisterChecker.violations(in: $0) }
            + byKey(events(of: .counter)).flatMap {
                CounterChecker.violations(in: $0, withdrawn: withdrawn[$0[0].key] ?? [])
            }
            + ledgerViolations(events(of: .ledger))
    }

    private func byKey(_ events: [HistoryEvent]) -> [[HistoryEvent]] {
        Array(Dictionary(grouping: events, by: \.key).values)
    }

    /// One key of one writer: the order of its writes is that of their versions.
    private func ownedViolations(_ events: [HistoryEvent]) -> [Violation] {
        var checker = OrderedChecker()
        var read = Set(events.lazy.filter { $0.kind == .read }.map(\.version))
        for event in events where event.isFinished && event.kind.isWrite {
            if let found = event.found ?? nil { read.insert(found) }
        }
        for event in events where event.kind == .write || event.kind == .removal {
            checker.add(
                version: event.version, key: event.key, isRemoval: event.kind == .removal,
                isFinished: event.isFinished || read.contains(event.version), start: event.start)
        }
        return checker.violations(in: events)
    }

    /// Transactions: each has said which version it has, or somebody has seen it.
    private func ledgerViolations(_ events: [HistoryEvent]) -> [Violation] {
        var violations: [Violation] = []
        var writers: [UInt64: UInt64] = [:]
        for event in events where event.version != 0 && event.kind != .absentRead {
            let nonce = writers[event.version, default: event.nonce]
            writers[event.version] = nonce
            if nonce != event.nonce {
                violations.append(Violation(reason: "two transactions of one version", event: event))
            }
        }
        // One that nobody was told of and nobody saw is known by the one that followed it.
        var before: [UInt64: UInt64] = [:]
        for event in events where event.kind == .transaction { before[event.nonce] = event.snapshot }
        for version in writers.keys.sorted(by: >) {
            var (version, nonce) = (version, writers[version] ?? 0)
            while version > 1, writers[version - 1] == nil, let earlier = before[nonce], before[earlier] != nil {
                (version, nonce) = (version - 1, earlier)
                writers[version] = nonce
            }
        }
        let versions = Dictionary(writers.map { ($0.value, $0.key) }) { first, _ in first }

        var checker = OrderedChecker()
        var resolved = events
        for (index, event) in events.enumerated() {
            switch event.kind {
            case .transaction:
                guard let version = versions[event.nonce] else { continue }
                resolved[index].version = version
                let clock = UInt32(TransactionPlan.clockKey)
                checker.add(version: version, key: clock, isRemoval: false, start: event.start)
                for effect in TransactionPlan(nonce: event.nonce).effects {
                    checker.add(
                        version: version, key: UInt32(effect.key), isRemoval: effect.isRemoval, start: event.start)
                }
            case .write, .removal:
                // The state before the history.
                checker.add(
                    version: event.version, key: event.key, isRemoval: event.kind == .removal, start: event.start)
            default: continue
            }
        }
        return violations + checker.violations(in: resolved.filter { $0.kind != .write && $0.kind != .removal })
    }
}

extension HistoryEvent.Kind {
    /// Whether it changes something, so that it matters also when nobody learnt of its end.
    var isWrite: Bool {
        self == .write || self == .removal || self == .transaction || self == .increment
    }
}
