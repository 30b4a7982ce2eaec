/// The form of LMDB 0.9's pages on a 64-bit machine, read from bytes with every access in bounds. All numbers are in the machine's order.
///
/// A page begins with its number (8 bytes), 2 unused, its flags (2), and the bounds of its free space (2 and 2) or, on the first page of a
/// large value, how many pages that has (4). The offsets of its nodes follow.
struct Page {
    static let headerSize = 16

    enum Flag {
        static let branch: UInt16 = 0x01
        static let leaf: UInt16 = 0x02
        static let overflow: UInt16 = 0x04
        static let meta: UInt16 = 0x08
    }

    let bytes: [UInt8]

    func integer<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type = Value.self) -> Value {
        unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: offset, as: Value.self) }
    }

    var number: UInt64 { integer(at: 0) }
    var flags: UInt16 { integer(at: 10) }
    var lower: Int { Int(integer(at: 12, as: UInt16.self)) }
    var upper: Int { Int(integer(at: 14, as: UInt16.self)) }
    var overflowPages: UInt64 { UInt64(integer(at: 12, as: UInt32.self)) }

    /// Whether the bounds of the free space make sense.
    var hasSoundBounds: Bool {
        lower >= Self.headerSize && lower <= upper && upper <= bytes.count && lower % 2 == 0
    }

    var nodeCount: Int { (lower - Self.headerSize) / 2 }

    /// A node of the page, or `nil` if it does not lie inside the page.
    func node(_ index: Int) -> Node? {
        let offset = Int(integer(at: Self.headerSize + 2 * index, as: UInt16.self))
        guard offset >= upper, offset % 2 == 0, offset + Node.headerSize <= bytes.count else { return nil }
        let node = Node(page: self, offset: offset)
        let size = flags & Flag.branch != 0 ? node.keySize : node.keySize + node.inlineSize
        return offset + Node.headerSize + size <= bytes.count ? node : nil
    }

    /// A node: 4 bytes of data size or page number, 2 of flags or the page number's rest, 2 of key size, the key, the data.
    struct Node {
        static let headerSize = 8
        static let bigData: UInt16 = 0x01
        static let subtree: UInt16 = 0x02

        let page: Page
        let offset: Int

        /// Bytes that the node takes: an even number.
        var size: Int {
            let data = page.flags & Flag.branch != 0 ? 0 : inlineSize
            return (Self.headerSize + keySize + data + 1) & ~1
        }

        var flags: UInt16 { page.integer(at: offset + 4) }
        var keySize: Int { Int(page.integer(at: offset + 6, as: UInt16.self)) }
        var dataSize: Int { Int(page.integer(at: offset, as: UInt32.self)) }
        /// Bytes of data in the page: those of a large value are elsewhere, and its page's number is here.
        var inlineSize: Int { flags & Self.bigData != 0 ? 8 : dataSize }
        var key: ArraySlice<UInt8> { page.bytes[offset + Self.headerSize..<offset + Self.headerSize + keySize] }
        var data: ArraySlice<UInt8> {
            page.bytes[offset + Self.headerSize + keySize..<offset + Self.headerSize + keySize + inlineSize]
        }
        /// The page below a node of a branch.
        var child: UInt64 {
            UInt64(page.integer(at: offset, as: UInt32.self)) | UInt64(flags) << 32
        }
        /// The first page of a large value.
        var overflowPage: UInt64 { page.integer(at: offset + Self.headerSize + keySize) }
    }
}

/// What LMDB records of a tree.
struct Tree {
    static let size = 48

    var flags: UInt16
    var depth: Int
    var branchPages: UInt64
    var leafPages: UInt64
    var overflowPages: UInt64
    var entries: UInt64
    /// Whether the keys are integers in the machine's order (`MDB_INTEGERKEY`), as in the tree of free pages.
    var hasIntegerKeys: Bool { flags & Self.integerKeys != 0 }
    static let integerKeys: UInt16 = 0x08
    /// `nil` for an empty tree.
    var root: UInt64?

    init(_ page: Page, at offset: Int) {
        flags = page.integer(at: offset + 4)
        depth = Int(page.integer(at: offset + 6, as: UInt16.self))
        branchPages = page.integer(at: offset + 8)
        leafPages = page.integer(at: offset + 16)
        overflowPages = page.integer(at: offset + 24)
        entries = page.integer(at: offset + 32)
        let root: UInt64 = page.integer(at: offset + 40)
        self.root = root == .max ? nil : root
    }
}

/// What a meta page says: the trees as of a transaction.
struct Meta {
    var pageSize: Int
    var free: Tree
    var main: Tree
    var lastPage: UInt64
    var transactionID: UInt64

    /// Bytes of it that are read.
    static let size = 136
    /// Behind the magic number, version, address and map size (24 bytes) and two tree descriptors (96).
    static let lastPageOffset = 120
    static let transactionIDOffset = 128

    /// Whether a page is a meta page of a file of LMDB 0.9.
    static func isMeta(_ page: Page) -> Bool {
        let start = Page.headerSize
        return page.bytes.count >= start + size && page.flags & Page.Flag.meta != 0
            && page.integer(at: start, as: UInt32.self) == 0xBEEF_C0DE
            && page.integer(at: start + 4, as: UInt32.self) == 1
    }

    /// Reads a meta page; `nil` if it is none.
    init?(_ page: Page) {
        let start = Page.headerSize
        guard Self.isMeta(page) else { return nil }
        // The page size stands where the tree of free pages has a padding.
        pageSize = Int(page.integer(at: start + 24, as: UInt32.self))
        free = Tree(page, at: start + 24)
        main = Tree(page, at: start + 72)
        lastPage = page.integer(at: start + Self.lastPageOffset)
        transactionID = page.integer(at: start + Self.transactionIDOffset)
        guard (256...65_536).contains(pageSize), pageSize & (pageSize - 1) == 0 else { return nil }
    }
}

extension Meta {
    /// Throws where both meta pages are LMDB's and name no page size, or two: LMDB maps the file by the newest one's and would fault.
    ///
    /// - Throws: ``LMDBError/Code-swift.struct/corrupted``; an `errno`. A file that is not LMDB's is left to LMDB to refuse.
    static func checkPageSizes(ofFileAt path: String) throws(LMDBError) {
        let smallest = 256
        guard let first = try PageFile(path: path, pageSize: smallest).page(0), isMeta(first) else { return }
        guard let pageSize = Meta(first)?.pageSize else {
            throw LMDBError(.corrupted, operation: "open", path: path)
        }
        guard let second = try PageFile(path: path, pageSize: pageSize).page(1) else {
            throw LMDBError(.corrupted, operation: "open", path: path)
        }
        guard isMeta(second) else { return }
        guard Meta(second)?.pageSize == pageSize else {
            throw LMDBError(.corrupted, operation: "open", path: path)
        }
    }
}
