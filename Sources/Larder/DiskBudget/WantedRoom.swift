/// What a transaction was to write, as far as it came: what room has to be made for if there was none.
struct WantedRoom: Sendable {
    /// Bytes of the longest record, key and value; 0 if none was to be written.
    private(set) var longest = 0
    /// Bytes of all records that take pages of their own, each of which need lie in a row.
    private(set) var long = 0

    /// Above this a record takes pages of its own, where pages have 4 KiB.
    static let longRecord = 2_000

    /// Whether anything was to be written, rather than removed.
    var isAny: Bool { longest > 0 }

    /// Adds a record.
    @inline(__always)
    mutating func add(bytes: Int) {
        longest = max(longest, bytes)
        // What a page has left over behind the last byte of a record is lost to others.
        if bytes > Self.longRecord { long += bytes + 4_096 }
    }

    /// Adds what another transaction of the same commit was to write.
    mutating func add(_ other: WantedRoom) {
        longest = max(longest, other.longest)
        long += other.long
    }

    /// What two transactions of one commit want.
    static func + (left: WantedRoom, right: WantedRoom) -> WantedRoom {
        var sum = left
        sum.add(right)
        return sum
    }
}
