/// Least recently used, the yardstick: entries in the order of their last use.
struct LRUCache {
    private let capacity: Int
    private var queue = EntryQueue(kind: .window)
    private var entries = ShadowEntries(minimumCapacity: 1024)

    init(capacity: Int) {
        self.capacity = capacity
    }

    mutating func access(_ hash: UInt64, weight: Int) -> Bool {
        let found = entries.find(hash)
        if found != 0 {
            queue.remove(found, in: &entries)
            queue.push(found, in: &entries)
            return true
        }
        guard weight <= capacity else { return false }
        while queue.weight + weight > capacity {
            let victim = queue.tail
            queue.remove(victim, in: &entries)
            entries.discard(victim)
        }
        queue.push(entries.add(hash, weight: weight, mark: UseMark(byte: 0)), in: &entries)
        return false
    }
}
