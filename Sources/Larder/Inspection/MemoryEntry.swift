/// An entry in memory, as ``Store/hottestEntries(_:)`` and ``Store/coldestEntries(_:)`` show it.
public struct MemoryEntry: Hashable, Sendable {
    /// The name of its cache.
    public var cacheName: String
    /// Its encoded key.
    public var key: [UInt8]
    /// The bytes that it is charged, bookkeeping in its block included.
    public var bytes: Int
    /// Hits that it may still spend on staying: 0 to 3.
    public var hits: Int
    /// Whether it has been used again and stands among those that stay, rather than in the window of what is new.
    public var isProven: Bool
    /// How many entries have been brought into its shard since it was, or since the policy last looked at it.
    public var age: Int
}

/// How many entries are how large or how old, by powers of two.
public struct MemoryHistogram: Hashable, Sendable {
    /// Element *i* counts those of 2^*i* up to 2^(*i* + 1) - 1, the first also those of 0. Ends with the last that is not 0.
    public var counts: [Int]

    /// The range that an element stands for.
    public static func range(of index: Int) -> Range<Int> {
        (index == 0 ? 0 : 1 << index)..<(2 << index)
    }
}

/// An entry that has left memory, as a listener hears of it; see ``StoreOptions/removalListener``.
public struct RemovedEntry: Hashable, Sendable {
    /// The name of its cache.
    public var cacheName: String
    /// Its encoded key.
    public var key: [UInt8]
    /// Why it left.
    public var cause: RemovalCause
}
