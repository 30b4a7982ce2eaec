extension MemoryShard {
    /// Whether there is an entry of the key that is not older than `floor`.
    func holds(_ key: MemoryKey, floor: UInt64) -> Bool {
        let entry = entries.find(key.bytes.span, UInt32(truncatingIfNeeded: key.hash), keyspace: key.keyspace)
        return entry != 0 && entries.arena.state(entry).version >= floor
    }

    /// The value of an entry: retained if it lies elsewhere, copied into a new array if it lies in the block.
    func value(_ found: ShardView.Found) -> MemoryValue {
        let view = entries.view
        if let outside = view.outsideValue(of: found) { return unsafe outside.retain() }
        return .bytes(view.inlineValue(of: found)?.array ?? [])
    }

    /// Whether the last step left something to be done without the lock.
    var needsCare: Bool { entries.removed.isPending || feed.isFull || wantsShadows }

    /// Takes what is to be done without the lock.
    mutating func takeLeftovers() -> (
        objects: [any AnyObject & Sendable], notices: [RemovalNotice], accesses: [ShadowFeed.Access], wantsShadows: Bool
    ) {
        let leftovers = (entries.removed.objects, entries.removed.notices, feed.isFull ? feed.take() : [], wantsShadows)
        entries.removed.clear()
        wantsShadows = false
        return leftovers
    }
}
