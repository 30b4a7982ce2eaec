import Testing

@testable import Larder

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Replays recorded traces, which lie in a folder beside the checkout, through the whole policy. `Benchmarks/HitRatio` does so with every trace.
@Suite(.enabled(if: RecordedTraces.directory != nil, "there is no folder shared/traces beside the checkout"))
struct TraceReplayTests {
    /// The hit ratios that this policy reached when it was committed.
    private static let expected: [(trace: String, capacity: Int, ratio: Double)] = [
        ("apache-weblog", 15, 0.4751), ("apache-weblog", 150, 0.7048), ("apache-weblog", 374, 0.7911),
        ("lirs-cs", 141, 0.0895), ("lirs-cs", 352, 0.2035),
        ("lirs-gli", 253, 0.1525), ("lirs-gli", 632, 0.4000),
        ("lirs-multi1", 26, 0.1780), ("lirs-multi1", 261, 0.4978), ("lirs-multi1", 652, 0.5899),
        ("lirs-multi2", 568, 0.5154), ("lirs-multi2", 1421, 0.6338),
        ("cache2k-web12", 138, 0.4291), ("cache2k-web12", 1376, 0.7220),
    ]

    @Test func `recorded traces are hit as often as when the policy was committed and never much less than by lru`()
        throws
    {
        var loaded: (name: String, hashes: [UInt64])?
        var sum = 0.0
        for (name, capacity, expected) in Self.expected {
            if loaded?.name != name { loaded = (name, try #require(RecordedTraces.hashes(of: name))) }
            guard let hashes = loaded?.hashes else { continue }
            var cache = ReplayedCache(capacity: capacity)
            var recency = RecencyCache(capacity: capacity)
            var hits = 0
            var recencyHits = 0
            for hash in hashes {
                if cache.access(hash) { hits += 1 }
                if recency.access(hash) { recencyHits += 1 }
            }
            let ratio = Double(hits) / Double(hashes.count)
            #expect(abs(ratio - expected) < 0.005, "\(name) with \(capacity) entries: \(ratio)")
            #expect(ratio >= Double(recencyHits) / Double(hashes.count) - 0.01, "\(name) with \(capacity) entries")
            sum += ratio
        }
        #expect(sum / Double(Self.expected.count) > 0.45)
    }
}

/// The live cache and its shadows on keys alone.
struct ReplayedCache {
    private var live: ShadowCache
    private var chooser: ConfigurationChooser
    private let threshold: UInt64
    private var wasFull = false

    init(capacity: Int) {
        let parameters = PolicyParameters.standard
        let shadowEntries = min(capacity, parameters.shadowEntries)
        threshold = UInt64((Double(shadowEntries) / Double(capacity) * 0x1p24).rounded(.up))
        live = ShadowCache(
            capacity: capacity, entryCount: capacity,
            configuration: parameters.configurations[parameters.initialConfiguration], keepsFrequencies: true)
        chooser = ConfigurationChooser(capacity: shadowEntries, entryCount: shadowEntries)
    }

    mutating func access(_ hash: UInt64) -> Bool {
        if (hash >> 32) & 0xFF_FFFF < threshold {
            let isHit = live.contains(hash)
            if let advice = chooser.observe(hash, weight: 1, isHit: isHit) { live.adopt(advice) }
        }
        if !wasFull, live.isFull(for: 1) {
            wasFull = true
            live.adopt(chooser.favourRecency(usedShare: live.usedShare))
        }
        return live.access(hash, weight: 1)
    }
}

/// Least recently used, over the policy's own queue.
private struct RecencyCache {
    private let capacity: Int
    private var queue = EntryQueue(kind: .window)
    private var entries = ShadowEntries(minimumCapacity: 1_024)

    init(capacity: Int) {
        self.capacity = capacity
    }

    mutating func access(_ hash: UInt64) -> Bool {
        let found = entries.find(hash)
        if found != 0 {
            queue.remove(found, in: &entries)
            queue.push(found, in: &entries)
            return true
        }
        if queue.count == capacity {
            let victim = queue.tail
            queue.remove(victim, in: &entries)
            entries.discard(victim)
        }
        queue.push(entries.add(hash, weight: 1, mark: UseMark(byte: 0)), in: &entries)
        return false
    }
}

/// The folder `shared/traces`, if there is one beside the checkout or above it.
enum RecordedTraces {
    static let directory: String? = {
        var components = #filePath.split(separator: "/").dropLast()
        while !components.isEmpty {
            let candidate = "/" + components.joined(separator: "/") + "/shared/traces"
            if unsafe access(candidate + "/reference-hit-ratios.csv", R_OK) == 0 { return candidate }
            components = components.dropLast()
        }
        return nil
    }()

    /// The mixed keys of a trace without sizes, or with them.
    static func hashes(of name: String) -> [UInt64]? {
        guard let directory, let pipe = unsafe popen("gzip -dc '\(directory)/\(name).trace.gz'", "r") else {
            return nil
        }
        defer { _ = unsafe pclose(pipe) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, pipe) }
            if count == 0 { break }
            text += buffer[..<count]
        }
        return text.split(separator: UInt8(ascii: "\n")).filter { $0.first != UInt8(ascii: "#") }.map { line in
            var key: UInt64 = 0
            for digit in line.prefix(while: { $0 != UInt8(ascii: ",") }) { key = key &* 10 &+ UInt64(digit - 48) }
            // The finaliser of SplitMix64, as in the simulator.
            key &+= 0x9E37_79B9_7F4A_7C15
            key = (key ^ key >> 30) &* 0xBF58_476D_1CE4_E5B9
            key = (key ^ key >> 27) &* 0x94D0_49BB_1331_11EB
            return key ^ key >> 31
        }
    }
}
