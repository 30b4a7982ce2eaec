import Foundation
@_spi(Benchmarks) import Larder
import Synchronization

/// Traces replayed through Larder's own memory tier: the tier of a store, with its shards, locks and budget of bytes.
///
/// The tier counts bytes, a replay objects or the sizes of a trace. So each object is charged as so many bytes that what the tier spends on
/// bookkeeping is nothing beside them: no cell holds more than it says, and at most one object in a thousand less.
enum LarderReplay {
    /// What an object of unit size is charged, in bytes.
    private static let unit = 4 << 20
    /// What a byte of a sized object is charged, in bytes.
    private static let scale = 64
    /// What the tier adds to an entry's cost: the block with the header and a key of eight bytes.
    private static let header = 48
    /// An entry of 16 + 100 bytes with its bookkeeping: what decides how many shards a store for so many objects would have.
    private static let usualEntry = 180
    /// What an object of unit size is given as its cost.
    static let unitCost = unit - header

    /// The processors of the machine whose stores are meant, so that a replay counts the same everywhere: from so many on a store has its most shards.
    private static let processors = 16

    /// A tier that holds at most `objects` entries of ``unit``.
    static func makeTier(objects: Int, shards: Int?) -> StandaloneMemory {
        let usual = StandaloneMemory.shardCount(for: .bytes(objects * usualEntry), processors: processors)
        // Half a unit is for the shadows, the index and the ghosts, and too little for one more object.
        return StandaloneMemory(capacity: .bytes(objects * unit + unit / 2), shardCount: shards ?? usual)
    }

    /// The hits of a trace whose objects all have unit size.
    ///
    /// - Parameters:
    ///   - threads: So many take turns at the requests, 64 at a time.
    ///   - shards: By default what a store with room for so many usual entries has, on a machine with sixteen processors or more.
    static func hits(_ trace: Trace, objects: Int, threads: Int = 1, shards: Int? = nil) -> Int {
        let tier = makeTier(objects: objects, shards: shards)
        let next = Atomic<Int>(0)
        let hits = Atomic<Int>(0)
        let chunk = threads == 1 ? trace.keys.count : 64
        @Sendable func replay() {
            var own = 0
            while true {
                let start = next.add(chunk, ordering: .relaxed).oldValue
                guard start < trace.keys.count else { break }
                for key in trace.keys[start..<min(start + chunk, trace.keys.count)]
                where request(key, cost: unitCost, from: tier) { own += 1 }
            }
            hits.add(own, ordering: .relaxed)
        }
        if threads == 1 {
            replay()
        } else {
            DispatchQueue.concurrentPerform(iterations: threads) { _ in replay() }
        }
        precondition(tier.statistics.entries <= objects, "the tier holds more objects than it may")
        return hits.load(ordering: .relaxed)
    }

    /// The hits of a trace with sizes, and the bytes of what was hit.
    static func sizedHits(_ trace: Trace, bytes: Int, shards: Int? = nil) -> (objects: Int, bytes: Int) {
        let usual = StandaloneMemory.shardCount(for: .bytes(bytes), processors: processors)
        let tier = StandaloneMemory(capacity: .bytes(bytes * scale), shardCount: shards ?? usual)
        var hits = (objects: 0, bytes: 0)
        for (key, size) in zip(trace.keys, trace.sizes)
        where request(key, cost: Int(size) * scale - header, from: tier) {
            hits.objects += 1
            hits.bytes += Int(size)
        }
        return hits
    }

    /// Asks for a key and inserts it where it is absent. Returns whether it was there.
    static func request(_ key: UInt64, cost: Int, from tier: StandaloneMemory) -> Bool {
        unsafe withUnsafeBytes(of: key) { bytes in
            let key = unsafe Span<UInt8>(_unsafeBytes: bytes)
            if tier.contains(key) { return true }
            tier.insertPlaceholder(for: key, cost: max(0, cost))
            return false
        }
    }
}
