import Foundation

/// A cache as a replay sees it: every object has unit size, every request counts, and a miss inserts.
protocol ReplayedCache {
    /// - Parameter capacity: In objects.
    init(capacity: Int) throws

    /// Asks for a key and inserts it where it is absent.
    ///
    /// - Returns: Whether it was there.
    mutating func request(_ key: UInt64) throws -> Bool
}

/// The policies that can be replayed, by their names in the output.
enum Policy: String, CaseIterable, Sendable {
    /// Larder's memory tier.
    case larder
    /// Least recently used, written here: it proves that traces, sizes and counting agree with the reference figures.
    case leastRecentlyUsed = "lru"
    case caffeine

    /// The hits of a trace at each cache size.
    ///
    /// - Parameter threads: So many threads share the requests, where the policy is replayed in this process and locks for itself.
    func hits(_ trace: Trace, sizes: [Int], threads: Int = 1, shards: Int? = nil) throws -> [Int] {
        switch self {
        case .larder: sizes.map { LarderReplay.hits(trace, objects: $0, threads: threads, shards: shards) }
        case .leastRecentlyUsed: try sizes.map { try Self.hits(trace, LeastRecentlyUsed(capacity: $0)) }
        case .caffeine: try Self.caffeineHits(trace, sizes: sizes)
        }
    }

    private static func hits(_ trace: Trace, _ cache: some ReplayedCache) throws -> Int {
        var cache = cache
        var hits = 0
        for key in trace.keys {
            if try cache.request(key) { hits += 1 }
        }
        return hits
    }

    private static func caffeineHits(_ trace: Trace, sizes: [Int]) throws -> [Int] {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("trace-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try unsafe trace.keys.withUnsafeBytes { unsafe Data($0) }.write(to: file)
        let lines = try CaffeineMeasurement.run(["hit_ratio", file.path] + sizes.map(String.init), heapMegabytes: 1024)
        return lines.compactMap { line in line.hasPrefix("hits ") ? Int(line.dropFirst(5)) : nil }
    }
}

/// A cache that evicts what was not asked for the longest: a dictionary of positions in a doubly linked list that lies in an array.
struct LeastRecentlyUsed: ReplayedCache {
    private struct Node {
        var key: UInt64
        var newer: Int
        var older: Int
    }

    /// Node 0 is the ring's anchor: the newest entry is older than it, the oldest is newer.
    private var nodes = [Node(key: 0, newer: 0, older: 0)]
    private var positions: [UInt64: Int] = [:]
    private let capacity: Int

    init(capacity: Int) {
        precondition(capacity > 0)
        self.capacity = capacity
        nodes.reserveCapacity(capacity + 1)
        positions.reserveCapacity(capacity)
    }

    mutating func request(_ key: UInt64) -> Bool {
        if let position = positions[key] {
            unlink(position)
            linkAsNewest(position)
            return true
        }
        let position: Int
        if nodes.count <= capacity {
            position = nodes.count
            nodes.append(Node(key: key, newer: 0, older: 0))
        } else {
            position = nodes[0].newer
            unlink(position)
            positions.removeValue(forKey: nodes[position].key)
            nodes[position].key = key
        }
        positions[key] = position
        linkAsNewest(position)
        return false
    }

    private mutating func unlink(_ position: Int) {
        let (newer, older) = (nodes[position].newer, nodes[position].older)
        nodes[newer].older = older
        nodes[older].newer = newer
    }

    private mutating func linkAsNewest(_ position: Int) {
        let newest = nodes[0].older
        nodes[position].newer = 0
        nodes[position].older = newest
        nodes[newest].newer = position
        nodes[0].older = position
    }
}
