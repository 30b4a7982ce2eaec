internal import CLMDB

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A leaf of a tree in the file's map, whose entries are read in place: a call of LMDB for each would cost more than the rest of a scan.
///
/// Only of a read transaction, beneath which no page changes; for the form see ``Page``. What does not lie in the page itself, a long value above all, is left to
/// LMDB: there is no `LeafPage` then.
@safe
@usableFromInline
struct LeafPage {
    // Everything up to `start + size` can be read, and all entries were found to lie there.
    @usableFromInline let start: UnsafeRawPointer
    private let size: Int
    /// The number of entries.
    @usableFromInline let count: Int

    /// The page in which a key lies; `nil` if it is no leaf, or one of its entries does not lie in it whole.
    ///
    /// - Parameter size: That of the file's pages, no more than that of the system's, to which the map is aligned.
    init?(of key: UnsafePointer<UInt8>, size: Int) {
        let address = unsafe UnsafeRawPointer(key)
        unsafe start = address - Int(bitPattern: address) & (size - 1)
        self.size = size
        let (lower, upper) = unsafe (Int(Self.load(start + 12, UInt16.self)), Int(Self.load(start + 14, UInt16.self)))
        guard unsafe Self.load(start + 10, UInt16.self) == Page.Flag.leaf,
            lower >= Page.headerSize, lower <= upper, upper <= size
        else { return nil }
        count = (lower - Page.headerSize) / 2
        for index in 0..<count where !isWhole(index, from: upper) { return nil }
    }

    /// The size of a table's pages; 0 if it is larger than that of the system's pages, to which the map is aligned.
    @unsafe
    static func size(in table: Table, of transaction: OpaquePointer) throws(LMDBError) -> Int {
        var status = MDB_stat()
        try unsafe check(mdb_stat(transaction, table.handle, &status), "mdb_stat")
        return Int(status.ms_psize) <= Int(getpagesize()) ? Int(status.ms_psize) : 0
    }

    private func isWhole(_ index: Int, from upper: Int) -> Bool {
        let offset = offset(index)
        guard offset >= upper, offset + Page.Node.headerSize <= size else { return false }
        let node = unsafe start + offset
        let end = unsafe offset + Page.Node.headerSize + Self.keySize(node) + Self.valueSize(node)
        return unsafe end <= size && Self.load(node + 4, UInt16.self) == 0
    }

    /// Which entry has its key at an address; `nil` if none has.
    func index(ofKeyAt address: UnsafePointer<UInt8>) -> Int? {
        let offset = unsafe UnsafeRawPointer(address) - start - Page.Node.headerSize
        return (0..<count).first { self.offset($0) == offset }
    }

    /// Calls `body` with the key and the value of an entry.
    @inlinable
    @inline(__always)
    func withEntry<Result: ~Copyable, Failure: Error>(
        _ index: Int, _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        assert(index >= 0 && index < count)
        let node = unsafe start + offset(index)
        let key = unsafe UnsafeRawBufferPointer(start: node + 8, count: Self.keySize(node))
        let value = unsafe UnsafeRawBufferPointer(start: node + 8 + key.count, count: Self.valueSize(node))
        return try unsafe body(Span(_unsafeBytes: key), Span(_unsafeBytes: value))
    }

    // MARK: Nodes
    // 16 and 8 are the sizes of the headers, `Page.headerSize` and `Page.Node.headerSize`, which cannot be named in what is compiled into callers.

    @inlinable
    @inline(__always)
    func offset(_ index: Int) -> Int { unsafe Int(Self.load(start + 16 + 2 * index, UInt16.self)) }

    @unsafe
    @inlinable
    @inline(__always)
    static func keySize(_ node: UnsafeRawPointer) -> Int { unsafe Int(load(node + 6, UInt16.self)) }

    @unsafe
    @inlinable
    @inline(__always)
    static func valueSize(_ node: UnsafeRawPointer) -> Int { unsafe Int(load(node, UInt32.self)) }

    @unsafe
    @inlinable
    @inline(__always)
    static func load<Value: FixedWidthInteger & BitwiseCopyable>(
        _ address: UnsafeRawPointer, _ type: Value.Type
    ) -> Value {
        unsafe address.loadUnaligned(as: type)
    }
}
