internal import CProcessor

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A range of address space of its own, whose pages cost memory only once they are touched, and can be given back.
///
/// Where the system has huge pages they can be asked for: random accesses over a large table wait for address translation as much as for the data.
@safe
struct MappedMemory: ~Copyable {
    static let hugePage = 2 << 20
    /// Whether the system has them.
    #if os(Linux)
        static let hasHugePages = true
    #else
        static let hasHugePages = false
    #endif
    // `MADV_HUGEPAGE` and `MADV_COLLAPSE` of Linux, which not every C library declares.
    private static let hugePageAdvice: CInt = 14
    private static let collapseAdvice: CInt = 25

    private let mapping: UnsafeMutableRawPointer
    private let mappingByteCount: Int
    private let start: UnsafeMutableRawPointer
    /// The bytes that can be used, zero at first.
    let byteCount: Int

    /// Bytes behind the end that can be read too, for a lookup that was led astray; see ``ShardView``.
    static let margin = 4096

    /// Reserves address space. Traps if the process has none left.
    init(byteCount: Int) {
        self.byteCount = max(1, byteCount)
        let isLarge = byteCount >= Self.hugePage
        mappingByteCount = self.byteCount + Self.margin + (isLarge ? Self.hugePage : 0)
        #if os(Linux)
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        #else
            let flags = MAP_PRIVATE | MAP_ANON
        #endif
        let address = unsafe mmap(nil, mappingByteCount, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            preconditionFailure("out of address space")
        }
        unsafe mapping = address
        unsafe start = isLarge ? address.alignedUp(toMultipleOf: Self.hugePage) : address
    }

    /// Asks for huge pages from the first touch on, for bytes that will soon be touched everywhere.
    func preferHugePages(from offset: Int, count: Int) {
        assert(offset >= 0 && count >= 0 && offset + count <= byteCount)
        #if os(Linux)
            if count >= Self.hugePage { _ = unsafe madvise(start + offset, count, Self.hugePageAdvice) }
        #endif
    }

    /// Puts whole huge pages together from those of the usual size, of which some may not have been touched yet: `offset` and `end` are multiples of ``hugePage``.
    func collapse(from offset: Int, to end: Int) {
        assert(offset >= 0 && offset <= end && end <= byteCount)
        #if os(Linux)
            // Linux before 6.1 cannot at once; it may in time.
            if unsafe madvise(start + offset, end - offset, Self.collapseAdvice) != 0 {
                _ = unsafe madvise(start + offset, end - offset, Self.hugePageAdvice)
            }
        #endif
    }

    deinit {
        _ = unsafe munmap(mapping, mappingByteCount)
    }

    /// Reads a value. `offset` must lie inside, which debug builds check.
    @inline(__always)
    func load<T: BitwiseCopyable>(_ offset: Int, as type: T.Type) -> T {
        assert(offset >= 0 && offset + MemoryLayout<T>.size <= byteCount)
        return unsafe start.load(fromByteOffset: offset, as: type)
    }

    /// Writes a value. `offset` must lie inside, which debug builds check.
    @inline(__always)
    func store<T: BitwiseCopyable>(_ value: T, at offset: Int) {
        assert(offset >= 0 && offset + MemoryLayout<T>.size <= byteCount)
        unsafe start.storeBytes(of: value, toByteOffset: offset, as: T.self)
    }

    /// Brings the cache line at `offset` closer, for a read that is to follow.
    @inline(__always)
    func prefetch(_ offset: Int) {
        unsafe larder_prefetch(start + offset)
    }

    /// Which of the first seven words of eight bytes in the cache line at `offset` have `half` as their upper half: bit 2 n + 1 for word n.
    @inline(__always)
    func words(withUpperHalf half: UInt32, at offset: Int) -> UInt32 {
        assert(offset >= 0 && offset + 64 <= byteCount)
        return unsafe larder_words_with_upper_half(start + offset, half)
    }

    /// Which of them have `half` as their lower half: bit 2 n for word n.
    @inline(__always)
    func words(withLowerHalf half: UInt32, at offset: Int) -> UInt32 {
        assert(offset >= 0 && offset + 64 <= byteCount)
        return unsafe larder_words_with_lower_half(start + offset, half)
    }

    /// Where the bytes lie, for someone who looks at them without owning them.
    @inline(__always)
    var address: UInt { unsafe UInt(bitPattern: start) }

    /// The bytes of a range, valid until the memory goes or the range is written.
    @inline(__always)
    @unsafe
    func bytes(at offset: Int, count: Int) -> UnsafeRawBufferPointer {
        assert(offset >= 0 && count >= 0 && offset + count <= byteCount)
        return unsafe UnsafeRawBufferPointer(start: start + offset, count: count)
    }

    /// Copies bytes in.
    @inline(__always)
    func write(_ bytes: Span<UInt8>, at offset: Int) {
        assert(offset >= 0 && offset + bytes.count <= byteCount)
        unsafe bytes.withUnsafeBufferPointer { source in
            guard let address = source.baseAddress else { return }
            unsafe (start + offset).copyMemory(from: address, byteCount: source.count)
        }
    }

    /// Copies a range to another place inside; the two may not overlap.
    func move(from source: Int, to target: Int, count: Int) {
        assert(max(source, target) + count <= byteCount)
        unsafe (start + target).copyMemory(from: start + source, byteCount: count)
    }

    /// Copies bytes of another range to the front.
    func copy(from other: borrowing MappedMemory, at offset: Int, count: Int) {
        assert(offset >= 0 && count <= byteCount && offset + count <= other.byteCount)
        unsafe start.copyMemory(from: other.start + offset, byteCount: count)
    }

    /// Gives the whole pages from `offset` up to `end` back to the system; they read as zero afterwards.
    func discard(from offset: Int, to end: Int) {
        let page = Int(getpagesize())
        let first = offset.roundedUp(toMultipleOf: page)
        guard first < end else { return }
        #if os(Linux)
            _ = unsafe madvise(start + first, end - first, MADV_DONTNEED)
        #else
            _ = unsafe mmap(
                start + first, end - first, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_FIXED, -1, 0)
        #endif
    }
}

/// Memory that nobody uses any more, but that a lookup without a lock may still read: its address space stays, and costs nothing else.
final class RetiredMemory: Sendable {
    private let memory: MappedMemory
    private let earlier: RetiredMemory?

    init(_ memory: consuming MappedMemory, before earlier: RetiredMemory?) {
        memory.discard(from: 0, to: memory.byteCount)
        self.memory = memory
        self.earlier = earlier
    }
}

extension Int {
    /// The next multiple of a power of two.
    @inline(__always)
    func roundedUp(toMultipleOf factor: Int) -> Int { (self &+ factor &- 1) & ~(factor &- 1) }
}

// It owns its range alone, and cannot be copied.
extension MappedMemory: @unchecked Sendable {}
