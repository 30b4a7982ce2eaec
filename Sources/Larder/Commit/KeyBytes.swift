/// Bytes of keys, one key after the other. A key is copied by a call of `memcpy`: appending one to an array takes ten times as many
/// instructions as that.
@safe
struct KeyBytes: ~Copyable {
    private var start = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    /// How many bytes there are.
    private(set) var count = 0

    private static let leastCapacity = 512

    deinit {
        unsafe start.deallocate()
    }

    /// Appends bytes. Amortized O(`bytes.count`).
    @inline(__always)
    mutating func append(_ bytes: Span<UInt8>) {
        if unsafe count + bytes.count > start.count { grow(to: count + bytes.count) }
        unsafe bytes.withUnsafeBytes { source in
            unsafe UnsafeMutableRawBufferPointer(rebasing: start[count...]).copyMemory(from: source)
        }
        count += bytes.count
    }

    @inline(never)
    private mutating func grow(to least: Int) {
        let capacity = unsafe max(least, 2 * start.count, Self.leastCapacity)
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 1)
        unsafe larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: start[..<count]))
        unsafe start.deallocate()
        unsafe start = larger
    }

    /// Removes all bytes and keeps the memory.
    mutating func removeAll() {
        count = 0
    }

    /// Calls `body` with the bytes.
    @inline(__always)
    func withBytes<Result>(_ body: (Span<UInt8>) throws -> Result) rethrows -> Result {
        try unsafe body(UnsafeRawBufferPointer(rebasing: start[..<count]).bindMemory(to: UInt8.self).span)
    }
}
