internal import Synchronization

/// The bounded table of hot entries, sharded by hash. It does not know LMDB.
///
/// A hit reads one line of a shard's index and the entry itself, as a rule without the shard's lock (``SequenceLock``), and writes a byte of the line that it has
/// read, if that changes. Which entries stay is decided by ``EvictionPolicy``, in the configuration that ``ConfigurationChooser`` finds best for the workload of
/// the whole tier.
///
/// Each method is one step, as if under the lock of the key's shard. A shard also keeps, for stripes of its keys, what the coherence protocol
/// needs: how many commits are under way that change a key of the stripe, and the last transaction that did. A stripe stands for all of
/// its keys, which errs on the side of not keeping a value.
///
/// Nothing here asks for random numbers, nor for the time but from the clock that it is given: with one thread, the same calls give the same victims.
final class MemoryTier: Sendable {
    let shards: ShardTable
    /// Hits and misses.
    let counters = LookupCounters()
    /// Lookups that are about to retain an object.
    let retainSections = RetainSections()
    private let parameters: PolicyParameters
    /// Locked before shards, never inside one's lock.
    private let experiment: Mutex<Experiment>
    /// Held by whoever changes the budget.
    private let resizing = Mutex<Void>(())
    /// Keys are sampled whose hash, but for the byte that chooses the shard, is as a binary fraction below this one; 0 while there is no chooser.
    private let sampleThreshold = Atomic<UInt64>(0)
    private let publishedAdvice = Atomic<UInt64>(0)
    /// The time of day, asked only for entries that expire.
    let clock: WallClock
    private let removalListener: (@Sendable (RemovalNotice) -> Void)?

    /// The comparison of the configurations, within its part of the budget.
    private struct Experiment {
        /// The budget in bytes; while it changes, the larger one.
        var capacity: Int
        /// The entries that shadows may be made for; while the budget changes, the smaller number.
        var shadowEntries: Int
        /// Compares the configurations; nil until the tier is full for the first time.
        var chooser: ConfigurationChooser?
        /// Whether the tier has been full: then there is a chooser, if there is room for one.
        var hasBegun = false
        /// The most bytes that a chooser took since the budget was set.
        var highestBytes = 0
        /// The most bytes that the whole tier took before.
        var highestBytesBefore = 0
    }

    /// The least capacity, in bytes. The tables of a shard take 10 KiB of it.
    static let leastCapacity = 32 << 10

    /// A tier that uses at most `capacity` bytes, bookkeeping included. With less than ``leastCapacity`` it is off: it holds and uses nothing, for good.
    ///
    /// - Parameters:
    ///   - shardCount: A power of two; by default what ``shardCount(for:processors:)`` says. An entry may take a sixth of a shard.
    ///   - removalListener: Told of each entry that leaves, under the lock of its shard and so in order: it may only take note.
    init(
        capacity: Int, shardCount: Int? = nil, clock: WallClock = .system, parameters: PolicyParameters = .standard,
        removalListener: (@Sendable (RemovalNotice) -> Void)? = nil
    ) {
        let isOn = capacity >= Self.leastCapacity
        let count = isOn ? shardCount ?? Self.shardCount(for: capacity, processors: Processors.count) : 0
        precondition(count & (count - 1) == 0 && count <= 256, "the number of shards is no power of two up to 256")
        let shadowEntries = isOn ? Self.shadowEntries(capacity, parameters) : 0
        experiment = Mutex(Experiment(capacity: capacity, shadowEntries: shadowEntries))
        self.parameters = parameters
        self.clock = clock
        self.removalListener = removalListener
        let budget = isOn ? Self.shardBudget(capacity, count, shadowEntries, parameters) : 0
        let isObserved = removalListener != nil
        shards = ShardTable(count: count) {
            var shard = MemoryShard(budget: budget, parameters: parameters)
            shard.entries.removed.isObserved = isObserved
            return shard
        }
    }

    /// The shards of a tier of this capacity unless said otherwise: two for each processor, so that threads seldom want the same one, at most 32, and each of
    /// 4 MiB at least. No more than that, because the larger a shard is, the more of it lies on huge pages.
    static func shardCount(for capacity: Int, processors: Int) -> Int {
        var count = 1
        while count < min(32, 2 * processors), capacity / (count * 2) >= 4 << 20 { count *= 2 }
        return count
    }

    /// A shard's part of the capacity, once the shadows, the counters and the sections have theirs.
    private static func shardBudget(
        _ capacity: Int, _ count: Int, _ shadowEntries: Int, _ parameters: PolicyParameters
    ) -> Int {
        let shadows =
            shadowEntries > 0 ? ConfigurationChooser.byteCount(entryCount: shadowEntries, parameters: parameters) : 0
        return (capacity - shadows - byteCountOfCounters) / count
    }

    /// Entries of a shadow: so many that all shadows together take a sixteenth of the capacity at most. None if there is no room for one.
    private static func shadowEntries(_ capacity: Int, _ parameters: PolicyParameters) -> Int {
        (0...parameters.shadowEntries).last {
            ConfigurationChooser.byteCount(entryCount: $0, parameters: parameters) <= capacity / 16
        } ?? 0
    }

    /// The memory of the counters and the sections, in bytes.
    private static let byteCountOfCounters = LookupCounters.byteCount + RetainSections.byteCount

    /// Bytes in use that belong to no shard: the shadows, the counters and the sections.
    var bytesBesideShards: Int {
        isOn ? experiment.withLock { Self.byteCountOfCounters + ($0.chooser?.byteCount ?? 0) } : 0
    }

    /// The most bytes that the tier ever took, at most.
    ///
    /// - Parameter shards: The sum of what each shard took at most since the budget was set.
    func highestBytes(ofShards shards: Int) -> Int {
        guard isOn else { return 0 }
        return experiment.withLock {
            max($0.highestBytesBefore, Self.byteCountOfCounters + $0.highestBytes + shards)
        }
    }

    /// Whether the tier holds anything at all.
    @inline(__always) var isOn: Bool { shards.count > 0 }

    /// The budget in bytes, bookkeeping included.
    var capacity: Int { experiment.withLock { $0.capacity } }

    /// The shard of a hash.
    @inline(__always)
    func shard(of hash: UInt64) -> Int {
        // The top byte: not the bits that choose the place in the index, the stripe or the sample.
        shards.index(hash &>> 56)
    }

    @inline(__always)
    func isSampled(_ hash: UInt64) -> Bool {
        hash &<< 8 < sampleThreshold.load(ordering: .relaxed)
    }

    // MARK: The steps of the protocol

    /// A commit that changes the key is about to happen: its entry goes, and none may be populated until it is decided.
    ///
    /// - Returns: What the entry had earned, if there was one, for ``install(_:for:version:expiry:standing:floor:)``.
    @discardableResult
    func mark(_ key: MemoryKey) -> Standing? {
        mark(key.bytes.span, hash: key.hash, keyspace: key.keyspace)
    }

    /// As ``mark(_:)``, for a key that lies elsewhere.
    @discardableResult
    func mark(_ key: Span<UInt8>, hash: UInt64, keyspace: UInt32) -> Standing? {
        var standing: Standing?
        step(hash) { standing = $0.mark(key, hash: hash, keyspace: keyspace, clock: clock) }
        return standing
    }

    /// The commit has happened: keeps the new value, unless it is `nil` or something newer than `version` has raised `floor`.
    func install(
        _ value: MemoryValue?, for key: MemoryKey, version: UInt64, expiry: Milliseconds, standing: Standing? = nil,
        floor: () -> UInt64
    ) {
        guard let value, let new = newEntry(value, for: key, version: version, expiry: expiry) else {
            return settle(key.hash, version: version)
        }
        value.withBytes { bytes in
            step(key.hash) { state in
                state.install(new, bytes: bytes, for: key, version: version, standing: standing, floor: floor())
                if isSampled(key.hash) { state.feed.add(key.hash, weight: new.weight, isHit: standing != nil) }
            }
        }
    }

    /// The commit has happened: the key of this hash stays absent, and nothing older than `version` is populated.
    func settle(_ hash: UInt64, version: UInt64) {
        step(hash) { $0.settle(hash, version: version) }
    }

    /// The commit has failed: the key of this hash stays absent.
    func unmark(_ hash: UInt64) {
        step(hash) { $0.unmark(hash) }
    }

    /// Keeps a value that was read from the durable tier as of transaction `version`, unless a commit of ours that it may have missed is
    /// under way or has happened, or `floor` has been raised above it.
    func populate(
        _ value: MemoryValue, for key: MemoryKey, version: UInt64, expiry: Milliseconds, standing: Standing? = nil,
        floor: () -> UInt64
    ) {
        guard let new = newEntry(value, for: key, version: version, expiry: expiry) else { return }
        value.withBytes {
            populate(
                new, bytes: $0, for: key.bytes.span, hash: key.hash, version: version, standing: standing, floor: floor)
        }
    }

    /// As ``populate(_:for:version:expiry:floor:)``, for bytes that lie elsewhere. They are copied once.
    @inline(__always)
    func populate(
        _ bytes: Span<UInt8>, for key: Span<UInt8>, hash: UInt64, keyspace: UInt32, version: UInt64,
        expiry: Milliseconds, floor: () -> UInt64
    ) {
        if bytes.count > EntryBlock.inlineLimit, !admits(bytes.count, hash: hash) { return }
        let new = NewEntry(
            bytes, keyLength: key.count, hash: hash, keyspace: keyspace, version: version, expiry: expiry)
        guard let new else { return }
        populate(new, bytes: bytes, for: key, hash: hash, version: version, floor: floor)
    }

    /// Whether a value of so many bytes may be kept outside a block: asked before they are copied for it. Counts a refusal.
    @inline(never)
    private func admits(_ byteCount: Int, hash: UInt64) -> Bool {
        isOn && shards.withLock(shard(of: hash)) { $0.admits(outside: byteCount) }
    }

    @inline(__always)
    private func populate(
        _ new: borrowing NewEntry, bytes: Span<UInt8>, for key: Span<UInt8>, hash: UInt64, version: UInt64,
        standing: Standing? = nil, floor: () -> UInt64
    ) {
        step(hash) { state in
            state.populate(
                new, bytes: bytes, for: key, hash: hash, version: version, standing: standing, floor: floor())
            if isSampled(hash) { state.feed.add(hash, weight: new.weight, isHit: standing != nil) }
        }
    }

    private func newEntry(
        _ value: MemoryValue, for key: MemoryKey, version: UInt64, expiry: Milliseconds
    ) -> NewEntry? {
        NewEntry(
            value, keyLength: key.bytes.count, hash: key.hash, keyspace: key.keyspace, version: version, expiry: expiry)
    }

    /// Drops every entry. The protocol's marks stay, and so does what the policy has learnt.
    func removeAll() {
        for shard in shards.indices {
            shards.update(shard) { $0.removeAll() }
            care(for: shard)
        }
    }

    /// Whether the tier has an entry of the key that is not older than `floor`. Counts as no use of it, neither hit nor miss.
    func holds(_ key: MemoryKey, floor: UInt64) -> Bool {
        guard isOn else { return false }
        return shards.withLock(shard(of: key.hash)) { $0.holds(key, floor: floor) }
    }

    /// What the tier holds for a key, unless it is older than `floor` or has expired. Counts as no use of it, neither hit nor miss.
    func value(of key: MemoryKey, floor: UInt64) -> MemoryValue? {
        guard isOn else { return nil }
        return shards.withLock(shard(of: key.hash)) { state in
            let view = state.entries.view
            let found = view.find(key.bytes.span, UInt32(truncatingIfNeeded: key.hash), keyspace: key.keyspace)
            guard found.isThere, view.staleness(of: found, floor: floor, clock: clock) == nil else { return nil }
            return state.value(found)
        }
    }

    // MARK: Capacity and expiry

    /// The least budget that the tier can be given, in bytes; nil if it is off, and stays so.
    var leastCapacity: Int? { isOn ? max(Self.leastCapacity, shards.count * Self.leastCapacity / 2) : nil }

    /// Sets the budget, ``leastCapacity-swift.property`` at least, and evicts until it holds. O(entries that go); where a shard becomes larger than it ever was,
    /// also O(bytes held). Others go on meanwhile, but for a shard at a time.
    func resize(capacity: Int) {
        guard let leastCapacity else { return }
        resizing.withLock { _ in setCapacity(max(capacity, leastCapacity)) }
    }

    private func setCapacity(_ capacity: Int) {
        let shadowEntries = Self.shadowEntries(capacity, parameters)
        // First what both budgets allow.
        var highest = experiment.withLock { experiment in
            experiment.capacity = max(experiment.capacity, capacity)
            experiment.shadowEntries = min(experiment.shadowEntries, shadowEntries)
            experiment.chooser = nil
            sampleThreshold.store(0, ordering: .relaxed)
            defer { experiment.highestBytes = 0 }
            return Self.byteCountOfCounters + experiment.highestBytes
        }
        let budget = Self.shardBudget(capacity, shards.count, shadowEntries, parameters)
        for shard in shards.indices {
            highest += shards.update(shard) { state in
                state.resize(budget: budget)
                return state.takeHighestBytes()
            }
            care(for: shard)
        }
        let makesChooser = experiment.withLock { experiment in
            experiment.capacity = capacity
            experiment.shadowEntries = shadowEntries
            experiment.highestBytesBefore = max(experiment.highestBytesBefore, highest)
            return experiment.hasBegun
        }
        if makesChooser { makeChooser() }
    }

    /// Removes entries that have expired, so that their memory is free for others, in at most `budget` steps; call it now and then.
    ///
    /// A clock that has jumped costs a step for each entry that expires, once, over the budget.
    ///
    /// - Returns: Whether all was done that was due.
    @discardableResult
    func removeExpired(now: Milliseconds, budget: Int = .max) -> Bool {
        var left = budget
        for shard in shards.indices where left > 0 {
            left = shards.update(shard) { $0.removeExpired(now: now, budget: left) }
            care(for: shard)
        }
        return left > 0
    }

    // MARK: After the lock

    /// Runs a step that may change the shard, then sees to what it left behind.
    @inline(__always)
    func step(_ hash: UInt64, _ body: (inout MemoryShard) -> Void) {
        guard isOn else { return }
        let shard = shard(of: hash)
        let advice = PackedAdvice(word: publishedAdvice.load(ordering: .relaxed))
        let needsCare = shards.update(shard) { state in
            state.follow(advice)
            body(&state)
            return state.needsCare
        }
        if needsCare { care(for: shard) }
    }

    /// Lets go of removed objects, tells the listener, and shows sampled accesses to the shadows unless another thread is doing so.
    func care(for shard: Int) {
        let (objects, _, accesses, isFull) = shards.withLock(shard) { state in
            let leftovers = state.takeLeftovers()
            if let removalListener { for notice in leftovers.notices { removalListener(notice) } }
            return leftovers
        }
        if !objects.isEmpty { retainSections.awaitEnds() }
        _ = consume objects
        if isFull { makeChooser() }
        guard !accesses.isEmpty else { return }
        _ = experiment.withLockIfAvailable { experiment in
            for access in accesses {
                let advice = experiment.chooser?.observe(access.hash, weight: access.weight, isHit: access.isHit)
                guard let advice else { continue }
                publish(advice)
            }
        }
    }

    private func publish(_ advice: ConfigurationChooser.Advice) {
        publishedAdvice.store(PackedAdvice(advice).word, ordering: .relaxed)
    }

    /// Makes shadows for the tier as it is now.
    private func makeChooser() {
        experiment.withLock { experiment in
            let isFirst = !experiment.hasBegun
            experiment.hasBegun = true
            var count = 0
            var weight = 0
            var sample = UsedSample()
            for shard in shards.indices {
                shards.withLock(shard) { state in
                    count += state.policy.count
                    weight += state.policy.weight
                    sample += state.usedSample
                }
            }
            guard count > 0 else { return }
            // The old shadows go first: there is room for one set of them.
            experiment.chooser = nil
            let entryCount = min(count, experiment.shadowEntries)
            let rate = Double(entryCount) / Double(count)
            sampleThreshold.store(rate < 1 ? UInt64(rate * 0x1p64) : .max, ordering: .relaxed)
            guard entryCount > 0 else { return }
            var chooser = ConfigurationChooser(
                capacity: max(1, Int(Double(weight) * rate)), entryCount: entryCount, parameters: parameters,
                leader: PackedAdvice(word: publishedAdvice.load(ordering: .relaxed)).leader)
            experiment.highestBytes = max(experiment.highestBytes, chooser.byteCount)
            if isFirst { publish(chooser.favourRecency(usedShare: sample.usedShare)) }
            experiment.chooser = chooser
        }
    }
}
