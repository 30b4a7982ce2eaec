/// The eviction policy of one cache: a FIFO window, a CLOCK main, and ghosts that tell which newcomers deserve main.
///
/// - **Window**: new entries wait here in FIFO order. At its end an entry that was used moves to main; one that was not leaves the cache and
///   becomes a ghost.
/// - **Main**: FIFO order with second chances. Its coldest entry is the tail, once the tails that were used have gone back to the head.
/// - **Ghosts**: fingerprints of keys that left the window unused. One that comes back soon enough goes straight to main.
///
/// In the configuration that follows recency both queues are kept, nearly, in the order of last use, and the older of their tails leaves. An entry bears the
/// epoch of its last use, one of sixteen of which eight make a turnover, and is put where that belongs when it comes to a tail: LRU to an eighth of the
/// cache, without a move at a hit, as generations do in the Linux kernel's multi-generational LRU.
///
/// A hit writes two bits of a counter, until it is full, and four of the epoch, once in each. Time is a count of insertions, so that a replay gives the
/// same victims. Every operation is O(1) amortised: each step of the CLOCK spends an earlier hit. Weights may be bytes or 1 for each entry.
///
/// Sources of the ideas: S3-FIFO (Yang et al., SOSP 2023) for lazy promotion; Clock2Q+ for correlated references; LIRS (Jiang and Zhang,
/// SIGMETRICS 2002) and CLOCK-Pro (Jiang, Chen and Zhang, USENIX ATC 2005) for comparing ages; TinyLFU (Einziger, Friedman and Manes, ToS 2017) for
/// frequency. Which configuration runs is decided by ``ConfigurationChooser``.
struct EvictionPolicy: Sendable {
    let parameters: PolicyParameters
    /// The greatest total weight.
    private(set) var capacity: Int
    /// The window's share and the rule in force.
    private(set) var configuration: PolicyConfiguration
    /// Entries that have not proved themselves.
    private(set) var window = EntryQueue(kind: .window)
    /// Entries that have.
    private(set) var main = EntryQueue(kind: .main)
    /// Insertions so far, modulo 2^32: the time.
    private(set) var clock: UInt32 = 0
    private var epochs = EpochCounter()
    /// The window's capacity at present, on its way to the configuration's share.
    private(set) var windowCapacity: Double
    /// Whether something was ever evicted; before that the window's capacity jumps.
    private var wasFull = false
    /// Hits of window entries younger than this are ignored.
    private var correlatedAge: UInt32 = 0
    private let keepsFrequencies: Bool
    private var history: KeyHistory

    /// A policy for `capacity` units of weight.
    ///
    /// - Parameters:
    ///   - entryCount: How many entries are expected; sizes what is remembered of keys. See ``resizeTables(entryCount:)``.
    ///   - keepsFrequencies: Whether a configuration may come that needs the sketch.
    init(
        capacity: Int, entryCount: Int, configuration: PolicyConfiguration, keepsFrequencies: Bool,
        parameters: PolicyParameters = .standard
    ) {
        self.parameters = parameters
        self.capacity = capacity
        self.configuration = configuration
        self.keepsFrequencies = keepsFrequencies
        history = KeyHistory(entryCount: 0, keepsFrequencies: keepsFrequencies, parameters: parameters)
        windowCapacity = Self.windowSize(configuration.windowShare, of: capacity)
        resizeTables(entryCount: entryCount)
        updateCorrelatedAge(weight: capacity, count: entryCount)
    }

    /// The entries' total weight.
    var weight: Int { window.weight + main.weight }
    /// The number of entries.
    var count: Int { window.count + main.count }
    /// The weight that main may take.
    private var mainCapacity: Int { capacity - Int(windowCapacity) }

    private static func windowSize(_ share: Double, of capacity: Int) -> Double {
        // Rounded by way of an integer, which costs no call.
        max(1, Double(Int(Double(capacity) * share + 0.5)))
    }

    // MARK: Hits

    /// What a hit makes of an entry's mark, at present.
    @inline(__always)
    var hitRule: HitRule { HitRule(clock: clock, correlatedAge: correlatedAge, epoch: window.epoch) }

    /// Notes that an entry was used. Writes nothing if it was used in this epoch before, and its counter is full or it is too young for its window.
    @inline(__always)
    mutating func hit(_ entry: EntryReference, in entries: inout some PolicyEntries & ~Copyable) {
        let mark = entries.mark(of: entry)
        let time = entries.time(of: entry)
        let next = hitRule.mark(after: mark, queue: entries.queue(of: entry), time: time)
        guard next != mark else { return }
        entries.setMark(next, of: entry)
        if next.epoch != mark.epoch { countUses(1) }
    }

    /// How many more uses end the epoch.
    @inline(__always)
    var usesLeft: Int { epochs.usesLeft }

    /// Takes notice that so many entries were used for the first time in this epoch.
    @inline(__always)
    mutating func countUses(_ count: Int) {
        if epochs.count(count) { beginEpoch() }
    }

    private mutating func beginEpoch() {
        epochs.end(window.epoch, at: clock)
        window.beginEpoch()
        main.beginEpoch()
    }

    /// The time of the last use that a mark tells of, to an epoch.
    private func timeOfUse(_ mark: UseMark) -> UInt32 {
        mark.epoch == window.epoch ? clock : epochs.end(of: mark.epoch)
    }

    // MARK: Misses

    /// How many insertions ago an entry was inserted, or was used if it has had a second chance since.
    func age(of entry: EntryReference, in entries: borrowing some PolicyEntries & ~Copyable) -> UInt32 {
        clock &- entries.time(of: entry)
    }

    /// Whether an entry of a given weight may enter at all. One that would push out a large part of the others is not worth it, whatever its use.
    @inline(__always)
    func admits(weight: Int) -> Bool {
        let ofTheMean = count == 0 ? capacity : min(capacity, 2 * self.weight / count)
        return weight <= max(capacity / parameters.largestShare, ofTheMean)
    }

    /// Brings what is remembered of a key closer.
    @inline(__always)
    func prefetch(_ fingerprint: UInt32) { history.prefetch(fingerprint) }

    /// Makes room for a newcomer and returns the queue that it joins. Victims are handed to `entries.discard`.
    mutating func admit(
        _ fingerprint: UInt32, weight: Int, in entries: inout some PolicyEntries & ~Copyable
    ) -> QueueKind {
        history.sketch?.add(1, to: fingerprint)
        clock &+= 1
        moveWindow(by: weight)
        var isPromoted = false
        if let age = history.ghosts.remove(fingerprint, now: clock), configuration.rule == .age {
            isPromoted = openMain(
                to: weight, isShort: isMainShort(after: weight), if: .idleLonger(than: age), whileFull: true,
                in: &entries)
        }
        while self.weight + weight > capacity, count > 0 {
            evict(in: &entries)
        }
        if isPromoted { return .main }
        // Main fills first, and again when the window has shrunk: a loop must not run through the window alone.
        let fitsMain = main.weight + weight <= mainCapacity
        return configuration.rule == .age && isMainShort(after: 0) && fitsMain ? .main : .window
    }

    /// Whether main has less than its share of a full cache, which shows in the window: it keeps its own without `leaving`. (The sum of the weights is
    /// no measure. It stays below the capacity by part of an entry, which would always look like room in main.)
    private func isMainShort(after leaving: Int) -> Bool {
        !wasFull || window.weight - leaving >= Int(windowCapacity)
    }

    /// Puts a newcomer, which has its mark, at the head of a queue, as ``admit(_:weight:in:)`` said.
    mutating func insert(
        _ entry: EntryReference, into queue: QueueKind, in entries: inout some PolicyEntries & ~Copyable
    ) {
        entries.setTime(clock, of: entry)
        countUses(1)
        switch queue {
        case .window: window.push(entry, in: &entries)
        case .main: main.push(entry, in: &entries)
        }
        guard wasFull else { return }
        prefetch(window.tail, in: entries)
        prefetch(main.tail, in: entries)
    }

    /// Brings closer what is read when an entry leaves its queue.
    @inline(__always)
    private func prefetch(_ entry: EntryReference, in entries: borrowing some PolicyEntries & ~Copyable) {
        guard entry != 0 else { return }
        entries.prefetch(entry)
        prefetch(entries.fingerprint(of: entry))
    }

    /// Forgets an entry that its owner removes. It becomes no ghost and is not discarded.
    mutating func remove(_ entry: EntryReference, in entries: inout some PolicyEntries & ~Copyable) {
        switch entries.queue(of: entry) {
        case .window: window.remove(entry, in: &entries)
        case .main: main.remove(entry, in: &entries)
        }
    }

    /// Records that an entry has moved: `other` has its fields.
    mutating func replace(
        _ entry: EntryReference, by other: EntryReference, oldWeight: Int,
        in entries: inout some PolicyEntries & ~Copyable
    ) {
        switch entries.queue(of: other) {
        case .window: window.replace(entry, by: other, oldWeight: oldWeight, in: &entries)
        case .main: main.replace(entry, by: other, oldWeight: oldWeight, in: &entries)
        }
    }

    /// Forgets every entry, without a word to their owner. What was learnt stays.
    mutating func removeAll() {
        window = EntryQueue(kind: .window)
        main = EntryQueue(kind: .main)
    }

    // MARK: Evictions

    /// Takes the next step towards an eviction: discards an entry, or moves one from the window to main. There must be an entry.
    mutating func evict(in entries: inout some PolicyEntries & ~Copyable) {
        wasFull = true
        if configuration.rule == .recency {
            evictOldest(in: &entries)
        } else if main.isEmpty || (!window.isEmpty && window.weight >= Int(windowCapacity)) {
            leaveWindow(in: &entries)
        } else {
            discardFromMain(coldestOfMain(in: &entries), in: &entries)
        }
    }

    /// Discards the older of the two tails, or puts it where its last use belongs. Main loses entries no faster than the window may grow.
    private mutating func evictOldest(in entries: inout some PolicyEntries & ~Copyable) {
        let mayShrinkMain = window.weight < Int(windowCapacity) && main.tailAge >= window.tailAge
        let isMain = window.isEmpty || (!main.isEmpty && mayShrinkMain)
        let candidate = isMain ? main.tail : window.tail
        let queueAge = isMain ? main.tailAge : window.tailAge
        let mark = entries.mark(of: candidate)
        let age = (window.epoch &- mark.epoch) % EpochMarks.count
        if mark.hits > 0, age < queueAge {
            history.sketch?.add(mark.hits, to: entries.fingerprint(of: candidate))
            if isMain {
                main.remove(candidate, in: &entries)
                windowCapacity += Double(entries.weight(of: candidate))
            } else {
                window.remove(candidate, in: &entries)
            }
            entries.setMark(mark.with(hits: 0), of: candidate)
            entries.setTime(clock, of: candidate)
            window.insert(candidate, age: age, in: &entries)
        } else if isMain {
            discardFromMain(candidate, in: &entries)
        } else {
            history.sketch?.add(mark.hits, to: entries.fingerprint(of: candidate))
            window.remove(candidate, in: &entries)
            makeGhost(candidate, in: &entries)
        }
    }

    private mutating func makeGhost(_ victim: EntryReference, in entries: inout some PolicyEntries & ~Copyable) {
        let inserted = clock &- age(of: victim, in: entries)
        history.ghosts.insert(entries.fingerprint(of: victim), insertedAt: inserted, now: clock)
        entries.discard(victim)
    }

    /// What the entries must be like that a candidate displaces.
    private enum Displacement {
        case any
        case idleLonger(than: UInt32)
        case usedLess(than: UInt8, orAsMuch: Bool)
    }

    /// Makes room in main by discarding its coldest entries one by one as long as each may be displaced: at least one, unless main is short.
    ///
    /// - Parameter whileFull: Whether to stop when the cache as a whole has room; main then exceeds its share.
    /// - Returns: Whether there is room.
    private mutating func openMain(
        to weight: Int, isShort: Bool, if condition: Displacement, whileFull: Bool,
        in entries: inout some PolicyEntries & ~Copyable
    ) -> Bool {
        var mustDisplace = !isShort
        while mustDisplace || main.weight + weight > mainCapacity {
            guard !main.isEmpty else { return weight <= mainCapacity }
            let victim = coldestOfMain(in: &entries)
            guard mayDisplace(victim, condition, weight: weight, in: entries) else { return false }
            if whileFull, self.weight + weight <= capacity { return true }
            discardFromMain(victim, in: &entries)
            mustDisplace = false
        }
        return true
    }

    /// Whether a victim is worth less than the candidate that would displace it, weight for weight: where sizes differ, an entry must be used more often
    /// to take more room.
    private func mayDisplace(
        _ victim: EntryReference, _ condition: Displacement, weight: Int,
        in entries: borrowing some PolicyEntries & ~Copyable
    ) -> Bool {
        switch condition {
        case .any:
            return true
        case .idleLonger(let age):
            let idle = UInt64(self.age(of: victim, in: entries))
            return idle * UInt64(entries.weight(of: victim)) > UInt64(age) * UInt64(weight)
        case .usedLess(let count, let orAsMuch):
            guard let sketch = history.sketch else { return true }
            let held = Int(sketch.count(of: entries.fingerprint(of: victim))) * weight
            let wanted = Int(count) * entries.weight(of: victim)
            return orAsMuch ? held <= wanted : held < wanted
        }
    }

    /// The entry at main's tail, after those that were used have had their second chance. Their hits are counted in the sketch only now. As time they
    /// have that of their last use, not the present one: an entry of which nothing was wanted for long must not look younger than a key that comes back.
    private mutating func coldestOfMain(in entries: inout some PolicyEntries & ~Copyable) -> EntryReference {
        while true {
            let tail = main.tail
            let mark = entries.mark(of: tail)
            guard mark.hits > 0 else { return tail }
            prefetch(entries.newer(than: tail), in: entries)
            entries.setMark(mark.with(hits: mark.hits - 1), of: tail)
            entries.setTime(timeOfUse(mark), of: tail)
            history.sketch?.add(1, to: entries.fingerprint(of: tail))
            main.rotate(in: &entries)
        }
    }

    private mutating func discardFromMain(_ victim: EntryReference, in entries: inout some PolicyEntries & ~Copyable) {
        main.remove(victim, in: &entries)
        entries.discard(victim)
    }

    /// Decides about the window's oldest entry: to main, or to the ghosts.
    private mutating func leaveWindow(in entries: inout some PolicyEntries & ~Copyable) {
        let candidate = window.tail
        let mark = entries.mark(of: candidate)
        let hits = mark.hits
        let fingerprint = entries.fingerprint(of: candidate)
        history.sketch?.add(hits, to: fingerprint)
        window.remove(candidate, in: &entries)
        let weight = entries.weight(of: candidate)
        let isAdmitted: Bool
        switch configuration.rule {
        case .recency:
            isAdmitted = false
        case .age:
            isAdmitted =
                hits > 0
                && openMain(to: weight, isShort: isMainShort(after: 0), if: .any, whileFull: false, in: &entries)
        case .frequency:
            let count = history.sketch?.count(of: fingerprint) ?? hits
            let condition = Displacement.usedLess(than: count, orAsMuch: hits > 0)
            isAdmitted = openMain(
                to: weight, isShort: isMainShort(after: 0), if: condition, whileFull: false, in: &entries)
        }
        guard isAdmitted else {
            makeGhost(candidate, in: &entries)
            return
        }
        entries.setMark(mark.with(hits: 0), of: candidate)
        entries.setTime(clock, of: candidate)
        main.push(candidate, in: &entries)
    }

    // MARK: Configuration

    /// Follows the chooser. The rule changes at once, the window step by step with the misses to come.
    mutating func adopt(_ configuration: PolicyConfiguration) {
        self.configuration = configuration
    }

    /// Sets the capacity. The caller evicts until ``weight`` fits; the window goes to its new share with the misses to come.
    mutating func resize(capacity: Int) {
        self.capacity = max(1, capacity)
        windowCapacity = min(windowCapacity, Double(self.capacity))
    }

    /// Sizes what is remembered of keys for a number of entries, and empties it.
    mutating func resizeTables(entryCount: Int) {
        // Before anything is evicted nobody asks for the order of use, and a hit that finds its epoch written need not write.
        epochs.length = entryCount == 0 ? .max : max(1, Int(Double(entryCount) * parameters.epochShare))
        history = KeyHistory(entryCount: entryCount, keepsFrequencies: keepsFrequencies, parameters: parameters)
    }

    /// The memory of what is remembered of keys, in bytes.
    @inline(__always)
    var tableByteCount: Int { history.byteCount }

    /// Moves the window's capacity towards its share, by one entry for each miss.
    private mutating func moveWindow(by weight: Int) {
        let target = Self.windowSize(configuration.windowShare, of: capacity)
        if !wasFull {
            windowCapacity = target
        } else if windowCapacity > target {
            windowCapacity = max(target, windowCapacity - Double(weight))
        } else if windowCapacity < target {
            // Where recency rules, entries leave the window though main could shrink if they are older; what main was spared so is not saved up.
            let limit = configuration.rule == .recency ? min(target, Double(max(1, window.weight + weight))) : target
            windowCapacity = min(limit, windowCapacity + Double(weight))
        }
        updateCorrelatedAge(weight: self.weight, count: count)
    }

    /// - Parameters:
    ///   - weight: That of so many entries, which gives their mean.
    private mutating func updateCorrelatedAge(weight: Int, count: Int) {
        guard configuration.ignoresCorrelatedHits else {
            correlatedAge = 0
            return
        }
        let meanWeight = max(1, weight / max(1, count))
        let age = parameters.correlatedShare * windowCapacity / Double(meanWeight)
        correlatedAge = UInt32(min(age, 0x1p31).rounded(.up))
    }
}
