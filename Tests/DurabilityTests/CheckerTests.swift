import DurabilityKit
import Testing

/// Hand-made histories: what the checker must find, and what it must let pass.
@Suite struct `The history checker` {
    private func event(
        _ kind: HistoryEvent.Kind, _ domain: HistoryEvent.Domain, key: Int = 1, version: UInt64 = 0, nonce: UInt64 = 0,
        from start: UInt64, to finish: UInt64?, snapshot: UInt64? = nil
    ) -> HistoryEvent {
        HandMadeHistory.event(
            kind, domain, key: key, version: version, nonce: nonce, from: start, to: finish, snapshot: snapshot)
    }

    private func reasons(_ events: [HistoryEvent]) -> [String] { HandMadeHistory.reasons(events) }

    // MARK: Keys of one writer

    @Test func `catches a read of a value that was overwritten before the read began`() {
        let writes = [
            event(.write, .owned, version: 10, from: 10, to: 20), event(.write, .owned, version: 30, from: 30, to: 40),
        ]
        #expect(reasons(writes + [event(.read, .owned, version: 10, from: 41, to: 50)]) == ["a stale read"])
        #expect(reasons(writes + [event(.read, .owned, version: 10, from: 39, to: 50)]) == [])
        #expect(reasons(writes + [event(.read, .owned, version: 30, from: 41, to: 50)]) == [])
    }

    @Test func `catches a read that is older than another reader's earlier one`() {
        let events = [
            event(.write, .owned, version: 10, from: 10, to: 20),
            // Never acknowledged, but seen.
            event(.write, .owned, version: 30, from: 30, to: nil),
            event(.read, .owned, version: 30, from: 41, to: 50),
        ]
        #expect(reasons(events + [event(.read, .owned, version: 10, from: 51, to: 60)]) == ["a stale read"])
        #expect(reasons(events + [event(.read, .owned, version: 10, from: 49, to: 60)]) == [])
    }

    @Test func `lets a write of a killed process have happened or not, but not both`() {
        let events = [
            event(.write, .owned, version: 10, from: 10, to: 20), event(.write, .owned, version: 30, from: 30, to: nil),
        ]
        let before = event(.read, .owned, version: 10, from: 100, to: 110)
        let after = event(.read, .owned, version: 30, from: 120, to: 130)
        #expect(reasons(events + [before]) == [])
        #expect(reasons(events + [after]) == [])
        #expect(reasons(events + [before, after]) == [])
        #expect(reasons(events + [after, event(.read, .owned, version: 10, from: 140, to: 150)]) == ["a stale read"])
    }

    @Test func `catches a lost value and one that came back after its removal`() {
        let events = [
            event(.write, .owned, version: 10, from: 10, to: 20),
            event(.removal, .owned, version: 30, from: 30, to: 40),
            event(.write, .owned, version: 50, from: 50, to: 60),
        ]
        #expect(reasons(events + [event(.absentRead, .owned, from: 35, to: 45)]) == [])
        #expect(reasons(events + [event(.absentRead, .owned, from: 21, to: 29)]) == ["a value was missed"])
        #expect(reasons(events + [event(.absentRead, .owned, from: 61, to: 70)]) == ["a value was missed"])
        #expect(reasons(events + [event(.read, .owned, version: 10, from: 41, to: 49)]) == ["a stale read"])
        #expect(
            reasons(events + [event(.presentRead, .owned, from: 41, to: 49)]) == ["a value was seen that was removed"])
        #expect(
            reasons(events + [event(.read, .owned, version: 50, from: 41, to: 49)]) == ["read before it was written"])
        #expect(reasons(events + [event(.read, .owned, version: 77, from: 61, to: 70)]) == ["read what nobody wrote"])
    }

    @Test func `catches a wrong answer about what was there`() {
        var removal = event(.removal, .owned, version: 30, from: 30, to: 40)
        let write = event(.write, .owned, version: 10, from: 10, to: 20)
        removal.foundPresent = true
        #expect(reasons([write, removal]) == [])
        removal.foundPresent = false
        #expect(reasons([write, removal]) == ["was told wrongly whether there was a value"])
    }

    // MARK: Keys of many writers

    @Test func `finds two values that would each have to come after the other`() {
        let first = event(.write, .shared, nonce: 1, from: 10, to: 40)
        let second = event(.write, .shared, nonce: 2, from: 10, to: 40)
        func read(_ nonce: UInt64, _ start: UInt64, _ finish: UInt64) -> HistoryEvent {
            event(.read, .shared, nonce: nonce, from: start, to: finish)
        }
        #expect(reasons([first, second, read(1, 41, 50), read(1, 51, 60)]) == [])
        #expect(reasons([first, second, read(2, 35, 50), read(1, 45, 60)]) == [])
        #expect(
            reasons([first, second, read(1, 41, 50), read(2, 51, 60), read(1, 61, 70)]) == [
                "two values each after the other"
            ])
    }

    @Test func `finds a value that was overwritten between two reads of another`() {
        let first = event(.write, .shared, nonce: 1, from: 10, to: 20)
        let second = event(.write, .shared, nonce: 2, from: 30, to: 40)
        #expect(
            reasons([first, second, event(.read, .shared, nonce: 1, from: 41, to: 50)]) == [
                "a value inside the time of another"
            ])
        #expect(reasons([first, second, event(.read, .shared, nonce: 1, from: 39, to: 50)]) == [])
        #expect(reasons([first, event(.read, .shared, nonce: 9, from: 39, to: 50)]) == ["read what nobody wrote"])
        #expect(reasons([second, event(.read, .shared, nonce: 2, from: 10, to: 20)]) == ["read before it was written"])
    }

    // MARK: Transactions

    /// Two transactions that set the same key, and a state before them in which every key is absent.
    private func ledger() -> (events: [HistoryEvent], key: Int, first: UInt64, second: UInt64) {
        let sets = (1...).lazy.map(UInt64.init).filter { nonce in
            let plan = TransactionPlan(nonce: nonce)
            let set = plan.changes.filter { !$0.isRemoval }.map(\.key)
            return !plan.clearsOdd && set.contains(3) && set.count > 1
        }
        let nonces = Array(sets.prefix(2))
        var events = (0..<TransactionPlan.keyCount).map { event(.removal, .ledger, key: $0, from: 1, to: 2) }
        for index in events.indices { (events[index].version, events[index].nonce) = (0, 0) }
        events.append(event(.write, .ledger, key: TransactionPlan.clockKey, version: 1, nonce: .max, from: 1, to: 2))
        events.append(event(.transaction, .ledger, version: 2, nonce: nonces[0], from: 10, to: 20))
        events.append(event(.transaction, .ledger, version: 3, nonce: nonces[1], from: 30, to: 40))
        return (events, 3, nonces[0], nonces[1])
    }

    @Test func `catches a torn snapshot and a stale one`() {
        let (events, key, first, second) = ledger()
        func read(_ version: UInt64, _ nonce: UInt64, snapshot: UInt64, from start: UInt64 = 41) -> [HistoryEvent] {
            [
                event(
                    .read, .ledger, key: key, version: version, nonce: nonce, from: start, to: start + 5,
                    snapshot: snapshot)
            ]
        }
        #expect(reasons(events + read(3, second, snapshot: 3)) == [])
        #expect(reasons(events + read(2, first, snapshot: 2, from: 25)) == [])
        #expect(reasons(events + read(2, first, snapshot: 3)) == ["a torn snapshot, which should have seen version 3"])
        #expect(reasons(events + read(2, first, snapshot: 2)) == ["a stale snapshot"])
    }

    @Test func `catches a read of one key that is older than what was seen of another`() throws {
        let (events, key, first, second) = ledger()
        let other = try #require(TransactionPlan(nonce: second).changes.first { $0.key != key && !$0.isRemoval })
        var unacknowledged = events
        unacknowledged[unacknowledged.count - 1].finish = 0
        unacknowledged[unacknowledged.count - 1].version = 0
        let seen = event(.read, .ledger, key: other.key, version: 3, nonce: second, from: 50, to: 60)
        let older = event(.read, .ledger, key: key, version: 2, nonce: first, from: 61, to: 70)
        #expect(reasons(unacknowledged + [older]) == [])
        #expect(reasons(unacknowledged + [seen, older]) == ["a stale read"])
    }

    @Test func `knows the transactions of a commit whose process was killed, by those that followed`() {
        var (events, key, first, second) = ledger()
        // Neither was acknowledged, and only the second was seen.
        for index in events.indices.suffix(2) { (events[index].finish, events[index].version) = (0, 0) }
        events[events.count - 2].snapshot = .max
        events[events.count - 1].snapshot = first
        let clock = event(
            .read, .ledger, key: TransactionPlan.clockKey, version: 3, nonce: second, from: 50, to: 60)
        let older = event(.read, .ledger, key: key, version: 2, nonce: first, from: 61, to: 70)
        #expect(reasons(events + [clock]) == [])
        #expect(reasons(events + [older]) == [])
        #expect(reasons(events + [clock, older]) == ["a stale read"])
    }

    @Test func `catches a lost update`() {
        var (events, _, _, _) = ledger()
        events[events.count - 1].version = 2
        #expect(reasons(events).contains("two transactions of one version"))
    }
}
