/// Why a trace cannot be read.
///
/// The text of an error names a line, a file or the system's reason, never the bytes of the trace.
struct TraceError: Error, Equatable, Sendable {
    /// What went wrong.
    enum Code: Equatable, Sendable {
        /// A line whose key is not an unsigned decimal integer, or that holds more than a key and a size.
        case invalidKey
        /// A key of 2^64 or more.
        case keyOutOfRange
        /// A comma that is not followed by an unsigned decimal integer and the end of the line.
        case invalidSize
        /// A size greater than `Int.max`.
        case sizeOutOfRange
        /// Gzip data that ends before its last member does.
        case truncatedGzip
        /// Gzip data that cannot be decoded, fails its checksum, or is followed by something else.
        case corruptGzip
        /// A file that cannot be opened.
        case cannotOpen
        /// A file or stream that cannot be read on.
        case cannotRead
    }

    /// What went wrong.
    var code: Code

    /// The line, counted from 1, that could not be read to its end; `nil` if reading had not begun.
    var line: Int?

    /// The value of `errno`, where a system call failed.
    var systemError: CInt?

    init(_ code: Code, line: Int? = nil, systemError: CInt? = nil) {
        self.code = code
        self.line = line
        self.systemError = systemError
    }
}

extension TraceError: CustomStringConvertible {
    var description: String {
        let place = line.map { "line \($0): " } ?? ""
        let reason = systemError.map { ": \(Self.text(ofSystemError: $0))" } ?? ""
        return place + code.description + reason
    }
}

extension TraceError.Code: CustomStringConvertible {
    var description: String {
        switch self {
        case .invalidKey: "the key is not an unsigned decimal integer"
        case .keyOutOfRange: "the key does not fit in 64 bits"
        case .invalidSize: "the size is not an unsigned decimal integer"
        case .sizeOutOfRange: "the size is greater than \(Int.max) bytes"
        case .truncatedGzip: "the gzip data is cut short"
        case .corruptGzip: "the gzip data is damaged"
        case .cannotOpen: "the trace cannot be opened"
        case .cannotRead: "the trace cannot be read"
        }
    }
}
