internal import Synchronization

/// Where a table's tree has its root in the snapshot that was last looked at: as long as nobody commits, lookups need not ask LMDB for it again.
///
/// Snapshots of one number are one: readers take it from a counter that goes up once a commit has succeeded. The map can move, and then has another number
/// (``EnvironmentHandle/mapNumber``).
struct RecentTree: ~Copyable, Sendable {
    // The snapshot's number would not do instead: another may come and go.
    private let lock = SequenceLock()
    /// The snapshot's number; 0 for none.
    private let snapshot = Atomic<UInt64>(0)
    private let mapNumber = Atomic<UInt64>(0)
    private let mapStart = Atomic<UInt>(0)
    private let pageCount = Atomic<UInt64>(0)
    private let root = Atomic<UInt64>(0)
    private let depth = Atomic<Int>(0)

    /// The search of the tree as it is in a snapshot, by whose reader this is called; `nil` if another was looked at since.
    ///
    /// - Parameters:
    ///   - map: The number of the map.
    ///   - pageSize: That of the file's pages.
    @inline(__always)
    func search(in snapshot: UInt64, map: UInt64, pageSize: Int) -> TreeSearch? {
        guard snapshot != 0, let sequence = lock.beginReading(), self.snapshot.load(ordering: .relaxed) == snapshot,
            mapNumber.load(ordering: .relaxed) == map,
            let start = unsafe UnsafeRawPointer(bitPattern: mapStart.load(ordering: .relaxed))
        else { return nil }
        let search = unsafe TreeSearch(
            root: root.load(ordering: .relaxed), depth: depth.load(ordering: .relaxed),
            in: MappedPages(start: start, size: pageSize, count: pageCount.load(ordering: .relaxed)))
        return lock.isUnchanged(since: sequence) ? search : nil
    }

    /// Remembers the search of the tree as it is in a snapshot, unless another thread is just remembering one.
    func remember(_ search: TreeSearch, in snapshot: UInt64, map: UInt64) {
        guard lock.tryToBeginWriting() else { return }
        self.snapshot.store(snapshot, ordering: .relaxed)
        mapNumber.store(map, ordering: .relaxed)
        mapStart.store(search.pages.address, ordering: .relaxed)
        pageCount.store(search.pages.count, ordering: .relaxed)
        root.store(search.root, ordering: .relaxed)
        depth.store(search.depth, ordering: .relaxed)
        lock.endWriting()
    }
}
