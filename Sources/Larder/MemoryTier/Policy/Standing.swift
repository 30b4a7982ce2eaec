/// What an entry has earned: the queue that it stands in and its hits. It is kept for a key whose value is replaced, since the key is asked for
/// as often as before: what is often written would otherwise prove itself anew after each write.
struct Standing: Equatable, Sendable {
    var queue: QueueKind
    var hits: UInt8
}

extension EvictionPolicy {
    /// What an entry has earned.
    func standing(of entry: EntryReference, in entries: borrowing some PolicyEntries & ~Copyable) -> Standing {
        Standing(queue: entries.queue(of: entry), hits: entries.mark(of: entry).hits)
    }

    /// The mark that a newcomer is to have: in use now, with so many hits to its credit.
    @inline(__always)
    func mark(ofNewcomerWith hits: UInt8) -> UseMark { UseMark(hits: hits, epoch: window.epoch) }
}
