internal import Synchronization

/// The shards, each behind its lock, side by side in memory that never moves.
///
/// An array of objects would cost a retain and a release on each lookup, of a counter that all threads share.
@safe
struct ShardTable: ~Copyable, @unchecked Sendable {
    /// A shard's lock, on lines of its own.
    private struct Cell: ~Copyable {
        /// Where the index lay lately, on the line of the lock.
        let indexAddress = Atomic<UInt>(0)
        let indexRows = Atomic<UInt64>(0)
        let state: Mutex<MemoryShard>
        // Two lines, because processors fetch them in pairs.
        private let padding: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
        private let more: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)

        init(_ shard: consuming sending MemoryShard) {
            state = Mutex(shard)
        }
    }

    private let cells: UnsafeMutablePointer<Cell>
    /// The number of shards.
    let count: Int

    init(count: Int, _ makeShard: () -> MemoryShard) {
        self.count = count
        unsafe cells = .allocate(capacity: count)
        for index in 0..<count { unsafe (cells + index).initialize(to: Cell(makeShard())) }
    }

    deinit {
        unsafe cells.deinitialize(count: count)
        unsafe cells.deallocate()
    }

    var indices: Range<Int> { 0..<count }

    /// Brings the line of a shard's index where a fingerprint stands closer, while the lock is yet to be taken.
    @inline(__always)
    func prefetch(_ fingerprint: UInt32, in index: Int) {
        assert(index >= 0 && index < count)
        let address = unsafe cells[index].indexAddress.load(ordering: .relaxed)
        let rows = unsafe cells[index].indexRows.load(ordering: .relaxed)
        EntryIndex.Place(address: address, rows: rows).prefetch(fingerprint)
    }

    /// Says where a shard's index lies now. Under the shard's lock.
    @inline(__always)
    func publish(_ place: EntryIndex.Place, of index: Int) {
        unsafe cells[index].indexAddress.store(place.address, ordering: .relaxed)
        unsafe cells[index].indexRows.store(place.rows, ordering: .relaxed)
    }

    /// Runs `body` with a shard, under its lock.
    @inline(__always)
    func withLock<Result>(_ index: Int, _ body: (inout sending MemoryShard) -> sending Result) -> sending Result {
        assert(index >= 0 && index < count)
        return unsafe cells[index].state.withLock(body)
    }
}
