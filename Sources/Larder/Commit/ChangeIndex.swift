/// Where among many changes that of a key is, by the key's hash: a table with linear probing. The hash is spread well already, and a
/// dictionary would hash it once more, which takes longer than all else that a change costs here.
struct ChangeIndex {
    /// Positions, counted from 1; 0 where there is none. As many places as a power of two, or none.
    private var places: [UInt32] = []
    private var count = 0

    var isEmpty: Bool { count == 0 }

    /// The position of the change of a hash.
    ///
    /// - Parameter hashAt: The hash of the change at a position.
    @inline(__always)
    func position(of hash: UInt64, _ hashAt: (Int) -> UInt64) -> Int? {
        if places.isEmpty { return nil }
        var place = Int(truncatingIfNeeded: hash) & (places.count - 1)
        while places[place] != 0 {
            let position = Int(places[place]) - 1
            if hashAt(position) == hash { return position }
            place = (place + 1) & (places.count - 1)
        }
        return nil
    }

    /// Adds the position of a change whose hash has none yet.
    mutating func insert(_ position: Int, _ hashAt: (Int) -> UInt64) {
        if 2 * (count + 1) > places.count { grow(hashAt) }
        place(position, hashAt(position))
        count += 1
    }

    private mutating func place(_ position: Int, _ hash: UInt64) {
        var place = Int(truncatingIfNeeded: hash) & (places.count - 1)
        while places[place] != 0 { place = (place + 1) & (places.count - 1) }
        places[place] = UInt32(position + 1)
    }

    private mutating func grow(_ hashAt: (Int) -> UInt64) {
        let old = places
        places = [UInt32](repeating: 0, count: max(32, 2 * old.count))
        for position in old where position != 0 { place(Int(position) - 1, hashAt(Int(position) - 1)) }
    }

    /// Removes all positions and keeps the memory.
    mutating func removeAll() {
        guard count > 0 else { return }
        for place in places.indices { places[place] = 0 }
        count = 0
    }
}
