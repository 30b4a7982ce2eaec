internal import CLMDB
internal import Synchronization

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Where LMDB has mapped the file, which it does not tell: a page says what number it has, and so where the first one lies.
struct FileMap: ~Copyable, Sendable {
    static let systemPageSize = Int(getpagesize())

    /// Where the map was found to begin. It moves when it grows.
    private let start = Atomic<UInt>(0)

    /// The pages of the map that a read transaction may see, of which one holds `address`; `nil` if that page's number cannot be right, or if commits since have
    /// overwritten the meta page that says how many there are.
    ///
    /// - Parameter size: That of the file's pages, no more than that of the system's, to which the map is aligned.
    @unsafe
    func pages(around address: UnsafeRawPointer, size: Int, of transaction: OpaquePointer) -> MappedPages? {
        let page = unsafe address - Int(bitPattern: address) & (size - 1)
        let number = unsafe page.load(as: UInt64.self)
        guard number < UInt64(UInt(bitPattern: page)) / UInt64(size) else { return nil }
        let first = unsafe page - Int(number) * size
        if UInt(bitPattern: first) != start.load(ordering: .relaxed) {
            guard unsafe Self.isStart(first) else { return nil }
            start.store(UInt(bitPattern: first), ordering: .relaxed)
        }
        let id = unsafe UInt64(UInt(bitPattern: mdb_txn_id(transaction)))
        let meta = unsafe first + Int(id % 2) * size + Page.headerSize
        let last = unsafe meta.load(fromByteOffset: Meta.lastPageOffset, as: UInt64.self)
        guard unsafe meta.load(fromByteOffset: Meta.transactionIDOffset, as: UInt64.self) == id, number <= last else {
            return nil
        }
        return unsafe MappedPages(start: first, size: size, count: last &+ 1)
    }

    /// Whether the file's first page is mapped at an address.
    @unsafe
    private static func isStart(_ address: UnsafeRawPointer) -> Bool {
        // The system looks for a name there, and says if it cannot read one: the number of a damaged page leads anywhere.
        let isReadable = unsafe access(address.assumingMemoryBound(to: CChar.self), F_OK) == 0 || errno != EFAULT
        guard isReadable, unsafe address.load(as: UInt64.self) == 0 else { return false }
        let page = unsafe UnsafeRawBufferPointer(start: address, count: Page.headerSize + Meta.size)
        return unsafe Meta.isMeta(Page(bytes: Array(page)))
    }
}

/// The pages of the file's map.
@safe
struct MappedPages {
    private let start: UnsafeRawPointer
    /// Bytes of a page.
    let size: Int
    /// How many there are.
    let count: UInt64

    @unsafe
    init(start: UnsafeRawPointer, size: Int, count: UInt64) {
        unsafe self.start = start
        self.size = size
        self.count = count
    }

    /// Where the first lies.
    var address: UInt { unsafe UInt(bitPattern: start) }

    /// The page of a number, if there is one that says so itself.
    @inline(__always)
    func page(_ number: UInt64) -> UnsafeRawPointer? {
        guard number < count else { return nil }
        let page = unsafe start + Int(truncatingIfNeeded: number) &* size
        return unsafe page.load(as: UInt64.self) == number ? page : nil
    }

    /// Whether so many bytes, from the beginning of a page on, are in the map.
    func holds(_ byteCount: Int, from number: UInt64) -> Bool {
        byteCount <= Int(truncatingIfNeeded: count - number) * size
    }
}
