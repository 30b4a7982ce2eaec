/// How a budget of bytes on disk is divided.
///
/// ```
///      0 ........................ low ....... high ................ fileLimit . bytes
///        entries, never evicted    eviction    room for the pages    reserve
///                                  sets in     that commits copy
/// ```
///
/// LMDB copies each page that a commit changes, and uses the old ones again two commits later. So a part of the file has to be free at all
/// times, or the file would grow: the headroom. Between `low` and `high` eviction sets in gently, so that the bytes evicted come to equal
/// the bytes written somewhere between them.
struct DiskBudget: Hashable, Sendable {
    /// The least budget.
    static let minimum = 4 << 20

    /// The budget.
    let bytes: Int

    /// A budget of at least ``minimum`` bytes.
    init(bytes: Int) {
        self.bytes = bytes
    }

    /// Bytes that are free for commits: an eighth of the budget, at least 1 MiB.
    var headroom: Int { max(bytes / 8, 1 << 20) }
    /// Bytes in use above which records are evicted whatever is written.
    var high: Int { bytes - headroom }
    /// Bytes in use up to which nothing is evicted.
    var low: Int { high - headroom / 2 }
    /// Bytes in use down to which everything may be evicted for the sake of one transaction that finds no room.
    var floor: Int { bytes / 4 }
    /// What the file is kept from growing beyond, but for what must be written although there is no room. The rest up to the budget is for
    /// that: a 64th of it, at least 256 KiB.
    var fileLimit: Int { (bytes - max(bytes / 64, 1 << 18)) & ~0xFFFF }
    /// The longest payload in bytes: a longer one would hardly ever find so many free pages in a row.
    var maximumPayload: Int { bytes / 8 }

    /// The most records that one commit evicts.
    static let maximumVictims = 1_024

    /// How many bytes of records to evict, where `used` bytes are in use and about `written` bytes have been written since the last time.
    func quota(used: Int, written: Int) -> Int {
        guard used > low else { return 0 }
        // 1 in the middle between low and high, where as much goes as comes.
        let rate = min(2 * Double(used - low) / Double(high - low), 4)
        let quota = Int(Double(written) * rate) + max(0, used - high)
        return min(quota, bytes / 16)
    }
}
