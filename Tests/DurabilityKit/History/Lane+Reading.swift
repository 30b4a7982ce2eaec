internal import Larder

extension Lane {
    func readSomething() throws {
        let start = MonotonicTime.now()
        switch generator.below(17) {
        case 0..<5:
            let key = generator.below(laneCount * HistoryStore.keysPerLane)
            record(try stores.owned.value(for: key), .owned, key, start)
        case 5:
            let key = generator.below(laneCount * HistoryStore.keysPerLane)
            let isThere = try stores.owned.contains(key)
            log.append(HistoryEvent(isThere ? .presentRead : .absentRead, .owned, key: key, start: start), finish: .now)
        case 6..<9:
            let key = generator.below(HistoryStore.sharedKeyCount)
            record(try stores.shared.value(for: key).map(StampBytes.decode), .shared, key, start)
        case 9..<15:
            let key = generator.below(TransactionPlan.keyCount)
            record(try stores.ledger(key).value(for: key), .ledger, key, start)
        case 15:
            let key = generator.below(HistoryStore.counterCount)
            // One that is not there yet is 0.
            let sum = try stores.counters.value(for: key)
            record(sum.map { Stamp(version: $0, nonce: $0) }, .counter, key, start)
        default:
            let first = generator.below(TransactionPlan.keyCount - 4)
            let view = try stores.store.read { snapshot in
                WriteOperation.LedgerView(
                    clock: try snapshot.value(for: TransactionPlan.clockKey, in: stores.even)
                        ?? Stamp(version: 0, nonce: 0),
                    seen: try (first..<first + 4).map { ($0, try snapshot.value(for: $0, in: stores.ledger($0))) })
            }
            record(view, start: start, finish: .now)
        }
    }

    func record(_ stamp: Stamp?, _ domain: HistoryEvent.Domain, _ key: Int, _ start: UInt64) {
        let finish = UInt64.now
        var event = HistoryEvent(stamp == nil ? .absentRead : .read, domain, key: key, start: start)
        event.version = stamp?.version ?? 0
        event.nonce = stamp?.nonce ?? 0
        log.append(event, finish: finish)
    }

    func record(_ view: WriteOperation.LedgerView, start: UInt64, finish: UInt64) {
        for (key, stamp) in view.seen + [(TransactionPlan.clockKey, view.clock)] {
            var event = HistoryEvent(stamp == nil ? .absentRead : .read, .ledger, key: key, start: start)
            event.version = stamp?.version ?? 0
            event.nonce = stamp?.nonce ?? 0
            event.snapshot = view.clock.version
            event.isInSnapshot = true
            log.append(event, finish: finish)
        }
    }
}
