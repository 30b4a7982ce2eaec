internal import CProcessor

/// The way of a cursor through one leaf, while the leaf after it comes closer. That one lies anywhere in the file, and each of its lines would be waited for by
/// itself: its entries lie in the order in which they were written.
@usableFromInline
struct LeafVisit {
    private static let lineSize = 64
    /// After how many entries lines are asked for. All at once would be more than the processor can wait for.
    private static let stride = 4

    @usableFromInline let page: LeafPage
    /// The entry that is to be visited.
    @usableFromInline private(set) var index: Int
    /// How many entries are to be visited.
    @usableFromInline private(set) var left: Int
    private let step: Int
    /// Whether there is another leaf, on whose first entry the cursor then stands.
    @usableFromInline let onward: Result<Bool, LMDBError>
    // What of the next leaf was not asked for yet.
    private var approached: UInt
    private let approachEnd: UInt
    private let approachSize: UInt

    fileprivate init(
        _ page: LeafPage, from index: Int, count: Int, step: Int, onward: Result<Bool, LMDBError>, to next: UInt,
        size: Int
    ) {
        self.page = page
        self.index = index
        left = count
        self.step = step
        self.onward = onward
        approached = next
        approachEnd = next == 0 ? 0 : next + UInt(bitPattern: size)
        approachSize = UInt(bitPattern: (size / count + 1) * Self.stride)
    }

    @usableFromInline
    mutating func advance() {
        index &+= step
        left &-= 1
        if left % Self.stride == 0 { approach() }
    }

    private mutating func approach() {
        let end = min(approached &+ approachSize, approachEnd)
        while approached < end {
            unsafe larder_prefetch(UnsafeRawPointer(bitPattern: approached))
            approached &+= UInt(bitPattern: Self.lineSize)
        }
    }
}

extension Cursor {
    /// The visit of what is left, in the direction of `move`, of the leaf that the cursor stands on, if that can be read as a ``LeafPage``. The cursor has then left
    /// it.
    @usableFromInline
    mutating func visitLeaf(_ move: Move) -> LeafVisit? {
        guard leafSize > 0, let key = unsafe keyStart else { return nil }
        let start = leafStart
        guard start != refusedLeaf else { return nil }
        guard let page = unsafe LeafPage(of: key, size: leafSize), let index = unsafe page.index(ofKeyAt: key) else {
            refusedLeaf = start
            return nil
        }
        let (last, step) = move == .previous ? (0, -1) : (page.count - 1, 1)
        let onward = Result { () throws(LMDBError) in
            if index != last { try stand(on: last, of: page) }
            return try self.move(move)
        }
        return LeafVisit(
            page, from: index, count: (last - index) * step + 1, step: step, onward: onward,
            to: (try? onward.get()) == true ? leafStart : 0, size: leafSize)
    }

    /// Where the leaf begins in which the present key lies.
    private var leafStart: UInt { unsafe UInt(bitPattern: keyStart) & ~UInt(bitPattern: leafSize - 1) }

    /// Moves to an entry of the leaf that the cursor stands on: no more than two keys are compared.
    ///
    /// - Throws: ``LMDBError/Code-swift.struct/corrupted`` where the leaf's keys are in no order, from which there might be no end.
    private mutating func stand(on index: Int, of page: LeafPage) throws(LMDBError) {
        let isThere = try page.withEntry(index) { (key, _) throws(LMDBError) in try move(to: key) }
        guard isThere, let key = unsafe keyStart, unsafe page.index(ofKeyAt: key) == index else {
            throw LMDBError(.corrupted, operation: "mdb_cursor_get")
        }
    }
}
