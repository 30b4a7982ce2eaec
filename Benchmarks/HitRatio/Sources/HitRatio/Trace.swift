/// A recorded or generated sequence of requests.
struct Trace {
    let name: String
    /// The keys' hashes, one a request.
    var hashes: [UInt64] = []
    /// The values' sizes in bytes, one a request; empty if the trace has none.
    var sizes: [UInt32] = []
    private(set) var uniqueKeys = 0
    /// The sizes of the unique keys together.
    private(set) var uniqueBytes = 0

    init(name: String) {
        self.name = name
    }

    /// Mixes a key's bits: the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
    static func hash(_ key: UInt64, seed: UInt64) -> UInt64 {
        var mixed = key &+ 0x9E37_79B9_7F4A_7C15 &+ seed
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// Counts the unique keys and their bytes.
    mutating func measure() {
        var seen = Set<UInt64>(minimumCapacity: 1 << 16)
        (uniqueKeys, uniqueBytes) = (0, 0)
        for (index, hash) in hashes.enumerated() where seen.insert(hash).inserted {
            uniqueKeys += 1
            uniqueBytes += sizes.isEmpty ? 1 : Int(sizes[index])
        }
    }
}
