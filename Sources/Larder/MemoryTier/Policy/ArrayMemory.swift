extension Array {
    /// The memory of an array that is made with so many elements, in bytes: them, its header, and what an allocator rounds up by, which is up to 32 bytes
    /// or, from 128 KiB on, a page (glibc; others round up more).
    @inline(__always)
    static func byteCount(_ count: Int) -> Int {
        let bytes = count * MemoryLayout<Element>.stride + 64
        return bytes < 128 << 10 ? bytes : (bytes + 4095) & ~4095
    }
}
