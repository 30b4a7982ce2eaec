import CZlib

/// A zlib stream that decodes one gzip member after another.
///
/// It does no I/O: its owner hands in the bytes and the room, and learns what became of both.
@safe
final class Inflater {
    /// What one step of decoding came to.
    struct Step {
        /// How a step ended.
        enum Outcome {
            /// It may be continued, with more input or more room.
            case unfinished
            /// The member is complete and its checksum right.
            case memberEnded
            /// The input is not gzip data, or its checksum is wrong.
            case corrupt
            /// zlib could not have the memory that it needs.
            case outOfMemory
        }

        var outcome: Outcome
        /// How many bytes of the input were used up.
        var consumed: Int
        /// How many bytes were written to the output; they are sound whatever the outcome.
        var produced: Int
    }

    // zlib keeps a pointer back to the structure, so that it must not move.
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Returns: `nil` if zlib could not have the memory that it needs.
    init?() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // The largest window, and a gzip header and trailer rather than zlib's own.
        let windowBits = MAX_WBITS + 16
        let result = unsafe inflateInit2_(stream, windowBits, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        // On failure the deinitializer runs all the same: inflateEnd refuses a stream that was never begun.
        guard result == Z_OK else { return nil }
    }

    deinit {
        _ = unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Forgets the member that ended, to begin with the next one.
    func beginMember() {
        _ = unsafe inflateReset(stream)
    }

    /// Decodes as much as the input and the room allow.
    ///
    /// - Parameters:
    ///   - input: The bytes that follow those consumed before; may be empty, as zlib can hold back output for want of room.
    ///   - output: The room; not empty. Its beginning is overwritten.
    func decode(_ input: Span<UInt8>, into output: inout MutableSpan<UInt8>) -> Step {
        unsafe input.withUnsafeBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                // zlib declares its input as mutable, and leaves it as it is.
                unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                unsafe stream.pointee.avail_in = CUnsignedInt(clamping: input.count)
                unsafe stream.pointee.next_out = output.baseAddress
                unsafe stream.pointee.avail_out = CUnsignedInt(clamping: output.count)
                let offeredInput = unsafe stream.pointee.avail_in
                let offeredOutput = unsafe stream.pointee.avail_out
                let result = unsafe inflate(stream, Z_NO_FLUSH)
                return unsafe Step(
                    outcome: Self.outcome(of: result),
                    consumed: Int(offeredInput - stream.pointee.avail_in),
                    produced: Int(offeredOutput - stream.pointee.avail_out))
            }
        }
    }

    private static func outcome(of result: CInt) -> Step.Outcome {
        switch result {
        // Z_BUF_ERROR says only that there was nothing to do.
        case Z_OK, Z_BUF_ERROR: .unfinished
        case Z_STREAM_END: .memberEnded
        case Z_MEM_ERROR: .outOfMemory
        default: .corrupt
        }
    }
}
