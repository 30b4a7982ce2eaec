/// What the policy knows of an entry's use, in six bits: how often it was used of late, and when last.
struct UseMark: Equatable, Sendable {
    /// The hit counter goes no further.
    static let mostHits: UInt8 = 3

    /// Bits 0-1: hits; bits 2-5: epoch.
    let byte: UInt8

    @inline(__always)
    init(byte: UInt8) {
        self.byte = byte
    }

    @inline(__always)
    init(hits: UInt8, epoch: UInt8) {
        byte = epoch &<< 2 | hits
    }

    /// Hits not yet spent on a second chance, 0...3.
    @inline(__always) var hits: UInt8 { byte & 3 }
    /// The epoch of the last use, 0...15.
    @inline(__always) var epoch: UInt8 { byte &>> 2 & 15 }

    /// The same with another number of hits, 0...3.
    @inline(__always)
    func with(hits: UInt8) -> UseMark { UseMark(byte: byte & ~3 | hits) }
}
