/// Bytes read ahead from a source, 64 KiB at most, and how far they have been used.
struct ByteBuffer {
    /// The bytes that were read and not used yet are those of `storage` at `unread`.
    private(set) var storage = [UInt8](repeating: 0, count: 64 << 10)
    private(set) var unread = 0..<0

    /// Whether all that was read has been used.
    @inline(__always)
    var isEmpty: Bool { unread.isEmpty }

    /// The next byte, which stays. The buffer must not be empty.
    @inline(__always)
    var first: UInt8 { storage[unread.lowerBound] }

    /// Counts bytes as used. They must be unread.
    @inline(__always)
    mutating func skip(_ count: Int) {
        unread = unread.lowerBound + count..<unread.upperBound
    }

    /// Reads more. The buffer must be empty.
    ///
    /// - Returns: Whether there was more; false at the source's end.
    /// - Throws: What the source throws; the buffer is empty then.
    mutating func fill(from source: inout some ByteSource & ~Copyable) throws(TraceError) -> Bool {
        precondition(isEmpty, "what is unread would be lost")
        unread = 0..<0
        var room = storage.mutableSpan
        let count = try source.read(into: &room)
        unread = 0..<count
        return count > 0
    }
}
