/// Where the bytes of a trace come from: a file, standard input, memory, or a decoder in front of one of them.
protocol ByteSource: ~Copyable {
    /// Reads some bytes, at least one unless the end was reached.
    ///
    /// - Parameter buffer: The place for the bytes; not empty. Its beginning is overwritten.
    /// - Returns: How many bytes were read; 0 at the end, and again at every later call.
    /// - Throws: `TraceError` if the bytes cannot be had or decoded. Its `line` is `nil`: bytes have no lines.
    mutating func read(into buffer: inout MutableSpan<UInt8>) throws(TraceError) -> Int
}

/// Bytes in memory, given out in pieces of a chosen size.
struct MemoryByteSource: ByteSource {
    private let bytes: [UInt8]
    private let pieceSize: Int
    private var position = 0

    /// - Parameters:
    ///   - bytes: What to give out.
    ///   - pieceSize: The most bytes that one read returns; at least 1.
    init(_ bytes: [UInt8], pieceSize: Int = .max) {
        precondition(pieceSize > 0, "a piece holds at least one byte")
        self.bytes = bytes
        self.pieceSize = pieceSize
    }

    mutating func read(into buffer: inout MutableSpan<UInt8>) -> Int {
        let count = min(pieceSize, buffer.count, bytes.count - position)
        for index in 0..<count {
            buffer[index] = bytes[position + index]
        }
        position += count
        return count
    }
}
