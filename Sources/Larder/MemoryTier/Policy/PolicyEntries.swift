/// Names an entry inside one ``PolicyEntries`` storage; zero names none.
typealias EntryReference = UInt32

/// Which queue of the policy an entry stands in.
enum QueueKind: UInt8, Sendable {
    /// The FIFO queue in which new entries prove themselves.
    case window = 0
    /// The CLOCK that holds entries that were used again.
    case main = 1
}

/// What an eviction policy needs to know of the entries that it ranks.
///
/// The policy keeps no memory per entry of its own: links, mark and time live beside the entry, so that a hit touches no line but the
/// entry's and that of the index. The memory tier implements this over its blocks, the shadow caches over plain arrays.
protocol PolicyEntries: ~Copyable {
    /// The bytes (or whatever unit the capacity has) that an entry takes. Constant while the entry stands in a queue.
    func weight(of entry: EntryReference) -> Int
    /// 32 well-mixed bits of the key's hash.
    func fingerprint(of entry: EntryReference) -> UInt32
    /// What is known of the entry's use.
    func mark(of entry: EntryReference) -> UseMark
    /// Replaces what is known of the entry's use.
    mutating func setMark(_ mark: UseMark, of entry: EntryReference)
    /// The policy's clock when the entry was inserted, or was last used before its last second chance.
    func time(of entry: EntryReference) -> UInt32
    /// Replaces the time.
    mutating func setTime(_ time: UInt32, of entry: EntryReference)
    /// The queue in which the entry stands.
    func queue(of entry: EntryReference) -> QueueKind
    /// Records the queue in which the entry stands.
    mutating func setQueue(_ queue: QueueKind, of entry: EntryReference)
    /// The neighbour inserted after the entry, 0 at the head.
    func newer(than entry: EntryReference) -> EntryReference
    /// Replaces the neighbour inserted after the entry.
    mutating func setNewer(_ neighbour: EntryReference, than entry: EntryReference)
    /// The neighbour inserted before the entry, 0 at the tail.
    func older(than entry: EntryReference) -> EntryReference
    /// Replaces the neighbour inserted before the entry.
    mutating func setOlder(_ neighbour: EntryReference, than entry: EntryReference)
    /// Brings closer what will be read of an entry when it leaves its queue, and of its newer neighbour. A hint.
    func prefetch(_ entry: EntryReference)
    /// Called once for each victim, after it has left its queue: forget its key and free it.
    mutating func discard(_ victim: EntryReference)
}
