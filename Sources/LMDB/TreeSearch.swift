internal import CProcessor

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A search from the root of a tree in the file's map to a leaf; for the form of the pages see ``Page``.
///
/// The keys of a page lie in the order in which they were written, each on a line of its own, and a binary search would wait for each that it compares. So both
/// that may come next are asked for while one is compared, as in Khuong and Morin, "Array layouts for comparison-based searching", JEA 22 (2017). Most comparisons
/// are of one word.
@safe
struct TreeSearch {
    let pages: MappedPages
    /// The root's number, ``noPage`` if the tree is empty.
    let root: UInt64
    let depth: Int

    private static let noPage = UInt64.max

    /// What a search finds.
    @unsafe
    enum Result {
        /// The value lies here.
        case value(UnsafeRawPointer, count: Int)
        case absent
        /// Something is not as it is to be.
        case undecided
    }

    init(root: UInt64, depth: Int, in pages: MappedPages) {
        self.root = root
        self.depth = depth
        self.pages = pages
    }

    /// The search of a tree that a record in the table of tables describes; `nil` where keys are not compared byte by byte, or have several values.
    @unsafe
    init?(ofRecord record: UnsafeRawPointer, in pages: MappedPages) {
        guard unsafe record.loadUnaligned(fromByteOffset: 4, as: UInt16.self) == 0 else { return nil }
        self.init(
            root: unsafe record.loadUnaligned(fromByteOffset: 40, as: UInt64.self),
            depth: unsafe Int(record.loadUnaligned(fromByteOffset: 6, as: UInt16.self)), in: pages)
    }

    /// Finds a key, which is not empty.
    @unsafe
    func find(_ key: UnsafeRawBufferPointer) -> Result {
        guard root != Self.noPage else { return unsafe .absent }
        var number = root
        let sought = unsafe SoughtKey(key)
        for level in 1...max(depth, 1) {
            guard let page = unsafe pages.page(number), let nodes = unsafe PageNodes(page, size: pages.size),
                nodes.areLeaves == (level == depth),
                // A branch's first key stands for all that are less.
                let (index, isEqual) = unsafe nodes.lastNotGreater(than: sought, from: nodes.areLeaves ? 0 : 1)
            else { return unsafe .undecided }
            if nodes.areLeaves { return isEqual ? unsafe value(of: nodes, index) : unsafe .absent }
            guard let child = nodes.child(index) else { return unsafe .undecided }
            number = child
        }
        return unsafe .undecided
    }

    /// The value of a leaf's node, in the page or in pages of its own.
    private func value(of nodes: PageNodes, _ index: Int) -> Result {
        let offset = nodes.offset(index)
        let node = unsafe nodes.start + offset
        let (count, flags) = unsafe (Int(node.load32(0)), node.load16(4))
        let start = unsafe offset + Page.Node.headerSize + Int(node.load16(6))
        if flags == 0 {
            return unsafe start + count <= pages.size ? .value(nodes.start + start, count: count) : .undecided
        }
        guard flags == Page.Node.bigData, start + 8 <= pages.size else { return unsafe .undecided }
        let number = unsafe (nodes.start + start).loadUnaligned(as: UInt64.self)
        guard let page = unsafe pages.page(number), unsafe page.load16(10) == Page.Flag.overflow,
            pages.holds(Page.headerSize + count, from: number)
        else { return unsafe .undecided }
        return unsafe .value(page + Page.headerSize, count: count)
    }
}

/// The nodes of a page, of which those that are looked at are found to lie in it.
@safe
private struct PageNodes {
    let start: UnsafeRawPointer
    private let size: Int
    private let count: Int
    let areLeaves: Bool

    /// `nil` if the page is neither a branch nor a leaf.
    @unsafe
    @inline(__always)
    init?(_ page: UnsafeRawPointer, size: Int) {
        // The offsets of the nodes go on there.
        unsafe larder_prefetch(page + 64)
        let (flags, lower) = unsafe (page.load16(10), Int(page.load16(12)))
        guard flags == Page.Flag.leaf || flags == Page.Flag.branch, lower >= Page.headerSize, lower <= size else {
            return nil
        }
        unsafe start = page
        self.size = size
        count = (lower - Page.headerSize) / 2
        areLeaves = flags == Page.Flag.leaf
    }

    @inline(__always)
    func offset(_ index: Int) -> Int { unsafe Int(start.load16(Page.headerSize &+ 2 &* index)) }

    /// The page below a node of a branch; `nil` if the node, which may be the first, does not lie in the page.
    @inline(__always)
    func child(_ index: Int) -> UInt64? {
        let offset = offset(index)
        guard offset &+ Page.Node.headerSize <= size else { return nil }
        let node = unsafe start + offset
        return unsafe UInt64(node.load32(0)) | UInt64(node.load16(4)) << 32
    }

    /// The last node from `first` on whose key is not greater than the one sought, or the one before `first`, and whether its key is the same; `nil` if
    /// a node does not lie in the page, or there is none.
    @unsafe
    @inline(__always)
    func lastNotGreater(than sought: SoughtKey, from first: Int) -> (index: Int, isEqual: Bool)? {
        guard count > 0 else { return nil }
        var (low, high) = (first, count &- 1)
        while low <= high {
            let middle = (low &+ high) &>> 1
            unsafe larder_prefetch(start + offset((low &+ middle &- 1) &>> 1))
            unsafe larder_prefetch(start + offset((middle &+ 1 &+ high) &>> 1))
            let offset = offset(middle)
            guard offset &+ Page.Node.headerSize <= size else { return nil }
            let node = unsafe start + offset
            if areLeaves, high &- low < 4 {
                // Its value will be read, if it is the one.
                unsafe larder_prefetch(node + 64)
                unsafe larder_prefetch(node + 128)
            }
            let keySize = unsafe Int(node.load16(6))
            guard offset &+ Page.Node.headerSize &+ keySize <= size else { return nil }
            let order = unsafe sought.order(with: node + Page.Node.headerSize, count: keySize)
            if order == 0 { return (middle, true) }
            if order < 0 { high = middle &- 1 } else { low = middle &+ 1 }
        }
        return (low &- 1, false)
    }
}

/// A key that is compared with many.
@safe
private struct SoughtKey {
    private let bytes: UnsafeRawBufferPointer
    /// Its first eight bytes as a number that sorts as they do; 0 if it has fewer.
    private let prefix: UInt64

    @unsafe
    init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = bytes
        prefix = unsafe bytes.count < 8 ? 0 : UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
    }

    /// Less than, equal to, or greater than 0 as the key sorts before, with or behind another.
    @unsafe
    @inline(__always)
    func order(with other: UnsafeRawPointer, count: Int) -> Int {
        if unsafe bytes.count >= 8, count >= 8 {
            let otherPrefix = unsafe UInt64(bigEndian: other.loadUnaligned(as: UInt64.self))
            if prefix != otherPrefix { return prefix < otherPrefix ? -1 : 1 }
        }
        let order = unsafe Int(memcmp(bytes.baseAddress.unsafelyUnwrapped, other, min(bytes.count, count)))
        return unsafe order != 0 ? order : bytes.count &- count
    }
}

extension UnsafeRawPointer {
    @unsafe
    @inline(__always)
    fileprivate func load16(_ offset: Int) -> UInt16 { unsafe loadUnaligned(fromByteOffset: offset, as: UInt16.self) }

    @unsafe
    @inline(__always)
    fileprivate func load32(_ offset: Int) -> UInt32 { unsafe loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
}
