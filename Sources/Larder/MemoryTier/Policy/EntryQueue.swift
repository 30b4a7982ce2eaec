/// A doubly linked queue of entries, newest at the head, with its total weight.
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

    init(kind: QueueKind) {
        self.kind = kind
    }

    var isEmpty: Bool { tail == 0 }

    /// Adds an entry at the head.
    mutating func push(_ entry: EntryReference, in entries: inout some PolicyEntries & ~Copyable) {
        entries.setOlder(head, than: entry)
        entries.setNewer(0, than: entry)
        entries.setQueue(kind, of: entry)
        if head == 0 { tail = entry } else { entries.setNewer(entry, than: head) }
        head = entry
        count += 1
        weight += entries.weight(of: entry)
    }

    /// Takes an entry out, wherever it stands.
    mutating func remove(_ entry: EntryReference, in entries: inout some PolicyEntries & ~Copyable) {
        let newer = entries.newer(than: entry)
        let older = entries.older(than: entry)
        if newer == 0 { head = older } else { entries.setOlder(older, than: newer) }
        if older == 0 { tail = newer } else { entries.setNewer(newer, than: older) }
        count -= 1
        weight -= entries.weight(of: entry)
    }

    /// Moves the oldest entry to the head.
    mutating func rotate(in entries: inout some PolicyEntries & ~Copyable) {
        guard tail != head else { return }
        let entry = tail
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
        weight += entries.weight(of: other) - oldWeight
    }
}
