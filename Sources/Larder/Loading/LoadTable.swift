internal import Synchronization

/// The loads under way: one for each missing key, however many ask (single flight).
///
/// A load stays in the table until its value is committed, so that further readers join it. A write of its key takes it out: whoever
/// waits is answered, nobody joins any more, and its value, which may be older than the write, is not kept.
final class LoadTable: Sendable {
    private let loads = Mutex<[MemoryKey: any AnyLoad]>([:])
    private let count = Atomic<Int>(0)

    /// The load of a key, or a new one put in its place if there is none that lets the caller `join`; whether it is new.
    func load<Value>(
        of key: MemoryKey, join: (Load<Value>) -> Bool, make: () -> Load<Value>
    ) -> (Load<Value>, isNew: Bool) {
        loads.withLock { loads in
            if let load = loads[key] as? Load<Value>, join(load) { return (load, false) }
            loads[key]?.invalidate()
            let load = make()
            loads[key] = load
            count.store(loads.count, ordering: .sequentiallyConsistent)
            return (load, true)
        }
    }

    /// Whether no load is under way.
    var isEmpty: Bool {
        count.load(ordering: .sequentiallyConsistent) == 0
    }

    /// The load of a key that is under way, if there is one.
    func current(_ key: MemoryKey) -> (any AnyLoad)? {
        loads.withLock { $0[key] }
    }

    /// Takes a load out that is done, if it is still there.
    func remove(_ load: any AnyLoad, of key: MemoryKey) {
        loads.withLock { loads in
            if loads[key] === load { loads[key] = nil }
            count.store(loads.count, ordering: .sequentiallyConsistent)
        }
    }

    /// The key is about to change, or was to be removed: what is being loaded may be older.
    func invalidate(_ key: MemoryKey) {
        guard count.load(ordering: .sequentiallyConsistent) > 0 else { return }
        loads.withLock { loads in
            loads.removeValue(forKey: key)?.invalidate()
            count.store(loads.count, ordering: .sequentiallyConsistent)
        }
    }

    /// A commit is about to remove everything in a cache.
    func invalidateAll(in keyspace: Keyspace) {
        guard count.load(ordering: .sequentiallyConsistent) > 0 else { return }
        loads.withLock { loads in
            for (key, load) in loads where key.keyspace == keyspace.memoryNumber {
                load.invalidate()
                loads[key] = nil
            }
            count.store(loads.count, ordering: .sequentiallyConsistent)
        }
    }
}

/// A load of whatever type.
protocol AnyLoad: AnyObject, Sendable {
    /// Nobody may join it any more, and its value is not kept.
    func invalidate()
}
