/// Reads an access trace, request by request, in constant memory.
///
/// A trace is text, plain or gzip'd: one request a line, `key` or `key,size`, both unsigned decimal integers; the size is in
/// bytes. Lines end in LF or CRLF, the last one may end without. Lines that begin with `#` are comments; they and empty lines
/// are passed over. Nothing else is allowed: no blanks, no signs, no further fields.
///
/// ```swift
/// var reader = try TraceReader(FileByteSource(path: "swift-build.trace.gz"))
/// while let request = try reader.next() { … }
/// ```
struct TraceReader<Source: ByteSource & ~Copyable>: ~Copyable {
    /// What the comments before the first request say of the trace.
    private(set) var header = TraceHeader()

    /// The line, counted from 1, that is read next.
    private(set) var line = 1

    private var source: DecompressingByteSource<Source>
    private var buffer = ByteBuffer()
    private var failure: TraceError?

    /// Begins to read a trace, up to its first request.
    ///
    /// - Throws: `TraceError` if the source cannot be read or decoded.
    init(_ source: consuming Source) throws(TraceError) {
        self.source = DecompressingByteSource(source)
        while let byte = try peek(), try skip(byte, isLeading: true) {}
    }

    /// The next request; `nil` at the end.
    ///
    /// Takes amortized constant time: the source is read 64 KiB at a time.
    ///
    /// - Throws: `TraceError` with the line's number if the line is malformed or the source fails. An error ends the trace:
    ///   every later call throws it again.
    mutating func next() throws(TraceError) -> TraceRequest? {
        if let failure {
            throw failure
        }
        do throws(TraceError) {
            while let byte = try peek() {
                if try !skip(byte, isLeading: false) {
                    return try parseRequest()
                }
            }
            return nil
        } catch {
            failure = error
            throw error
        }
    }
}

// MARK: - Lines

extension TraceReader where Source: ~Copyable {
    /// Passes over the rest of an empty line or a comment; false, having done nothing, at the beginning of a request.
    ///
    /// - Parameter byte: The line's first byte, not taken yet.
    private mutating func skip(_ byte: UInt8, isLeading: Bool) throws(TraceError) -> Bool {
        switch byte {
        case ASCII.lineFeed, ASCII.carriageReturn:
            try takeEndOfLine(orElse: .invalidKey)
        case ASCII.numberSign:
            try takeComment(isLeading: isLeading)
        default:
            return false
        }
        return true
    }

    private mutating func parseRequest() throws(TraceError) -> TraceRequest {
        let key = try takeNumber(upTo: .max, orElse: .invalidKey, .keyOutOfRange)
        guard try peek() == ASCII.comma else {
            try takeEndOfLine(orElse: .invalidKey)
            return TraceRequest(key: key, size: nil)
        }
        buffer.skip(1)
        let size = try takeNumber(upTo: UInt64(Int.max), orElse: .invalidSize, .sizeOutOfRange)
        try takeEndOfLine(orElse: .invalidSize)
        return TraceRequest(key: key, size: Int(size))
    }

    private mutating func takeNumber(
        upTo limit: UInt64, orElse invalid: TraceError.Code, _ outOfRange: TraceError.Code
    ) throws(TraceError) -> UInt64 {
        var value: UInt64 = 0
        var digits = 0
        while let byte = try peek(), byte &- ASCII.zero <= 9 {
            let (tens, tooManyTens) = value.multipliedReportingOverflow(by: 10)
            let (sum, tooManyOnes) = tens.addingReportingOverflow(UInt64(byte &- ASCII.zero))
            guard !tooManyTens, !tooManyOnes, sum <= limit else {
                throw TraceError(outOfRange, line: line)
            }
            value = sum
            digits += 1
            buffer.skip(1)
        }
        guard digits > 0 else {
            throw TraceError(invalid, line: line)
        }
        return value
    }

    /// Takes LF, CRLF, CR at the end of the trace, or that end itself.
    private mutating func takeEndOfLine(orElse code: TraceError.Code) throws(TraceError) {
        if try peek() == ASCII.carriageReturn {
            buffer.skip(1)
        }
        guard let byte = try peek() else { return }
        guard byte == ASCII.lineFeed else {
            throw TraceError(code, line: line)
        }
        buffer.skip(1)
        line += 1
    }

    private mutating func takeComment(isLeading: Bool) throws(TraceError) {
        // What is longer than this is prose: it is passed over, so that memory stays bounded.
        let longestHeader = 4 << 10
        var comment: [UInt8] = []
        buffer.skip(1)
        while let byte = try peek(), byte != ASCII.lineFeed {
            if isLeading, comment.count <= longestHeader {
                comment.append(byte)
            }
            buffer.skip(1)
        }
        if isLeading, comment.count <= longestHeader {
            header.merge(comment: comment)
        }
        try takeEndOfLine(orElse: .invalidKey)
    }
}

// MARK: - Bytes

extension TraceReader where Source: ~Copyable {
    /// The next byte, which stays; `nil` at the end.
    @inline(__always)
    private mutating func peek() throws(TraceError) -> UInt8? {
        if buffer.isEmpty, try !refill() {
            return nil
        }
        return buffer.first
    }

    @inline(never)
    private mutating func refill() throws(TraceError) -> Bool {
        do throws(TraceError) {
            return try buffer.fill(from: &source)
        } catch {
            var error = error
            error.line = line
            throw error
        }
    }
}

/// The bytes that mean something in a trace.
private enum ASCII {
    static let lineFeed: UInt8 = 0x0a
    static let carriageReturn: UInt8 = 0x0d
    static let numberSign: UInt8 = 0x23
    static let comma: UInt8 = 0x2c
    static let zero: UInt8 = 0x30
}
