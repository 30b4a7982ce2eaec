import CZlib

@testable import kvtool

/// What became of reading a trace to its end.
struct TraceOutcome: Equatable {
    var header = TraceHeader()
    var requests: [TraceRequest] = []
    var error: TraceError?

    init(reading bytes: [UInt8], pieceSize: Int = .max) {
        self.init(reading: MemoryByteSource(bytes, pieceSize: pieceSize))
    }

    init(reading text: String, pieceSize: Int = .max) {
        self.init(reading: Array(text.utf8), pieceSize: pieceSize)
    }

    init(readingFile path: String) {
        do throws(TraceError) {
            try read(FileByteSource(path: path))
        } catch {
            self.error = error
        }
    }

    init(reading source: consuming some ByteSource & ~Copyable) {
        do throws(TraceError) {
            try read(source)
        } catch {
            self.error = error
        }
    }

    private mutating func read(_ source: consuming some ByteSource & ~Copyable) throws(TraceError) {
        var reader = try TraceReader(source)
        header = reader.header
        while let request = try reader.next() {
            requests.append(request)
        }
    }
}

/// A source of the given bytes that fails where a file would end.
struct FailingByteSource: ByteSource {
    var source: MemoryByteSource
    var error: TraceError

    mutating func read(into buffer: inout MutableSpan<UInt8>) throws(TraceError) -> Int {
        let count = source.read(into: &buffer)
        guard count > 0 else { throw error }
        return count
    }
}

/// A source without an end: the same bytes over and over.
struct EndlessByteSource: ByteSource {
    var bytes: [UInt8]
    var position = 0

    mutating func read(into buffer: inout MutableSpan<UInt8>) -> Int {
        for index in buffer.indices {
            buffer[index] = bytes[position % bytes.count]
            position += 1
        }
        return buffer.count
    }
}

/// One gzip member that holds the given bytes.
func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = unsafe z_stream()
    let initialized = unsafe deflateInit2_(
        &stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        CInt(MemoryLayout<z_stream>.size))
    precondition(initialized == Z_OK)
    defer { _ = unsafe deflateEnd(&stream) }
    var input = bytes
    var output = [UInt8](repeating: 0, count: unsafe Int(deflateBound(&stream, uLong(bytes.count))))
    let produced = unsafe input.withUnsafeMutableBufferPointer { input in
        unsafe output.withUnsafeMutableBufferPointer { output in
            unsafe stream.next_in = input.baseAddress
            unsafe stream.avail_in = CUnsignedInt(input.count)
            unsafe stream.next_out = output.baseAddress
            unsafe stream.avail_out = CUnsignedInt(output.count)
            let result = unsafe deflate(&stream, Z_FINISH)
            precondition(result == Z_STREAM_END)
            return unsafe output.count - Int(stream.avail_out)
        }
    }
    return Array(output.prefix(produced))
}

func gzip(_ text: String) -> [UInt8] {
    gzip(Array(text.utf8))
}
