internal import LMDB
internal import Synchronization

/// Keeps the keys of the hottest entries in the store, at intervals and at closing, and brings them back into memory after opening.
///
/// What is kept are keys in the order of their rank, no values, so it is never stale: whoever reads them back reads the durable tier, as a
/// reader would. It is written by a thread of its own for the length of a commit, and only if a tenth or so of the keys has changed. Keys of caches
/// that this process has not opened are handed on.
final class HotSet: Sendable {
    /// Keys take this part of the memory's capacity at most, and `largestByteCount`.
    private static let capacityShare = 16
    private static let largestByteCount = 16 << 20
    /// It is written again if what was written and what is hot now have less than this share in common: a sixteenth of the keys is new.
    private static let unchangedResemblance = 15.0 / 17

    /// Brings keys back into memory, the hottest first, until it returns false.
    typealias Warmer = @Sendable (_ keys: ArraySlice<[UInt8]>, Standing) -> Bool

    private struct State {
        /// When it was last looked at whether to write; nil before the first look.
        var lastLook: Milliseconds?
        var isWriting = false
        /// What was last written or read; nil before.
        var kept: KeySample?
        /// Caches opened in this process, by number.
        var opened: Set<UInt32> = []
        /// Caches whose keys are still to be brought back.
        var waiting: [(keyspace: UInt32, warm: Warmer)] = []
        var isLoading = false
        var isClosed = false
    }

    private let durable: DurableTier
    private let memory: MemoryTier
    private let keyspaces: KeyspaceRegistry
    private let groupCommit: GroupCommit
    private let interval: Milliseconds
    private let state = Monitor(State())
    private let mayHoldKeys: Bool
    private let warmedEntries = Atomic<Int>(0)

    init(
        durable: DurableTier, memory: MemoryTier, keyspaces: KeyspaceRegistry, groupCommit: GroupCommit,
        interval: Milliseconds
    ) throws {
        self.durable = durable
        self.memory = memory
        self.keyspaces = keyspaces
        self.groupCommit = groupCommit
        self.interval = interval
        let table = try durable.hotSetTable()
        mayHoldKeys = try table.map { table in try !durable.environment.read { try table.isEmpty(in: $0) } } ?? false
    }

    /// Entries brought back so far.
    var warmed: Int { warmedEntries.load(ordering: .relaxed) }

    /// Whether kept keys are being brought back just now.
    var isBringingBack: Bool { state.withLock { $0.isLoading } }

    // MARK: Keeping

    /// Writes the hot set in the background if its interval is over. Called about once a second while memory changes.
    func keepIfDue(now: Milliseconds) {
        let isDue = state.withLock { state in
            // The interval begins with the first change, and anew where the clock was set back.
            guard let last = state.lastLook, now >= last else {
                state.lastLook = now
                return false
            }
            guard now - last >= interval, !state.isWriting, !state.isLoading, !state.isClosed else { return false }
            state.lastLook = now
            state.isWriting = true
            return true
        }
        guard isDue else { return }
        do {
            try BackgroundThread.start { [self] in
                keep()
                endWriting()
            }
        } catch {
            endWriting()
        }
    }

    /// Stops bringing keys back, and writes the hot set if it has changed, unless what was kept has not come back yet. Blocks for a commit.
    func close() {
        let mayWrite = state.withLock(when: { !$0.isWriting }) { state in
            defer { state.isClosed = true }
            return !state.isClosed && !state.isLoading && state.waiting.isEmpty
        }
        if mayWrite { keep() }
    }

    /// Stops bringing keys back, and writes nothing any more. Does not wait.
    func stop() {
        state.withLock { $0.isClosed = true }
    }

    private func endWriting() {
        state.withLock { $0.isWriting = false }
        state.wakeAll()
    }

    /// Writes the hottest keys, if enough of them are new. What fails is left: the next time will come.
    private func keep() {
        var entries = hottest()
        guard !entries.isEmpty, let table = try? durable.makeHotSetTable() else { return }
        entries = (try? handingOn(entries, in: table)) ?? entries
        let sample = KeySample(entries)
        let isChanged = state.withLock { state in
            state.kept.map { $0.resemblance(to: sample) < Self.unchangedResemblance } ?? true
        }
        guard isChanged else { return }
        let all = entries
        do {
            try groupCommit.submitBlocking(singleKey: nil) { transaction in
                try transaction.withWriteTransaction { try table.replace(with: all, in: &$0) }
                transaction.withChanges { $0.countsAsChanged = true }
            }
            state.withLock { $0.kept = sample }
        } catch {
            return
        }
    }

    private var byteLimit: Int { min(memory.capacity / Self.capacityShare, Self.largestByteCount) }

    /// The hottest keys in memory, the hottest first, as far as there is room for them.
    private func hottest() -> [HotSetTable.Entry] {
        let open = keyspaces.open
        let overhead = HotSetTable.Entry(keyspace: 0, key: []).byteCount
        return memory.hottest(keyBytes: byteLimit, overhead: overhead).compactMap { description in
            open[description.keyspace].map { HotSetTable.Entry(keyspace: $0.number, key: description.key) }
        }
    }

    /// Adds what is kept of caches that are not open here, as far as there is room.
    private func handingOn(_ entries: [HotSetTable.Entry], in table: HotSetTable) throws -> [HotSetTable.Entry] {
        let opened = state.withLock { $0.opened }
        var all = entries
        var bytes = entries.reduce(0) { $0 + $1.byteCount }
        for entry in try durable.environment.read({ try table.entries(in: $0) }) where !opened.contains(entry.keyspace)
        {
            bytes += entry.byteCount
            if bytes > byteLimit { break }
            all.append(entry)
        }
        return all
    }

    // MARK: Bringing back

    /// Brings the kept keys of a cache back in the background, through `warm`, if this is the first time that the cache is opened.
    func bringBack(_ keyspace: UInt32, _ warm: @escaping Warmer) {
        let starts = state.withLock { state in
            guard state.opened.insert(keyspace).inserted, mayHoldKeys, !state.isClosed else { return false }
            state.waiting.append((keyspace, warm))
            if state.isLoading { return false }
            state.isLoading = true
            return true
        }
        guard starts else { return }
        do {
            try BackgroundThread.start { [self] in load() }
        } catch {
            state.withLock { state in
                state.isLoading = false
                state.waiting = []
            }
        }
    }

    private func load() {
        let entries =
            (try? durable.hotSetTable().map { table in try durable.environment.read { try table.entries(in: $0) } })
        let kept = (entries ?? nil) ?? []
        let sample = KeySample(kept)
        state.withLock { $0.kept = sample }
        while let (keyspace, warm) = next() {
            bringBack(kept.lazy.filter { $0.keyspace == keyspace }.map(\.key), warm)
        }
    }

    /// The next cache to be warmed; nil ends the loading.
    private func next() -> (UInt32, Warmer)? {
        state.withLock { state in
            if state.isClosed || state.waiting.isEmpty {
                state.isLoading = false
                return nil
            }
            return state.waiting.removeFirst()
        }
    }

    /// Half of the time at most is spent reading, so that foreground reads hardly notice, on a single processor either.
    private func bringBack(_ keys: some Sequence<[UInt8]>, _ warm: Warmer) {
        let keys = Array(keys)
        let evictions = memory.statistics.evictions
        var start = 0
        while start < keys.count {
            let begun = ContinuousClock.now
            let batch = keys[start..<min(start + 32, keys.count)]
            let statistics = memory.statistics
            // They come hottest first, so that the hottest would be the first to leave again: those have a second chance.
            let standing = Standing(queue: .main, hits: start < keys.count / 2 ? 1 : 0)
            // What comes later is colder than what it would push out.
            let isFull = statistics.evictions > evictions || statistics.bytes > statistics.capacity / 16 * 15
            if isFull || state.withLock({ $0.isClosed }) || !warm(batch, standing) { return }
            start += batch.count
            BackgroundThread.pause(for: ContinuousClock.now - begun)
        }
    }

    /// Counts an entry that was brought back.
    func countWarmed() {
        warmedEntries.add(1, ordering: .relaxed)
    }
}
