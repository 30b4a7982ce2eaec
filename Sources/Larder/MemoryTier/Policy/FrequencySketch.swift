internal import CProcessor

/// A count-min sketch with four 4-bit counters a key, all in one cache line, halved at intervals so that it follows changes.
///
/// After Cormode and Muthukrishnan, "An improved data stream summary: the count-min sketch" (J. Algorithms 55, 2005), with the aging of Einziger,
/// Friedman and Manes, "TinyLFU" (ACM ToS 13, 2017) and the blocked layout of Putze, Sanders and Singler, "Cache-, hash-, and space-efficient Bloom
/// filters" (JEA 14, 2009).
struct FrequencySketch: Sendable {
    /// A block is eight words: two for each of the four rows, that is 32 counters a row.
    private static let wordsPerBlock = 8
    private static let countersPerBlockRow = 32

    private var words: [UInt64]
    private let blocks: UInt32
    private let agingPeriod: Int
    private var increments = 0

    /// The table's memory, in bytes.
    @inline(__always)
    var byteCount: Int { [UInt64].byteCount(Int(blocks) * Self.wordsPerBlock) }

    /// The memory of a sketch of a given width, in bytes.
    static func byteCount(width: Int) -> Int {
        [UInt64].byteCount(blocks(width: width) * wordsPerBlock)
    }

    private static func blocks(width: Int) -> Int {
        max(2, (width + countersPerBlockRow - 1) / countersPerBlockRow)
    }

    /// A sketch with about `width` counters in each of its four rows, halved after every `agingPeriod` increments; never, if that is 0.
    init(width: Int, agingPeriod: Int) {
        let blocks = Self.blocks(width: width)
        self.blocks = UInt32(blocks)
        self.agingPeriod = agingPeriod > 0 ? agingPeriod : .max
        words = Array(repeating: 0, count: blocks * Self.wordsPerBlock)
    }

    /// Counts `amount` uses of a key.
    mutating func add(_ amount: UInt8, to fingerprint: UInt32) {
        guard amount > 0 else { return }
        let mixed = Self.mix(fingerprint)
        let start = block(of: mixed)
        unsafe words.withUnsafeMutableBufferPointer { words in
            for row in 0..<4 {
                let (word, shift) = Self.counter(row: row, of: mixed)
                let count = unsafe words[start &+ word] &>> shift & 0xF
                let added = min(15, count &+ UInt64(amount))
                unsafe words[start &+ word] &+= (added &- count) &<< shift
            }
        }
        increments += Int(amount)
        if increments >= agingPeriod { age() }
    }

    /// Brings a key's counters closer.
    @inline(__always)
    func prefetch(_ fingerprint: UInt32) {
        let start = block(of: Self.mix(fingerprint))
        unsafe words.withUnsafeBufferPointer { unsafe larder_prefetch($0.baseAddress.unsafelyUnwrapped + start) }
    }

    /// An upper estimate of a key's uses, 0...15.
    func count(of fingerprint: UInt32) -> UInt8 {
        let mixed = Self.mix(fingerprint)
        let start = block(of: mixed)
        var least: UInt64 = 15
        for row in 0..<4 {
            let (word, shift) = Self.counter(row: row, of: mixed)
            least = min(least, words[start &+ word] &>> shift & 0xF)
        }
        return UInt8(least)
    }

    /// Halves every counter. O(size), once in `agingPeriod` increments.
    private mutating func age() {
        for index in words.indices { words[index] = words[index] >> 1 & 0x7777_7777_7777_7777 }
        increments /= 2
    }

    /// The bits that choose the block and the counters; one multiplication makes the low bits depend on all.
    @inline(__always)
    private static func mix(_ fingerprint: UInt32) -> UInt64 {
        var mixed = UInt64(fingerprint) &* 0x9E37_79B9_7F4A_7C15
        mixed ^= mixed >> 32
        mixed = mixed &* 0xD6E8_FEB8_6659_FD93
        return mixed ^ mixed >> 29
    }

    @inline(__always)
    private func block(of mixed: UInt64) -> Int {
        Int(((mixed >> 32) * UInt64(blocks)) >> 32) * Self.wordsPerBlock
    }

    /// The word within the block and the shift within the word of a key's counter in one row: five bits of the mixed hash a row.
    @inline(__always)
    private static func counter(row: Int, of mixed: UInt64) -> (word: Int, shift: UInt64) {
        let bits = mixed &>> UInt64(truncatingIfNeeded: row &* 5) & 0x1F
        return (row &* 2 &+ Int(truncatingIfNeeded: bits &>> 4), (bits & 0xF) &* 4)
    }
}
