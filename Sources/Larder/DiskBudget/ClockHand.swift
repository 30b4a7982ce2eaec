internal import LMDB

/// The hand of a clock whose face is the keys of all caches of a store, in the order of the caches' numbers and of the keys' bytes.
///
/// CLOCK with counters: the hand passes record after record; one that was read since it last came by loses one of the reads counted and
/// stays, any other goes. Keys in a row share pages, so what goes frees whole pages.
struct ClockHand {
    /// The cache and the key where the hand stands: what comes after them is next.
    private var keyspace: UInt32 = 0
    private var key: [UInt8]?

    /// How many bytes the hand looks at for each byte that it wants to take, at the most. Where it finds too little that was not read lately,
    /// the least read of what it has seen goes.
    private static let lookahead = 8
    /// The most records of one move, so that it never delays a commit for long.
    private static let maximumLooks = 8_192

    /// Bytes that LMDB keeps beside a key and its value: the node's header and the place that points to it.
    private static let nodeOverhead = 10

    /// What the hand is to find.
    struct Wanted {
        /// The sum of the records' bytes.
        var bytes: Int
        /// The bytes of the shortest record that counts; the hand passes over shorter ones as if they were not there.
        var least: Int
        /// Whether records go that are in use, the least used first, where too few are not.
        var isUrgent = true
    }

    /// The use of a record that memory holds and nobody has read since the hand last came by: it goes before any that was read.
    private static let resident = 1

    /// What decides over a record.
    struct Judge {
        var references: ReferenceCounters
        var memory: MemoryTier
        var now: Milliseconds

        /// How much a record was used since the hand last came by; 0 for one that goes. What was counted is spent.
        func use(of key: Span<UInt8>, hash: UInt64, in keyspace: Keyspace) -> Int {
            let reads = references.count(of: hash)
            if reads > 0 { references.spend(of: hash) }
            guard let hits = memory.spendHit(of: key, hash: hash, keyspace: keyspace.memoryNumber) else {
                return 2 * reads
            }
            return 2 * (reads + hits) + 1
        }
    }

    /// Goes on to the next cache.
    mutating func skip() {
        (keyspace, key) = (keyspace &+ 1, nil)
    }

    /// Moves on and returns records whose bytes add up to what is wanted, if there are so many that may go.
    ///
    /// - Parameter keyspaces: In the order of their numbers.
    mutating func advance(
        over keyspaces: [Keyspace], taking wanted: Wanted, _ judge: Judge, _ durable: DurableTier,
        in transaction: borrowing ReadTransaction, pageSize: Int
    ) throws -> [EvictionPlan.Victim] {
        var round = Round(wanted: wanted)
        let start = keyspaces.firstIndex { $0.number >= keyspace } ?? 0
        let (handKeyspace, handKey) = (keyspace, key)
        // From the hand to the end of its cache, over all others, and back to the hand.
        for step in 0...keyspaces.count where !round.isDone && !keyspaces.isEmpty {
            let current = keyspaces[(start + step) % keyspaces.count]
            var range = KeyRange.all
            if let handKey, current.number == handKeyspace {
                if step == 0 { range.continueAfter(handKey) } else { range.upper = handKey }
            } else if step == keyspaces.count {
                break
            }
            (keyspace, key) = (current.number, nil)
            guard !current.isRetired else { continue }
            try visit(current, range, &round, judge, durable, in: transaction, pageSize: pageSize)
            if !round.isDone { (keyspace, key) = (current.number &+ 1, nil) }
        }
        return round.victims
    }

    private mutating func visit(
        _ current: Keyspace, _ range: KeyRange, _ round: inout Round, _ judge: Judge, _ durable: DurableTier,
        in transaction: borrowing ReadTransaction, pageSize: Int
    ) throws {
        // Inside the transaction: a drop waits for those under way.
        try current.checkUsable()
        var last: [UInt8]?
        try transaction.withCursor(in: current.table) { cursor in
            guard try durable.start(range, .ascending, &cursor) else { return }
            try cursor.forEach(.next) { key, record in
                guard range.contains(key, .ascending) else { return false }
                round.look(
                    at: key, record, in: current, judge, size: Self.size(key: key, record: record, pageSize: pageSize))
                if round.isDone { last = [UInt8](copying: key) }
                return !round.isDone
            }
        }
        if let last { (keyspace, key) = (current.number, last) }
    }

    /// About how many bytes of the file a record takes.
    private static func size(key: Span<UInt8>, record: Span<UInt8>, pageSize: Int) -> Int {
        let size = key.count + record.count + nodeOverhead
        // A node of more than half a page has its value on pages of its own.
        guard size > pageSize / 2 else { return size }
        return key.count + nodeOverhead + (record.count + 16 + pageSize - 1) / pageSize * pageSize
    }

    /// What one move of the hand has come to.
    private struct Round {
        let wanted: Wanted
        private var taken: [EvictionPlan.Victim] = []
        private var takenBytes = 0
        private var spared: [(use: Int, size: Int, victim: EvictionPlan.Victim)] = []
        private var looks = 0
        private var seenBytes = 0

        init(wanted: Wanted) {
            self.wanted = wanted
        }

        var isDone: Bool {
            takenBytes >= wanted.bytes || taken.count >= DiskBudget.maximumVictims
                || seenBytes >= ClockHand.lookahead * wanted.bytes || looks >= ClockHand.maximumLooks
        }

        mutating func look(at key: Span<UInt8>, _ record: Span<UInt8>, in keyspace: Keyspace, _ judge: Judge, size: Int)
        {
            looks += 1
            guard size >= wanted.least, Record.isEvictable(record) else { return }
            seenBytes += size
            let hash = keyspace.hash(key)
            let isLive = (try? Record.header(record))?.isLive(version: keyspace.version, now: judge.now) ?? true
            let use = isLive ? judge.use(of: key, hash: hash, in: keyspace) : 0
            let victim = EvictionPlan.Victim(
                keyspace: keyspace,
                key: MemoryKey(keyspace: keyspace.memoryNumber, hash: hash, bytes: [UInt8](copying: key)))
            if use > 0 {
                spared.append((use, size, victim))
            } else {
                taken.append(victim)
                takenBytes += size
            }
        }

        /// Those that go: if too few were not in use, the least used as well. Keys in a row may all be in use, so unless it is urgent the hand
        /// rather goes on behind them the next time.
        var victims: [EvictionPlan.Victim] {
            var victims = taken
            var bytes = takenBytes
            let limit = min(wanted.bytes, seenBytes / ClockHand.lookahead + 1)
            for (use, size, victim) in spared.sorted(by: { $0.use < $1.use }) {
                guard wanted.isUrgent || use <= ClockHand.resident else { break }
                guard bytes < limit, victims.count < DiskBudget.maximumVictims else { break }
                victims.append(victim)
                bytes += size
            }
            return victims
        }
    }
}
