/// The newest entry of each of the last sixteen epochs in a queue.
///
/// It allocates nothing, and finds the oldest epoch that has an entry by its bit, because an eviction asks for it.
struct EpochMarks: Sendable {
    /// How many epochs are remembered.
    static let count: UInt8 = 16

    private var newest = SIMD16<EntryReference>()
    /// Bit n tells whether epoch n has an entry.
    private var occupied: UInt16 = 0
    /// The present epoch, 0...15.
    private(set) var epoch: UInt8 = 0

    /// The newest entry of the epoch that began `age` epochs ago, 0...15; 0 if it has none.
    subscript(age: UInt8) -> EntryReference {
        @inline(__always) get { newest[slot(age)] }
        @inline(__always) set {
            let slot = slot(age)
            newest[slot] = newValue
            occupied = occupied & ~(1 << UInt16(slot)) | (newValue == 0 ? 0 : 1 << UInt16(slot))
        }
    }

    @inline(__always)
    private func slot(_ age: UInt8) -> Int { Int((epoch &- age) % Self.count) }

    /// Begins an epoch. What is left of the one 16 epochs ago counts as older than any.
    mutating func begin() {
        epoch = (epoch + 1) % Self.count
        self[0] = 0
    }

    /// Bit 15 - n tells whether the epoch n epochs ago has an entry.
    @inline(__always)
    private var occupiedByAge: UInt16 {
        let shift = UInt16(Self.count - 1 - epoch)
        return occupied &<< shift | occupied &>> (16 - shift)
    }

    /// How many epochs ago the oldest began that has an entry, 16 if none has.
    @inline(__always)
    var oldestAge: UInt8 {
        occupied == 0 ? Self.count : Self.count - 1 - UInt8(truncatingIfNeeded: occupiedByAge.trailingZeroBitCount)
    }

    /// The newest entry of that age or older, 0 if there is none. An age of 16 is older than all.
    func newest(from age: UInt8) -> EntryReference {
        let older = UInt32(occupiedByAge) & (1 << UInt32(Self.count - age) - 1)
        guard older != 0 else { return 0 }
        return self[UInt8(truncatingIfNeeded: UInt16(older).leadingZeroBitCount)]
    }

    /// The age of the epoch whose newest entry this is, nil if it is that of none.
    func age(of entry: EntryReference) -> UInt8? {
        var left = occupied
        while left != 0 {
            let slot = UInt8(truncatingIfNeeded: left.trailingZeroBitCount)
            if newest[Int(slot)] == entry { return (epoch &- slot) % Self.count }
            left &= left - 1
        }
        return nil
    }
}
