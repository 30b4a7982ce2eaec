internal import Larder

extension Lane {
    func nextWrite() throws -> WriteOperation? {
        guard generator.below(100) < writeShare else { return nil }
        let key = ownedKeys.lowerBound + generator.below(ownedKeys.count)
        let sharedKey = generator.below(HistoryStore.sharedKeyCount)
        switch generator.below(26) {
        case 0, 1: return .ownedSet(key: key, nextStamp(), expires: .never)
        case 2: return .ownedSet(key: key, nextStamp(), expires: .after(.seconds(3_600)))
        case 3: return .ownedSetIfAbsent(key: key, nextStamp())
        case 4: return .ownedRemove(key: key)
        case 5: return .ownedRemoveRange(ownedKeys)
        case 6, 7, 8: return .sharedSet(key: sharedKey, nextStamp())
        case 9, 10: return .reading(nonce: nextStamp().nonce)
        case 11: return .throwing(nonce: nextStamp().nonce)
        case 12: return generator.below(2) == 0 ? .ephemeral(key: generator.below(1_000)) : .sharedTouch(key: sharedKey)
        case 13: return .ownedUpdate(key: key, generator.below(3) == 0 ? .remove : nextChange())
        case 14:
            let expected = try expectation(of: key, .owned)
            return .ownedCompareAndSet(
                key: key, expected: expected, desired: generator.below(3) == 0 ? nil : nextStamp())
        case 15, 16: return .sharedUpdate(key: sharedKey, nextChange())
        case 17, 18:
            let expected = try expectation(of: sharedKey, .shared)
            return .sharedCompareAndSet(key: sharedKey, expected: expected, desired: nextStamp())
        case 19:
            // So scattered that a sum tells which amounts are in it, and room for 100,000 of them.
            return .increment(key: generator.below(HistoryStore.counterCount), by: generator.next() >> 18 | 1)
        default: return .transaction(nonce: nextStamp().nonce)
        }
    }

    private func nextStamp() -> Stamp {
        Stamp(version: MonotonicTime.now(), nonce: generator.next() | 1 << 63)
    }

    private func nextChange() -> WriteOperation.InPlace {
        switch generator.below(8) {
        case 0: .leave
        case 1: .fail
        default: .set(nextStamp())
        }
    }

    /// What a compare-and-set expects of a key: what a read finds there now, or, deliberately, what the read before that found.
    private func expectation(of key: Int, _ domain: HistoryEvent.Domain) throws -> Stamp? {
        let start = UInt64.now
        let found =
            domain == .owned
            ? try stores.owned.value(for: key) : try stores.shared.value(for: key).map(StampBytes.decode)
        record(found, domain, key, start)
        let earlier = remembered[domain, default: [:]].updateValue(found, forKey: key)
        return generator.below(4) == 0 ? earlier ?? found : found
    }

    /// Records what is about to be written; returns the places of its events.
    func begin(_ write: WriteOperation) -> [Int] {
        func event(_ kind: HistoryEvent.Kind, _ domain: HistoryEvent.Domain, _ key: Int, _ stamp: Stamp) -> Int {
            var event = HistoryEvent(kind, domain, key: key, start: stamp.version)
            event.version = stamp.version
            event.nonce = stamp.nonce
            return log.begin(event)
        }
        func compared(_ place: Int, with expected: Stamp?) -> [Int] {
            log.update(place) { event in event.found = .some(expected.map { event.identity(of: $0) }) }
            return [place]
        }
        func updated(_ domain: HistoryEvent.Domain, _ key: Int, _ change: WriteOperation.InPlace) -> [Int] {
            switch change {
            case .set(let stamp): return [event(.write, domain, key, stamp)]
            case .remove: return [event(.removal, domain, key, Stamp(version: .now, nonce: 0))]
            case .leave, .fail: return [event(.read, domain, key, Stamp(version: .now, nonce: 0))]
            }
        }
        switch write {
        case .ownedSet(let key, let stamp, _), .ownedSetIfAbsent(let key, let stamp):
            return [event(.write, .owned, key, stamp)]
        case .ownedRemove(let key):
            return [event(.removal, .owned, key, Stamp(version: .now, nonce: 0))]
        case .ownedRemoveRange(let keys):
            let stamp = Stamp(version: .now, nonce: 0)
            return keys.map { event(.removal, .owned, $0, stamp) }
        case .sharedSet(let key, let stamp): return [event(.write, .shared, key, stamp)]
        case .ownedUpdate(let key, let change): return updated(.owned, key, change)
        case .sharedUpdate(let key, let change): return updated(.shared, key, change)
        case .ownedCompareAndSet(let key, let expected, let desired):
            let stamp = desired ?? Stamp(version: .now, nonce: 0)
            return compared(event(desired == nil ? .removal : .write, .owned, key, stamp), with: expected)
        case .sharedCompareAndSet(let key, let expected, let desired):
            return compared(event(.write, .shared, key, desired), with: expected)
        case .increment(let key, let amount):
            var event = HistoryEvent(.increment, .counter, key: key)
            event.nonce = amount
            return [log.begin(event)]
        case .transaction(let nonce), .reading(let nonce), .throwing(let nonce):
            var event = HistoryEvent(.transaction, .ledger, key: TransactionPlan.clockKey)
            event.nonce = nonce
            return [log.begin(event)]
        // It changes no value: what was written stays.
        case .ephemeral, .sharedTouch: return []
        }
    }

    /// Notes in the event of a transaction or update what is before it, so that the order is known also of those that nobody was told of.
    func noting(_ places: [Int]) -> @Sendable (Stamp?) -> Void {
        { [log] before in
            for place in places {
                log.update(place) { event in
                    event.hasRun = true
                    switch event.kind {
                    case .transaction: event.snapshot = before?.nonce ?? 0
                    case .write, .removal: event.found = .some(before.map { event.identity(of: $0) })
                    default: break
                    }
                }
            }
        }
    }

    func record(_ answer: WriteOperation.Answer, of write: WriteOperation, at places: [Int]) {
        let finish = MonotonicTime.now()
        for place in places {
            log.end(place, at: finish) { event in
                switch (write, answer) {
                case (_, .withdrawn): event.isWithdrawn = true
                case (.ownedSetIfAbsent, .flag(let wasSet)):
                    if wasSet { event.foundPresent = false } else { event.kind = .presentRead }
                case (.ownedRemove, .flag(let wasThere)): event.foundPresent = wasThere
                case (.ownedCompareAndSet, .flag(false)), (.sharedCompareAndSet, .flag(false)):
                    event.kind = .failedCompare
                case (.ownedUpdate, .found(let stamp)) where event.kind == .read,
                    (.sharedUpdate, .found(let stamp)) where event.kind == .read:
                    if stamp == nil { event.kind = .absentRead }
                    (event.version, event.nonce) = (stamp?.version ?? 0, stamp?.nonce ?? 0)
                case (.ownedUpdate, .found(let stamp)), (.sharedUpdate, .found(let stamp)):
                    event.found = .some(stamp.map { event.identity(of: $0) })
                case (.increment, .sum(let sum)): event.version = sum
                case (.transaction, .ledger(let view)): event.version = view.clock.version + 1
                case (.reading, _), (.throwing, _):
                    // It wrote nothing: what it saw follows in events of its own.
                    event.kind = .none
                default: break
                }
            }
        }
        guard case .ledger(let view) = answer, let place = places.first else { return }
        record(view, start: log.start(of: place), finish: finish)
    }
}
