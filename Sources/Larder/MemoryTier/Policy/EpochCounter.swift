/// Measures epochs, and remembers when each of the last sixteen ended.
///
/// An epoch is measured in entries used, each counted once, not in misses: while all hit, the order of use goes on changing.
struct EpochCounter: Sendable {
    /// The uses that end an epoch.
    var length = Int.max
    /// Uses in the present epoch.
    private var uses = 0
    private var ends = SIMD16<UInt32>()

    /// How many more uses end the epoch.
    @inline(__always)
    var usesLeft: Int { length - uses }

    /// Counts uses. Returns whether they end the epoch.
    @inline(__always)
    mutating func count(_ uses: Int) -> Bool {
        self.uses += uses
        return self.uses >= length
    }

    /// Ends the present epoch, 0...15, at a time.
    mutating func end(_ epoch: UInt8, at time: UInt32) {
        uses = 0
        ends[Int(epoch)] = time
    }

    /// When an epoch ended that is one of the last sixteen, the present one not among them.
    func end(of epoch: UInt8) -> UInt32 { ends[Int(epoch)] }
}
