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

    private static let epochs: UInt8 = 16
    /// The newest entry of each epoch, 0 if it has none.
    private var newest = [EntryReference](repeating: 0, count: Int(epochs))
    /// The present epoch, 0...15.
    private(set) var epoch: UInt8 = 0

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
        newest[Int(epoch)] = entry
        count += 1
        weight += entries.weight(of: entry)
    }

    /// Adds an entry as the newest of the epoch that began `age` epochs ago, 0...15.
    mutating func insert(_ entry: EntryReference, age: UInt8, in entries: inout some PolicyEntries & ~Copyable) {
        let older = newest(age: age)
        guard older != head else {
            push(entry, in: &entries)
            newest[Int(epoch)] = age == 0 ? entry : 0
            newest[slot(age)] = entry
            return
        }
        let newer = older == 0 ? tail : entries.newer(than: older)
        entries.setOlder(older, than: entry)
        entries.setNewer(newer, than: entry)
        entries.setQueue(kind, of: entry)
        entries.setOlder(entry, than: newer)
        if older == 0 { tail = entry } else { entries.setNewer(entry, than: older) }
        newest[slot(age)] = entry
        count += 1
        weight += entries.weight(of: entry)
    }

    /// Begins an epoch. What is left of the one 16 epochs ago counts as older than any.
    mutating func beginEpoch() {
        epoch = (epoch + 1) % Self.epochs
        newest[Int(epoch)] = 0
    }

    /// How many epochs ago the oldest entry belongs, 16 if to none that is remembered.
    var tailAge: UInt8 {
        var age = Self.epochs
        while age > 0, newest[slot(age - 1)] == 0 { age -= 1 }
        return age == 0 ? Self.epochs : age - 1
    }

    private func slot(_ age: UInt8) -> Int { Int((epoch &- age) % Self.epochs) }

    /// The newest entry of that age or older, 0 if there is none.
    private func newest(age: UInt8) -> EntryReference {
        var age = age
        while age < Self.epochs {
            if newest[slot(age)] != 0 { return newest[slot(age)] }
            age += 1
        }
        return 0
    }

    /// Lets the entry before this one, if it belongs to the same epoch, stand for the epoch.
    private mutating func unmark(_ entry: EntryReference, older: EntryReference) {
        for age in 0..<Self.epochs where newest[slot(age)] == entry {
            newest[slot(age)] = older == newest(age: age + 1) ? 0 : older
        }
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
        newest[Int(epoch)] = entry
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
        for index in newest.indices where newest[index] == entry { newest[index] = other }
        weight += entries.weight(of: other) - oldWeight
    }
}
