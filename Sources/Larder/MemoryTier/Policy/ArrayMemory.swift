extension Array {
    /// The memory of an array that is made with so many elements, in bytes: them, its header, and at most 32 bytes by which an allocator rounds up.
    @inline(__always)
    static func byteCount(_ count: Int) -> Int { count * MemoryLayout<Element>.stride + 64 }
}
