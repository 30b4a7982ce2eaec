/// A doubly linked queue of entries, newest at the head, with its total weight.
///
/// It also knows the newest entry of each of the last 16 epochs, so that an entry can be put where its last use belongs.
///
/// The links live in the entries, so every operation is O(1) and allocates nothing.
struct EntryQueue: Sendable {
    /// The queue's name, written into its entries.
    let kind: QueueKind
    /// The newest entry, 0 when empty.
    private(set) var head: EntryReference = 0
    /// The oldest entry, 0 when empty.
    private(set) var tail: EntryReference = 0
    /// The number of entries.
    private(set) var count = 0
    /// The sum of the entries' weights.
    private(set) var weight = 0
    private var marks = EpochMarks()

    init(kind: QueueKind) {
        self.kind = kind
    }

    var isEmpty: Bool { tail == 0 }

    // MARK: Epochs

    /// The present epoch, 0...15.
    @inline(__always)
    var epoch: UInt8 { marks.epoch }

    /// Begins an epoch.
    mutating func beginEpoch() { marks.begin() }

    /// How many epochs ago the oldest entry belongs, 16 if to none that is remembered.
    @inline(__always)
    var tailAge: UInt8 { marks.oldestAge }

    /// Lets the entry before this one, if it belongs to the same epoch, stand for the epoch.
    @inline(__always)
    private mutating func unmark(_ entry: EntryReference, older: EntryReference) {
        guard older == 0 else { return unmarkInside(entry, older: older) }
        // The last one of a queue can stand for the oldest epoch alone, and nothing is before it: that is all an eviction has to look at.
        let age = marks.oldestAge
        if age < EpochMarks.count, marks[age] == entry { marks[age] = 0 }
    }

    @inline(never)
    private mutating func unmarkInside(_ entry: EntryReference, older: EntryReference) {
        guard let age = marks.age(of: entry) else { return }
        marks[age] = older == marks.newest(from: age + 1) ? 0 : older
    }

    // MARK: Entries

    /// Adds an entry at the head.
    mutating func push(_ entry: EntryReference, in entries: inout some PolicyEntries & ~Copyable) {
        insert(entry, after: head, in: &entries)
        marks[0] = entry
    }

    /// Adds an entry as the newest of the epoch that began `age` epochs ago, 0...15.
    mutating func insert(_ entry: EntryReference, age: UInt8, in entries: inout some PolicyEntries & ~Copyable) {
        insert(entry, after: marks.newest(from: age), in: &entries)
        marks[age] = entry
    }

    /// Adds an entry next to an older one, or as the oldest if that is 0.
    @inline(__always)
    private mutating func insert(
        _ entry: EntryReference, after older: EntryReference, in entries: inout some PolicyEntries & ~Copyable
    ) {
        let newer = older == head ? 0 : older == 0 ? tail : entries.newer(than: older)
        entries.setOlder(older, than: entry)
        entries.setNewer(newer, than: entry)
        entries.setQueue(kind, of: entry)
        if newer == 0 { head = entry } else { entries.setOlder(entry, than: newer) }
        if older == 0 { tail = entry } else { entries.setNewer(entry, than: older) }
        count += 1
        weight += entries.weight(of: entry)
    }

    /// Takes an entry out, wherever it stands.
    mutating func remove(_ entry: EntryReference, in entries: inout some PolicyEntries & ~Copyable) {
        let newer = entries.newer(than: entry)
        let older = entries.older(than: entry)
        unmark(entry, older: older)
        if newer == 0 { head = older } else { entries.setOlder(older, than: newer) }
        if older == 0 { tail = newer } else { entries.setNewer(newer, than: older) }
        count -= 1
        weight -= entries.weight(of: entry)
    }

    /// Moves the oldest entry to the head.
    mutating func rotate(in entries: inout some PolicyEntries & ~Copyable) {
        let entry = tail
        unmark(entry, older: 0)
        marks[0] = entry
        guard tail != head else { return }
        tail = entries.newer(than: entry)
        entries.setOlder(0, than: tail)
        entries.setNewer(entry, than: head)
        entries.setOlder(head, than: entry)
        entries.setNewer(0, than: entry)
        head = entry
    }

    /// Records that an entry has moved: `other` has its links.
    mutating func replace(
        _ entry: EntryReference, by other: EntryReference, oldWeight: Int,
        in entries: inout some PolicyEntries & ~Copyable
    ) {
        let newer = entries.newer(than: other)
        let older = entries.older(than: other)
        if newer == 0 { head = other } else { entries.setOlder(other, than: newer) }
        if older == 0 { tail = other } else { entries.setNewer(other, than: older) }
        if let age = marks.age(of: entry) { marks[age] = other }
        weight += entries.weight(of: other) - oldWeight
    }
}
