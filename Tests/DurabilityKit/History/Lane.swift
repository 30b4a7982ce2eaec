internal import Larder

/// One sequence of operations, by a task or a thread of its own, with its log.
final class Lane {
    private let stores: HistoryStore
    private let log: HistoryLog
    private var generator: SeededGenerator
    private let ownedKeys: Range<Int>
    private let laneCount: Int
    private let writeShare: Int
    /// Operations between two looks at the clock, and for tasks between two chances for others.
    static let slice = 32

    /// - Parameters:
    ///   - index: The lane's number over all processes: it owns keys by it.
    ///   - writeShare: How many of a hundred operations are writes.
    init(
        index: Int, laneCount: Int, stores: HistoryStore, log: HistoryLog, seed: UInt64, writeShare: Int
    ) {
        self.stores = stores
        self.log = log
        self.laneCount = laneCount
        self.writeShare = writeShare
        generator = SeededGenerator(seed: seed)
        ownedKeys = index * HistoryStore.keysPerLane..<(index + 1) * HistoryStore.keysPerLane
    }

    func run(until deadline: UInt64) async throws {
        while log.hasRoom, MonotonicTime.now() < deadline {
            for _ in 0..<Self.slice where log.hasRoom {
                if let write = nextWrite() {
                    let places = begin(write)
                    record(try await write.perform(in: stores, willFollow: noting(places)), of: write, at: places)
                } else {
                    try readSomething()
                }
            }
            await Task.yield()
        }
    }

    func runBlocking(until deadline: UInt64) throws {
        while log.hasRoom, MonotonicTime.now() < deadline {
            for _ in 0..<Self.slice where log.hasRoom {
                if let write = nextWrite() {
                    let places = begin(write)
                    record(try write.performBlocking(in: stores, willFollow: noting(places)), of: write, at: places)
                } else {
                    try readSomething()
                }
            }
        }
    }

    // MARK: Writing

    private func nextWrite() -> WriteOperation? {
        guard generator.below(100) < writeShare else { return nil }
        let key = ownedKeys.lowerBound + generator.below(ownedKeys.count)
        let stamp = Stamp(version: MonotonicTime.now(), nonce: generator.next() | 1 << 63)
        switch generator.below(16) {
        case 0, 1: return .ownedSet(key: key, stamp, expires: .never)
        case 2: return .ownedSet(key: key, stamp, expires: .after(.seconds(3_600)))
        case 3: return .ownedSetIfAbsent(key: key, stamp)
        case 4: return .ownedRemove(key: key)
        case 5: return .ownedRemoveRange(ownedKeys)
        case 6, 7, 8: return .sharedSet(key: generator.below(HistoryStore.sharedKeyCount), stamp)
        case 9: return .reading(nonce: stamp.nonce)
        case 10: return .throwing(nonce: stamp.nonce)
        case 11: return .ephemeral(key: generator.below(1_000))
        default: return .transaction(nonce: stamp.nonce)
        }
    }

    /// Records what is about to be written; returns the places of its events.
    private func begin(_ write: WriteOperation) -> [Int] {
        func event(_ kind: HistoryEvent.Kind, _ domain: HistoryEvent.Domain, _ key: Int, _ stamp: Stamp) -> Int {
            var event = HistoryEvent(kind, domain, key: key, start: stamp.version)
            event.version = stamp.version
            event.nonce = stamp.nonce
            return log.begin(event)
        }
        switch write {
        case .ownedSet(let key, let stamp, _), .ownedSetIfAbsent(let key, let stamp):
            return [event(.write, .owned, key, stamp)]
        case .ownedRemove(let key):
            return [event(.removal, .owned, key, Stamp(version: MonotonicTime.now(), nonce: 0))]
        case .ownedRemoveRange(let keys):
            let stamp = Stamp(version: MonotonicTime.now(), nonce: 0)
            return keys.map { event(.removal, .owned, $0, stamp) }
        case .sharedSet(let key, let stamp): return [event(.write, .shared, key, stamp)]
        case .transaction(let nonce), .reading(let nonce), .throwing(let nonce):
            var event = HistoryEvent(.transaction, .ledger, key: TransactionPlan.clockKey)
            event.nonce = nonce
            return [log.begin(event)]
        case .ephemeral: return []
        }
    }

    /// Notes in a transaction's event which one is before it, so that the order is known also of those that nobody was told of.
    private func noting(_ places: [Int]) -> @Sendable (Stamp) -> Void {
        { [log] clock in
            for place in places { log.update(place) { $0.snapshot = clock.nonce } }
        }
    }

    private func record(_ answer: WriteOperation.Answer, of write: WriteOperation, at places: [Int]) {
        let finish = MonotonicTime.now()
        for place in places {
            log.end(place, at: finish) { event in
                switch (write, answer) {
                case (.ownedSetIfAbsent, .flag(let wasSet)):
                    if wasSet { event.foundPresent = false } else { event.kind = .presentRead }
                case (.ownedRemove, .flag(let wasThere)): event.foundPresent = wasThere
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

    // MARK: Reading

    private func readSomething() throws {
        let start = MonotonicTime.now()
        switch generator.below(16) {
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

    private func record(_ stamp: Stamp?, _ domain: HistoryEvent.Domain, _ key: Int, _ start: UInt64) {
        let finish = UInt64.now
        var event = HistoryEvent(stamp == nil ? .absentRead : .read, domain, key: key, start: start)
        event.version = stamp?.version ?? 0
        event.nonce = stamp?.nonce ?? 0
        log.append(event, finish: finish)
    }

    private func record(_ view: WriteOperation.LedgerView, start: UInt64, finish: UInt64) {
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

extension UInt64 {
    /// The moment of the machine's monotonic clock.
    fileprivate static var now: UInt64 { MonotonicTime.now() }
}
