/// What a transaction, or a batch of them, changes in memory: one change for each key, the last one made.
///
/// Of the many keys of a large transaction memory only lets go: they are read again when they are wanted, and what it holds of other
/// keys is not displaced by them. Of a cache of which even more keys change, only that is kept: its entries then stop answering together,
/// as when all of it is removed.
struct ChangeSet: ~Copyable {
    /// A key's change.
    struct Change {
        var keyspace: Keyspace
        var key: MemoryKey
        /// What memory shall hold; `nil` if the key was removed, or is better read again.
        var value: MemoryValue?
        var expiry: Milliseconds
        /// Whether loads of the key go on: this is the value of one, or the key's time had come. Those who ask meanwhile go on joining them.
        var isLoaded = false
        /// What the entry that memory had of the key had earned.
        var standing: Standing?
    }

    /// How many keys of one transaction memory takes the values of.
    static let maximumInstalled = 256
    /// How many keys of a transaction are told to memory one by one.
    static let maximumChanges = 16_384

    private(set) var changes: [Change] = []
    /// Further keys that were changed. A key may be in both, and here more than once.
    private(set) var invalidated = InvalidatedKeys()
    /// Caches of which nothing from before may answer.
    private(set) var cleared: [Keyspace] = []
    /// Keys written or removed, however they are kept.
    private(set) var count = 0
    /// Bytes of payload written.
    var payloadBytes = 0
    /// What was to be written, as far as a budget on disk is concerned.
    var wantedRoom = WantedRoom()
    /// Whether the durable tier was changed in a way that memory need not know of.
    var countsAsChanged = false

    /// Whether the store may hold claims on keys, once somebody has looked.
    var hasClaims: Bool?

    /// The order in which the transaction writes.
    var run = SortedRun()
    /// The last key that was compared with the one before it.
    private var lastKey = KeyBytes()

    /// Keys that were to be removed and were not there. Nothing changes, but what is being loaded for them may be what was to go.
    private(set) var absentKeys: [MemoryKey] = []
    /// Caches of which a range was removed: the same may be true of any key in it.
    private(set) var thinned: [Keyspace] = []

    private var index = ChangeIndex()
    private var absentHashes: Set<UInt64> = []

    /// Whether the durable tier is not changed at all.
    var isEmpty: Bool {
        count == 0 && cleared.isEmpty && !countsAsChanged
    }

    /// Whether the key is changed here, or removed though it was not there.
    func touches(_ key: MemoryKey, in keyspace: Keyspace) -> Bool {
        slot(key.hash) != nil || invalidated.contains(hash: key.hash) || absentHashes.contains(key.hash)
            || isCleared(keyspace)
            || thinned.contains { $0 === keyspace }
    }

    /// Where the change of the key of this hash is.
    private func slot(_ hash: UInt64) -> Int? {
        if index.isEmpty { return changes.firstIndex { $0.key.hash == hash } }
        return index.position(of: hash) { changes[$0].key.hash }
    }

    /// Up to so many changes are searched one by one, which costs less than an index.
    private static let unindexed = 8

    private func isCleared(_ keyspace: Keyspace) -> Bool {
        cleared.contains { $0 === keyspace }
    }

    /// Whether a change of this cache needs no key.
    func isTold(of keyspace: Keyspace) -> Bool {
        changes.count + invalidated.count >= Self.maximumChanges || !cleared.isEmpty && isCleared(keyspace)
    }

    /// Whether it is worth a try to append a key.
    @inline(__always)
    mutating func isInOrder(_ key: Span<UInt8>, in keyspace: Keyspace) -> Bool {
        if isOfOneKey { return false }
        return run.isBulkLoad(of: keyspace) || isContinued(by: key, in: keyspace)
    }

    private mutating func isContinued(by key: Span<UInt8>, in keyspace: Keyspace) -> Bool {
        let isAscending = lastKey.withBytes { isLess($0, key) }
        lastKey.removeAll()
        lastKey.append(key)
        return run.isContinued(in: keyspace, isAscending: isAscending)
    }

    /// Counts a key that was not there before, of which memory can hold nothing and need not hear.
    mutating func addNewKey() {
        count += 1
    }

    /// Counts a change of a key, as part of that of its whole cache.
    mutating func addKey(of keyspace: Keyspace) {
        count += 1
        if !isCleared(keyspace) { addClear(of: keyspace) }
    }

    /// Whether memory takes the value of a change that is added now.
    var isInstalling: Bool {
        changes.count < installLimit
    }

    private let installLimit: Int
    /// Whether they are the changes of a transaction that writes one key.
    private var isOfOneKey: Bool

    /// - Parameters:
    ///   - isBatch: Whether these are the changes of several transactions, each of which has had its limit.
    ///   - isOfOneKey: Whether they are those of a transaction that writes one key.
    init(isBatch: Bool = false, isOfOneKey: Bool = false) {
        installLimit = isBatch ? .max : Self.maximumInstalled
        self.isOfOneKey = isOfOneKey
    }

    /// Forgets everything and keeps the memory, for the next transaction.
    mutating func reset(isOfOneKey: Bool) {
        self.isOfOneKey = isOfOneKey
        // What is empty is left alone: in a batch of single keys that is nearly all.
        if !changes.isEmpty { changes.removeAll(keepingCapacity: true) }
        index.removeAll()
        if !invalidated.isEmpty { invalidated.removeAll() }
        if !cleared.isEmpty { cleared = [] }
        if !absentKeys.isEmpty { (absentKeys, absentHashes) = ([], []) }
        if !thinned.isEmpty { thinned = [] }
        lastKey.removeAll()
        run = SortedRun()
        count = 0
        payloadBytes = 0
        wantedRoom = WantedRoom()
        countsAsChanged = false
        hasClaims = nil
    }

    /// Adds a key that was changed, of which memory is only to let go.
    mutating func addInvalidation(of key: Span<UInt8>, hash: UInt64, in keyspace: Keyspace) {
        if isTold(of: keyspace) { return addKey(of: keyspace) }
        count += 1
        invalidated.append(key, hash: hash, keyspace: keyspace.memoryNumber)
        if let slot = slot(hash) { changes[slot].value = nil }
    }

    /// Adds a change, in place of an earlier one of the same key.
    mutating func add(_ change: consuming Change) {
        guard isInstalling || change.isLoaded else {
            return addInvalidation(of: change.key.bytes.span, hash: change.key.hash, in: change.keyspace)
        }
        if isTold(of: change.keyspace) { return addKey(of: change.keyspace) }
        count += 1
        guard let slot = slot(change.key.hash) else {
            changes.append(change)
            if changes.count >= Self.unindexed {
                let first = index.isEmpty ? 0 : changes.count - 1
                for slot in first..<changes.count { index.insert(slot) { changes[$0].key.hash } }
            }
            return
        }
        if changes[slot].key == change.key {
            changes[slot] = change
        } else {
            // Two keys of one hash: both are marked and neither is kept, since the tier holds only one of them.
            for other in changes.indices where changes[other].key.hash == change.key.hash { changes[other].value = nil }
            change.value = nil
            changes.append(change)
        }
    }

    /// Notes what the entry had earned that memory has let go of for a change.
    mutating func note(_ standing: Standing?, at index: Int) {
        changes[index].standing = standing
    }

    private mutating func addInvalidations(of later: borrowing ChangeSet) {
        guard !later.invalidated.isEmpty else { return }
        invalidated.append(contentsOf: later.invalidated)
        later.invalidated.forEach { _, hash, _ in
            if let slot = slot(hash) { changes[slot].value = nil }
        }
    }

    /// Adds what leaves the store with a commit to make room. Memory only lets go of it, so that it takes up none of what is installed.
    mutating func add(evicted: borrowing ChangeSet) {
        for change in evicted.changes {
            addInvalidation(of: change.key.bytes.span, hash: change.key.hash, in: change.keyspace)
        }
        count += evicted.invalidated.count
        addInvalidations(of: evicted)
        for keyspace in evicted.cleared { addClear(of: keyspace) }
        if evicted.countsAsChanged { countsAsChanged = true }
    }

    /// Adds that a key was to be removed and was not there.
    mutating func addAbsent(_ key: MemoryKey) {
        if absentHashes.insert(key.hash).inserted { absentKeys.append(key) }
    }

    /// Adds that a range of a cache was removed.
    mutating func addThinned(_ keyspace: Keyspace) {
        if !thinned.contains(where: { $0 === keyspace }) { thinned.append(keyspace) }
    }

    /// Adds that nothing of a cache from before may answer, because all of it was removed or much of it has changed.
    mutating func addClear(of keyspace: Keyspace) {
        // What was written before is read again: after a removal it is gone.
        for slot in changes.indices where changes[slot].keyspace === keyspace { changes[slot].value = nil }
        if !isCleared(keyspace) { cleared.append(keyspace) }
    }

    /// Adds the changes of a transaction that came after those so far, which is to be reset before it is used again.
    mutating func add(takenFrom later: inout ChangeSet) {
        let counted = count + later.count
        for keyspace in later.cleared { addClear(of: keyspace) }
        if later.changes.count == 1 {
            // Moved, not copied.
            add(later.changes.removeLast())
        } else {
            for change in later.changes { add(change) }
        }
        addInvalidations(of: later)
        for key in later.absentKeys { addAbsent(key) }
        for keyspace in later.thinned { addThinned(keyspace) }
        count = counted
        payloadBytes += later.payloadBytes
        wantedRoom.add(later.wantedRoom)
        if later.countsAsChanged { countsAsChanged = true }
    }
}
