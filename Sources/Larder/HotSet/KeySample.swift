/// A small sample of a set of keys, which tells how much two sets have in common: the least of their hashes (Broder, "On the resemblance and
/// containment of documents", 1997).
struct KeySample: Sendable {
    /// So many hashes are kept at most: 8 KiB.
    private static let size = 1_024

    /// The least hashes, in order.
    private let hashes: [UInt64]

    init(_ entries: some Sequence<HotSetTable.Entry>) {
        var least: [UInt64] = []
        for entry in entries {
            least.append(xxh3(entry.key.span, seed: UInt64(entry.keyspace)))
            if least.count == 8 * Self.size { least = Self.least(of: least) }
        }
        hashes = Self.least(of: least)
    }

    private static func least(of hashes: [UInt64]) -> [UInt64] {
        Array(hashes.sorted().prefix(size))
    }

    /// The share of the keys of either set that are in both, 0...1: exact for small sets, for large ones to a few hundredths.
    func resemblance(to other: KeySample) -> Double {
        let union = Self.least(of: Array(Set(hashes).union(other.hashes)))
        guard !union.isEmpty else { return 1 }
        let both = Set(hashes).intersection(other.hashes)
        return Double(union.count { both.contains($0) }) / Double(union.count)
    }
}
