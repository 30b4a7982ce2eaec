import DurabilityKit
import Testing

/// Hand-made histories of updates in place, compare-and-set and counters: what the checker must find, and what it must let pass.
@Suite struct `The history checker, of what reads and writes in one,` {
    private typealias History = HandMadeHistory

    private func reasons(_ events: [HistoryEvent]) -> [String] { History.reasons(events) }

    // MARK: Keys of one writer

    @Test func `catches an update that does not follow what it found`() {
        let writes = [
            History.event(.write, .owned, version: 10, from: 10, to: 20),
            History.event(.write, .owned, version: 30, from: 30, to: 40),
        ]
        #expect(reasons(writes + [History.event(.write, .owned, 50, found: 30, from: 50, to: 60)]) == [])
        for found in [nil, 10, 77] as [UInt64?] {
            #expect(
                reasons(writes + [History.event(.write, .owned, 50, found: found, from: 50, to: 60)]) == [
                    "does not directly follow what it found"
                ])
        }
        #expect(
            reasons(writes + [History.event(.removal, .owned, 50, found: 10, from: 50, to: 60)]) == [
                "does not directly follow what it found"
            ])
    }

    @Test func `lets an update have found a write of a killed process or what was before it, but not older things`() {
        let writes = [
            History.event(.write, .owned, version: 10, from: 10, to: 20),
            History.event(.removal, .owned, version: 20, from: 20, to: 25),
            History.event(.write, .owned, version: 30, from: 30, to: nil),
        ]
        func update(found: UInt64?) -> HistoryEvent {
            History.event(.write, .owned, 50, found: found, from: 50, to: 60)
        }
        #expect(reasons(writes + [update(found: nil)]) == [])
        #expect(reasons(writes + [update(found: 30)]) == [])
        #expect(reasons(writes + [update(found: 10)]) == ["does not directly follow what it found"])
        // Who found it has proved that it happened.
        #expect(
            reasons(writes + [update(found: 30), History.event(.write, .owned, 70, found: 30, from: 70, to: 80)]) == [
                "does not directly follow what it found"
            ])
        // A compare-and-set that was cut short need not have succeeded.
        #expect(reasons(writes + [History.event(.write, .owned, 50, found: 10, from: 50, to: nil)]) == [])
    }

    @Test func `catches a compare that failed though the key held what was expected all the while`() {
        let events = [
            History.event(.write, .owned, version: 10, from: 10, to: 20),
            History.event(.removal, .owned, version: 30, from: 30, to: 40),
        ]
        func compare(_ expected: UInt64?, from start: UInt64, to finish: UInt64) -> [HistoryEvent] {
            [History.event(.failedCompare, .owned, 90, found: expected, from: start, to: finish)]
        }
        #expect(reasons(events + compare(10, from: 21, to: 29)) == ["a compare that failed without cause"])
        #expect(reasons(events + compare(10, from: 21, to: 31)) == [])
        #expect(reasons(events + compare(nil, from: 41, to: 50)) == ["a compare that failed without cause"])
        #expect(reasons(events + compare(nil, from: 39, to: 50)) == [])
        #expect(reasons(events + compare(10, from: 41, to: 50)) == [])
        // It has proved that the removal had happened.
        #expect(
            reasons(
                events + compare(10, from: 21, to: 31) + [
                    History.event(.read, .owned, version: 10, from: 33, to: 35)
                ]) == ["a stale read"])
    }

    // MARK: Keys of many writers

    @Test func `catches a lost update of a key of many writers`() {
        let first = History.event(.write, .shared, 1, found: 9, from: 10, to: 20)
        let initial = History.event(.write, .shared, version: 9, from: 1, to: 2)
        #expect(reasons([initial, first, History.event(.write, .shared, 2, found: 1, from: 12, to: 22)]) == [])
        #expect(
            reasons([initial, first, History.event(.write, .shared, 2, found: 9, from: 12, to: 22)]) == [
                "two updates of one value"
            ])
        #expect(
            reasons([initial, first, History.event(.write, .shared, 2, found: 7, from: 12, to: 22)]) == [
                "found what nobody wrote"
            ])
        #expect(
            reasons([initial, first, History.event(.write, .shared, 2, found: nil, from: 12, to: 22)]) == [
                "found what nobody wrote"
            ])
    }

    @Test func `catches a write between what an update found and what it wrote`() {
        let initial = History.event(.write, .shared, version: 9, from: 1, to: 2)
        let update = History.event(.write, .shared, 1, found: 9, from: 10, to: 60)
        func read(_ value: UInt64, _ start: UInt64, _ finish: UInt64) -> HistoryEvent {
            History.event(.read, .shared, version: value, from: start, to: finish)
        }
        let blind = History.event(.write, .shared, version: 5, from: 20, to: 30)
        // It may have come last.
        #expect(reasons([initial, update, blind, read(5, 61, 70)]) == [])
        #expect(reasons([initial, update, blind, read(1, 25, 27), read(5, 61, 70)]) == [])
        // It was there after the first value, and before the last.
        #expect(reasons([initial, update, blind, read(1, 61, 70)]) == ["a value inside the time of another"])
        #expect(
            reasons([initial, update, blind, read(5, 31, 33), read(1, 40, 45)]) == ["two values each after the other"])
    }

    @Test func `catches a value that is seen after its update`() {
        let initial = History.event(.write, .shared, version: 9, from: 1, to: 2)
        let update = History.event(.write, .shared, 1, found: 9, from: 10, to: 20)
        #expect(reasons([initial, update, History.event(.read, .shared, version: 9, from: 19, to: 30)]) == [])
        #expect(
            reasons([initial, update, History.event(.read, .shared, version: 9, from: 21, to: 30)]) == [
                "a value was there after its update"
            ])
    }

    @Test func `knows that what an update found had happened, if the update has`() {
        let initial = History.event(.write, .shared, version: 9, from: 1, to: 2)
        let killed = History.event(.write, .shared, version: 1, from: 10, to: nil)
        let unfinished = History.event(.write, .shared, 2, found: 1, from: 20, to: nil)
        let stale = History.event(.read, .shared, version: 9, from: 41, to: 50)
        func read(_ value: UInt64) -> HistoryEvent {
            History.event(.read, .shared, version: value, from: 30, to: 40)
        }
        #expect(reasons([initial, killed, unfinished, stale]) == [])
        let replaced = History.event(.read, .shared, version: 1, from: 41, to: 50)
        #expect(reasons([initial, killed, unfinished, read(2), replaced]) == ["a value was there after its update"])
        #expect(reasons([initial, killed, unfinished, read(2), stale]) == ["a value inside the time of another"])
    }

    @Test func `catches updates that found each other's values`() {
        let initial = History.event(.write, .shared, version: 9, from: 1, to: 2)
        let first = History.event(.write, .shared, 1, found: 2, from: 10, to: 20)
        let second = History.event(.write, .shared, 2, found: 1, from: 10, to: 20)
        #expect(reasons([initial, first, second]).contains("an update that found what came of itself"))
    }

    @Test func `catches a compare that failed on a key of many writers without cause`() {
        let initial = History.event(.write, .shared, version: 9, from: 1, to: 2)
        func compare(_ expected: UInt64, from start: UInt64, to finish: UInt64) -> HistoryEvent {
            History.event(.failedCompare, .shared, 90, found: expected, from: start, to: finish)
        }
        let cause = ["a compare that failed without cause"]
        #expect(reasons([initial, compare(9, from: 10, to: 20)]) == cause)
        // A blind write, an update, and a write that may never have happened are causes while they may have been there.
        for (other, isKnown) in [
            (History.event(.write, .shared, version: 1, from: 15, to: 30), true),
            (History.event(.write, .shared, 1, found: 9, from: 15, to: 30), true),
            (History.event(.write, .shared, version: 1, from: 15, to: nil), false),
        ] {
            #expect(reasons([initial, other, compare(9, from: 10, to: 20)]) == [])
            #expect(reasons([initial, other, compare(9, from: 10, to: 14)]) == cause)
            #expect(reasons([initial, other, compare(9, from: 40, to: 50)]) == [])
            #expect(reasons([initial, other, compare(1, from: 40, to: 50)]) == (isKnown ? cause : []))
            // It may have come before the value.
            #expect(reasons([initial, other, compare(1, from: 29, to: 50)]) == [])
        }
        // The value was read afterwards: nothing else was there.
        let late = History.event(.write, .shared, version: 1, from: 15, to: 60)
        let read = History.event(.read, .shared, version: 9, from: 25, to: 28)
        #expect(reasons([initial, late, read, compare(9, from: 10, to: 20)]) == cause)
        #expect(reasons([initial, late, read, compare(9, from: 10, to: 26)]) == [])
        // What was there before does not count.
        let earlier = History.event(.write, .shared, version: 2, from: 3, to: 4)
        #expect(reasons([initial, earlier, compare(2, from: 10, to: 20)]) == cause)
    }

    // MARK: Counters

    @Test func `catches an increment that was lost and one that was counted twice`() {
        let first = History.increment(5, sum: 5, from: 10, to: 20)
        func read(_ sum: UInt64, _ start: UInt64) -> HistoryEvent {
            History.event(.read, .counter, version: sum, from: start, to: start + 5)
        }
        #expect(reasons([first, History.increment(7, sum: 12, from: 11, to: 21), read(12, 30)]) == [])
        #expect(
            reasons([first, History.increment(7, sum: 7, from: 11, to: 21), read(7, 30)]) == ["an increment was lost"])
        #expect(
            reasons([first, History.increment(7, sum: 17, from: 22, to: 30), read(17, 40)]) == [
                "found a sum that no increments make"
            ])
        #expect(reasons([first, read(10, 30)]) == ["read what nobody wrote"])
        #expect(reasons([first, read(0, 30)]) == ["a stale read"])
        #expect(reasons([first, History.event(.absentRead, .counter, from: 30, to: 40)]) == ["a stale read"])
        #expect(reasons([first, History.event(.absentRead, .counter, from: 15, to: 40)]) == [])
        // The one that began after the other had ended has a smaller sum.
        #expect(
            reasons([
                History.increment(7, sum: 12, from: 10, to: 20), History.increment(5, sum: 5, from: 21, to: 30),
            ]) == ["written before what was finished earlier"])
    }

    @Test func `starts a counter from what it was before`() {
        let initial = History.event(.write, .counter, version: 100, from: 1, to: 2)
        #expect(reasons([initial, History.increment(5, sum: 105, from: 10, to: 20)]) == [])
        #expect(reasons([initial, History.increment(5, sum: 5, from: 10, to: 20)]) == ["an increment was lost"])
    }

    @Test func `counts each increment of a killed process once at most`() {
        let events = [
            History.increment(5, sum: nil, from: 10, to: nil), History.increment(11, sum: nil, from: 10, to: nil),
            History.increment(23, sum: nil, from: 50, to: nil),
        ]
        func read(_ sum: UInt64, from start: UInt64 = 60) -> HistoryEvent {
            History.event(.read, .counter, version: sum, from: start, to: start + 5)
        }
        for sum in [0, 5, 11, 16, 23, 28, 34, 39] as [UInt64] { #expect(reasons(events + [read(sum)]) == []) }
        #expect(reasons(events + [read(10)]) == ["read what nobody wrote"])
        #expect(reasons(events + [read(5, from: 30), read(28)]) == [])
        #expect(reasons(events + [read(5, from: 30), read(33)]) == ["read what nobody wrote"])
        #expect(reasons(events + [read(28, from: 30)]) == ["read before it was written"])
        let next = History.increment(1, sum: 17, from: 70, to: 80)
        #expect(reasons(events + [next]) == [])
        #expect(reasons(events + [read(5), next]) == [])
        #expect(
            reasons(events + [History.increment(1, sum: 7, from: 70, to: 80)]) == [
                "found a sum that no increments make"
            ])
    }

    // MARK: What was withdrawn

    @Test func `catches a withdrawn write that was seen`() {
        let initial = History.event(.write, .shared, version: 9, from: 1, to: 2)
        let withdrawn = History.withdrawn(History.event(.write, .shared, version: 1, from: 10, to: 20))
        let read = History.event(.read, .shared, version: 1, from: 21, to: 30)
        #expect(reasons([initial, withdrawn, History.event(.read, .shared, version: 9, from: 21, to: 30)]) == [])
        #expect(reasons([initial, withdrawn, read]) == ["saw what was withdrawn"])
        #expect(
            reasons([initial, withdrawn, History.event(.write, .shared, 2, found: 1, from: 30, to: 40)]).first
                == "saw what was withdrawn")
        // It is no cause either.
        #expect(
            reasons([initial, withdrawn, History.event(.failedCompare, .shared, 90, found: 9, from: 30, to: 40)]) == [
                "a compare that failed without cause"
            ])
        let owned = History.withdrawn(History.event(.write, .owned, version: 30, from: 30, to: 40))
        #expect(
            reasons([
                History.event(.write, .owned, version: 10, from: 10, to: 20), owned,
                History.event(.read, .owned, version: 30, from: 41, to: 50),
            ]) == ["saw what was withdrawn"])
    }

    @Test func `catches a withdrawn removal and a withdrawn increment by what became of the key`() {
        let write = History.event(.write, .owned, version: 10, from: 10, to: 20)
        let removal = History.withdrawn(History.event(.removal, .owned, version: 30, from: 30, to: 40))
        #expect(reasons([write, removal, History.event(.read, .owned, version: 10, from: 41, to: 50)]) == [])
        #expect(
            reasons([write, removal, History.event(.absentRead, .owned, from: 41, to: 50)]) == ["a value was missed"])

        let counted = History.withdrawn(History.increment(5, sum: nil, from: 10, to: 20))
        let next = History.increment(7, sum: 12, from: 30, to: 40)
        #expect(reasons([counted, History.increment(7, sum: 7, from: 30, to: 40)]) == [])
        #expect(reasons([counted, next]) == ["counted what was withdrawn"])
        #expect(
            reasons([counted, History.event(.read, .counter, version: 5, from: 30, to: 40)]) == [
                "counted what was withdrawn"
            ])
    }

    @Test func `catches a withdrawn transaction that was seen, or whose body ran`() {
        let clock = History.event(
            .write, .ledger, key: TransactionPlan.clockKey, version: 1, nonce: .max, from: 1, to: 2)
        var transaction = History.withdrawn(History.event(.transaction, .ledger, nonce: 77, from: 10, to: 20))
        #expect(reasons([clock, transaction]) == [])
        let read = History.event(
            .read, .ledger, key: TransactionPlan.clockKey, version: 2, nonce: 77, from: 30, to: 40)
        #expect(reasons([clock, transaction, read]) == ["saw what was withdrawn"])
        transaction.hasRun = true
        #expect(reasons([clock, transaction]) == ["ran and was called withdrawn"])
    }

    @Test func `demands of a write that was cancelled and says that it is committed that it is there`() {
        let events = [
            History.event(.write, .owned, version: 10, from: 10, to: 20),
            History.event(.write, .owned, version: 30, from: 30, to: 40),
        ]
        #expect(reasons(events + [History.event(.read, .owned, version: 10, from: 41, to: 50)]) == ["a stale read"])
    }
}
