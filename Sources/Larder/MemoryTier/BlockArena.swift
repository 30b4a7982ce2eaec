/// Allocates blocks of 8-byte units inside one range of memory, in constant time and with little waste.
///
/// Two-level segregated fit (Masmano, Ripoll, Crespo and Real, "TLSF: a new dynamic memory allocator for real-time systems", ECRTS 2004): free
/// blocks hang in lists by size, 16 classes for each power of two, two levels of bitmaps find the first list that surely fits, and neighbours
/// that are free are joined at once. A block in use has no header but two bits of its first word; its owner knows its size.
///
/// Blocks are named by their place in units, so that a reference takes four bytes and the whole range can be moved.
struct BlockArena: ~Copyable, Sendable {
    /// Where a block starts, in units; 0 is none.
    typealias Reference = UInt32

    static let unit = 8
    /// A free block needs four words: its size, its neighbours in the list, and its size again at its end.
    static let minimumUnits: UInt32 = 4
    /// In the first word of every block: whether the block is free.
    static let isFree: UInt64 = 1 << 63
    /// In the first word of every block in use: whether the block before it is free. (The one before a free block never is.)
    static let followsFree: UInt64 = 1 << 62

    private static let cacheLine = 64
    private static let prefetchedLines = 4
    /// One part in so many of what is in use may be touched besides, for the sake of a huge page.
    private static let partsInUse = 10
    private static let subclassBits: UInt32 = 4
    private static let subclasses = 1 << 4
    private static let classes = 28
    static let firstBlock: Reference = 4

    private(set) var memory: MappedMemory
    /// Ranges that were too small, for lookups that still read there.
    private var retired: RetiredMemory?
    /// The end of the blocks, in units. What lies beyond was never written, or was given back; of it, no more is touched than ``touchedBytes`` tells.
    private(set) var frontier: Reference = BlockArena.firstBlock
    /// The end of what lies on huge pages, a multiple of their size.
    private var hugeEnd = 0
    /// Where the frontier must be for it to be worth a look whether more can be.
    private var collapseAt = MappedMemory.hasHugePages ? 0 : Int.max
    /// Whether the last block before the frontier is free.
    private var frontierFollowsFree = false
    /// The units in free blocks.
    private(set) var freeUnits = 0
    private var classMap: UInt32 = 0
    private var subclassMaps: [UInt16]
    private var heads: [Reference]

    /// An arena that can grow to `byteCount` bytes.
    init(byteCount: Int) {
        memory = MappedMemory(byteCount: Self.largestRange(byteCount))
        subclassMaps = Array(repeating: 0, count: Self.classes)
        heads = Array(repeating: 0, count: Self.classes * Self.subclasses)
    }

    /// The bytes up to the frontier.
    @inline(__always)
    var frontierBytes: Int { Int(frontier) * Self.unit }
    /// The bytes that were touched: up to the frontier, or to the end of the huge page in which it lies.
    @inline(__always)
    var touchedBytes: Int { max(frontierBytes, hugeEnd) }
    /// The memory of the lists, in bytes.
    static var tableByteCount: Int { classes * (2 + subclasses * 4) }

    // MARK: Words

    @inline(__always)
    func load<T: BitwiseCopyable>(_ block: Reference, _ offset: Int, as type: T.Type) -> T {
        memory.load(Int(block) * Self.unit + offset, as: type)
    }

    @inline(__always)
    func store<T: BitwiseCopyable>(_ value: T, _ block: Reference, _ offset: Int) {
        memory.store(value, at: Int(block) * Self.unit + offset)
    }

    /// Brings the beginning of a block closer.
    @inline(__always)
    func prefetch(_ block: Reference) { memory.prefetch(Int(block) * Self.unit) }

    // MARK: Allocation

    /// Takes a block of at least `units` (four or more) from the free ones, or from beyond the frontier as far as `limit` (in units) allows.
    ///
    /// - Returns: The block, and how many units it is larger than asked for (0...3), which its owner must remember. Its first word is unset and
    ///   must not have ``followsFree``.
    mutating func allocate(_ units: UInt32, limit: Int) -> (block: Reference, slack: UInt32)? {
        if let block = firstFit(units) {
            let size = load(block, 0, as: UInt32.self)
            unlink(block, size)
            let rest = size - units
            if rest >= Self.minimumUnits {
                addFree(block + units, rest)
                return (block, 0)
            }
            setFollowsFree(block + size, false)
            return (block, rest)
        }
        var block = frontier
        if frontierFollowsFree { block -= load(frontier - 1, 0, as: UInt32.self) }
        let end = Int(block) + Int(units)
        guard end <= limit, end * Self.unit <= memory.byteCount else { return nil }
        if block < frontier {
            let size = frontier - block
            unlink(block, size)
            // What the last block is too large by stays free.
            if end + Int(Self.minimumUnits) <= Int(frontier) {
                addFree(UInt32(end), frontier - UInt32(end))
                return (block, 0)
            }
            frontierFollowsFree = false
            if end <= Int(frontier) { return (block, frontier - block - units) }
        }
        frontier = UInt32(end)
        if frontierBytes >= collapseAt { collapse(limit: limit) }
        prefetchNext(units)
        return (block, 0)
    }

    /// Brings the memory for the next block closer, if it is to be like this one: by then the shard's turn comes again the lines are there. To write a
    /// line that was never touched would otherwise wait for it.
    @inline(__always)
    private func prefetchNext(_ units: UInt32) {
        let start = frontierBytes
        for line in 0..<min(Int(units) * Self.unit / Self.cacheLine + 1, Self.prefetchedLines) {
            memory.prefetch(start + line * Self.cacheLine)
        }
    }

    /// Gives a block back; `units` is its whole size. Joins it with free neighbours.
    mutating func free(_ block: Reference, units: UInt32) {
        var start = block
        var size = units
        if load(block, 0, as: UInt64.self) & Self.followsFree != 0 {
            let before = load(block - 1, 0, as: UInt32.self)
            start -= before
            size += before
            unlink(start, before)
        }
        let end = start + size
        if end < frontier, load(end, 0, as: UInt64.self) & Self.isFree != 0 {
            let after = load(end, 0, as: UInt32.self)
            unlink(end, after)
            size += after
        }
        addFree(start, size)
    }

    /// Forgets every block.
    mutating func removeAll() {
        frontier = Self.firstBlock
        frontierFollowsFree = false
        freeUnits = 0
        classMap = 0
        for index in subclassMaps.indices { subclassMaps[index] = 0 }
        for index in heads.indices { heads[index] = 0 }
        memory.discard(from: 0, to: memory.byteCount)
        leaveHugePage()
    }

    // MARK: Huge pages

    /// Puts what is in use on huge pages: as far as it fills them, and the one in which it ends as soon as what is touched in vain is little beside it. The sooner
    /// that is, the less the system has to touch page by page, and to copy then.
    ///
    /// - Parameter limit: How far memory may be used, in units.
    @inline(never)
    private mutating func collapse(limit: Int) {
        let size = MappedMemory.hugePage
        let most = min(limit * Self.unit, memory.byteCount)
        var end = frontierBytes / size * size
        if end + size <= most, end + size - frontierBytes <= frontierBytes / Self.partsInUse { end += size }
        if end > hugeEnd {
            memory.collapse(from: hugeEnd, to: end)
            hugeEnd = end
        }
        let next = hugeEnd + size
        collapseAt = next <= most ? max(hugeEnd + 1, next - next / (Self.partsInUse + 1)) : next
    }

    /// Gives the memory beyond the frontier back to the system. The page in which it lies becomes a huge one no sooner than it is full: else it would come and go where
    /// room is short.
    mutating func discardBeyondFrontier() {
        memory.discard(from: frontierBytes, to: memory.byteCount)
        leaveHugePage(untilFull: true)
    }

    /// Forgets that the page in which the frontier lies is a huge one.
    private mutating func leaveHugePage(untilFull: Bool = false) {
        guard MappedMemory.hasHugePages else { return }
        hugeEnd = min(hugeEnd, frontierBytes / MappedMemory.hugePage * MappedMemory.hugePage)
        collapseAt = hugeEnd + (untilFull ? MappedMemory.hugePage : 0)
    }

    // MARK: Physical order

    /// Calls `body` with every block in use, in order of address. `size` tells a used block's units.
    func forEachBlock(size: (borrowing BlockArena, Reference) -> UInt32, _ body: (Reference) -> Void) {
        var block = Self.firstBlock
        while block < frontier {
            if isFree(block) {
                block += load(block, 0, as: UInt32.self)
            } else {
                body(block)
                block += size(self, block)
            }
        }
    }

    /// Lowers the frontier to `end` units or somewhat less, and returns the blocks in use that now lie beyond it.
    ///
    /// Their bytes are still there until ``discardBeyondFrontier()``: the caller copies each to a new block, or gives it up. It does not free
    /// them. O(blocks).
    mutating func cut(at end: Int, size: (borrowing BlockArena, Reference) -> UInt32) -> [Reference] {
        var block = Self.firstBlock
        var lastIsFree = false
        var newFrontier: Reference?
        var cutBlock: Reference?
        var beyond: [Reference] = []
        while block < frontier {
            let isFree = isFree(block)
            let units = isFree ? load(block, 0, as: UInt32.self) : size(self, block)
            if newFrontier == nil, Int(block) + Int(units) > end {
                // A free block may reach far to either side of the end: what lies before it stays free.
                let isCut = isFree && end >= Int(block) + Int(Self.minimumUnits)
                if isCut { cutBlock = block }
                newFrontier = isCut ? Reference(end) : block
            }
            if newFrontier == nil {
                lastIsFree = isFree
            } else if isFree {
                unlink(block, units)
            } else {
                beyond.append(block)
            }
            block += units
        }
        guard let newFrontier else { return [] }
        frontier = newFrontier
        frontierFollowsFree = lastIsFree
        if let cutBlock { addFree(cutBlock, newFrontier - cutBlock) }
        return beyond
    }

    /// Makes address space for `byteCount` bytes. Nothing else changes.
    mutating func reserve(byteCount: Int) {
        let wanted = Self.largestRange(byteCount)
        guard wanted > memory.byteCount else { return }
        // At least twice as much, so that few are ever retired.
        var larger = MappedMemory(byteCount: max(wanted, Self.largestRange(2 * memory.byteCount)))
        larger.preferHugePages(from: 0, count: frontierBytes)
        larger.copy(from: memory, at: 0, count: frontierBytes)
        swap(&memory, &larger)
        retired = RetiredMemory(larger, before: retired)
        leaveHugePage()
    }

    private static func largestRange(_ byteCount: Int) -> Int { min(byteCount, Int(UInt32.max >> 1) * unit) }

    private func isFree(_ block: Reference) -> Bool {
        load(block, 0, as: UInt64.self) & Self.isFree != 0
    }

    // MARK: Free lists

    private mutating func addFree(_ block: Reference, _ size: UInt32) {
        store(Self.isFree | UInt64(size), block, 0)
        store(size, block + size - 1, 0)
        let list = Self.list(size)
        let head = heads[list]
        store(head, block, 8)
        store(UInt32(0), block, 12)
        if head != 0 { store(block, head, 12) }
        heads[list] = block
        subclassMaps[list >> 4] |= 1 << UInt16(list & 15)
        classMap |= 1 << UInt32(list >> 4)
        freeUnits += Int(size)
        setFollowsFree(block + size, true)
    }

    private mutating func unlink(_ block: Reference, _ size: UInt32) {
        let next = load(block, 8, as: UInt32.self)
        let previous = load(block, 12, as: UInt32.self)
        if next != 0 { store(previous, next, 12) }
        if previous != 0 {
            store(next, previous, 8)
        } else {
            let list = Self.list(size)
            heads[list] = next
            if next == 0 {
                subclassMaps[list >> 4] &= ~(1 << UInt16(list & 15))
                if subclassMaps[list >> 4] == 0 { classMap &= ~(1 << UInt32(list >> 4)) }
            }
        }
        freeUnits -= Int(size)
    }

    private mutating func setFollowsFree(_ block: Reference, _ value: Bool) {
        guard block < frontier else {
            frontierFollowsFree = value
            return
        }
        let word = load(block, 0, as: UInt64.self)
        store(value ? word | Self.followsFree : word & ~Self.followsFree, block, 0)
    }

    /// The head of the first list all of whose blocks have at least `units`.
    private func firstFit(_ units: UInt32) -> Reference? {
        let step = units < 16 ? 0 : (UInt32(1) << (31 - UInt32(units.leadingZeroBitCount) - Self.subclassBits)) - 1
        let (rounded, overflow) = units.addingReportingOverflow(step)
        if overflow { return nil }
        let list = Self.list(rounded)
        let rest = subclassMaps[list >> 4] & (UInt16.max << UInt16(list & 15))
        if rest != 0 { return heads[list & ~15 | rest.trailingZeroBitCount] }
        let larger = classMap & (UInt32.max << UInt32(list >> 4 + 1))
        guard larger != 0 else { return nil }
        let found = larger.trailingZeroBitCount
        return heads[found << 4 | subclassMaps[found].trailingZeroBitCount]
    }

    /// The list of blocks of a size: sizes below 16 have one each; above, 16 lists share each power of two.
    private static func list(_ units: UInt32) -> Int {
        guard units >= 16 else { return Int(units) }
        let magnitude = 31 - UInt32(units.leadingZeroBitCount)
        let subclass = (units >> (magnitude - subclassBits)) & 15
        return Int(magnitude - 3) << 4 | Int(subclass)
    }
}
