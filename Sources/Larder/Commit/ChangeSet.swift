/// What a transaction, or a batch of them, changes in memory: one change for each key, the last one made.
final class ChangeSet {
    /// A key's change.
    struct Change {
        var keyspace: Keyspace
        var key: MemoryKey
        /// What memory shall hold; `nil` if the key was removed, or is better read again.
        var value: MemoryValue?
        var expiry: Milliseconds
    }

    private(set) var changes: [Change] = []
    /// Caches of which everything was removed.
    private(set) var cleared: [Keyspace] = []
    /// Bytes of payload written.
    var payloadBytes = 0

    /// Whether the durable tier was changed in a way that memory need not know of.
    var countsAsChanged = false

    private var slots: [UInt64: Int] = [:]

    var isEmpty: Bool {
        changes.isEmpty && cleared.isEmpty && !countsAsChanged
    }

    /// Whether the key is changed here.
    func touches(_ key: MemoryKey, in keyspace: Keyspace) -> Bool {
        slots[key.hash] != nil || cleared.contains { $0 === keyspace }
    }

    /// Adds a change, in place of an earlier one of the same key.
    func add(_ change: Change) {
        guard let slot = slots[change.key.hash] else {
            slots[change.key.hash] = changes.count
            changes.append(change)
            return
        }
        if changes[slot].key == change.key {
            changes[slot] = change
        } else {
            // Two keys of one hash: both are marked and neither is kept, since the tier holds only one of them.
            changes[slot].value = nil
            var change = change
            change.value = nil
            changes.append(change)
        }
    }

    /// Adds that all of a cache was removed.
    func addClear(of keyspace: Keyspace) {
        for slot in changes.indices where changes[slot].keyspace === keyspace { changes[slot].value = nil }
        cleared.append(keyspace)
    }

    /// Adds the changes of a transaction that came after those so far.
    func add(contentsOf later: ChangeSet) {
        for keyspace in later.cleared { addClear(of: keyspace) }
        for change in later.changes { add(change) }
        payloadBytes += later.payloadBytes
        if later.countsAsChanged { countsAsChanged = true }
    }
}
