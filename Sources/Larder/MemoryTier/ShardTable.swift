internal import Synchronization

/// The shards, each behind its lock, side by side in memory that never moves, and before them what a lookup without the lock needs of each.
///
/// An array of objects would cost a retain and a release on each lookup, of a counter that all threads share.
@safe
struct ShardTable: ~Copyable, @unchecked Sendable {
    // Unchecked: the pointers never change, and what they point to is a lock or atomic.

    private let fronts: UnsafeMutablePointer<ShardFront>
    private let shards: UnsafeMutablePointer<Mutex<MemoryShard>>
    /// The number of shards.
    let count: Int
    /// What of a number names a shard.
    private let mask: Int

    /// - Parameter count: A power of two, or 0: then there is a shard 0 whose lookups without the lock come to nothing.
    init(count: Int, _ makeShard: () -> MemoryShard) {
        self.count = count
        mask = max(1, count) - 1
        let byteCount = (mask + 1) * MemoryLayout<ShardFront>.stride
        unsafe fronts = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 128)
            .bindMemory(to: ShardFront.self, capacity: mask + 1)
        for index in 0...mask { unsafe (fronts + index).initialize(to: ShardFront(isReadable: count > 0)) }
        unsafe shards = .allocate(capacity: count)
        for index in 0..<count {
            let shard = makeShard()
            unsafe fronts[index].show(shard)
            unsafe (shards + index).initialize(to: Mutex(shard))
        }
    }

    deinit {
        unsafe shards.deinitialize(count: count)
        unsafe shards.deallocate()
        unsafe fronts.deinitialize(count: mask + 1)
        unsafe UnsafeMutableRawPointer(fronts).deallocate()
    }

    var indices: Range<Int> { 0..<count }

    /// The shard that a number chooses.
    @inline(__always)
    func index(_ number: UInt64) -> Int { Int(truncatingIfNeeded: number) & mask }

    // MARK: Without the lock

    /// Runs `body` with what a shard shows to lookups without its lock.
    @inline(__always)
    func withFront<Result>(_ index: Int, _ body: (borrowing ShardFront) -> Result) -> Result {
        assert(index >= 0 && index <= mask)
        return unsafe body(fronts[index])
    }

    /// Tells a shard's policy what lookups have used; see ``ShardFront/countUse()``. If someone has the lock, a later lookup does so, or whoever changes the shard.
    @inline(never)
    func handUses(_ index: Int) {
        _ = unsafe shards[index].withLockIfAvailable { shard in
            unsafe fronts[index].beginWriting(&shard)
            unsafe fronts[index].endWriting(shard)
        }
    }

    // MARK: With it

    /// Runs `body`, which changes nothing that a lookup sees, with a shard under its lock.
    @inline(__always)
    func withLock<Result>(_ index: Int, _ body: (inout sending MemoryShard) -> sending Result) -> sending Result {
        assert(index >= 0 && index < count)
        return unsafe shards[index].withLock(body)
    }

    /// As ``withLock(_:_:)``, or returns nil if someone has the lock.
    @inline(__always)
    func withLockIfAvailable<Result>(
        _ index: Int, _ body: (inout sending MemoryShard) -> sending Result
    ) -> sending Result? {
        assert(index >= 0 && index < count)
        return unsafe shards[index].withLockIfAvailable(body)
    }

    /// Runs `body`, which may change the shard, under its lock.
    @inline(__always)
    func update<Result>(_ index: Int, _ body: (inout sending MemoryShard) -> sending Result) -> sending Result {
        assert(index >= 0 && index < count)
        return unsafe shards[index].withLock { shard in
            unsafe fronts[index].beginWriting(&shard)
            let result = body(&shard)
            unsafe fronts[index].endWriting(shard)
            return result
        }
    }
}
