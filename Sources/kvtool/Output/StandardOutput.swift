#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Nobody reads the output any more: the command has nothing left to do, and says nothing.
struct ClosedPipe: Error {}

/// Standard output, through a buffer. What is in it at the end is lost unless it is flushed.
struct StandardOutput: ~Copyable {
    private static let capacity = 64 << 10
    private var buffer: [UInt8] = []

    /// Whether a person looks at the output.
    var isTerminal: Bool { FileDescriptor.standardOutput.isTerminal }

    /// Writes bytes.
    ///
    /// - Throws: `ClosedPipe`; `Failure` with the code for input and output.
    mutating func write(_ bytes: some Collection<UInt8>) throws {
        buffer += bytes
        if buffer.count >= Self.capacity { try flush() }
    }

    /// Writes a text.
    mutating func write(_ text: String) throws {
        try write(text.utf8)
    }

    /// Writes a JSON text on a line of its own.
    mutating func write(_ json: JSON) throws {
        try write(json.text + [UInt8(ascii: "\n")])
    }

    /// Hands everything so far to the system.
    mutating func flush() throws {
        defer { buffer.removeAll(keepingCapacity: true) }
        switch FileDescriptor.standardOutput.write(buffer) {
        case 0: return
        case EPIPE: throw ClosedPipe()
        case let error: throw Failure.system("the output cannot be written", error)
        }
    }
}

/// Standard error: what is not data.
enum StandardError {
    /// Writes a text at once. Where that fails there is nobody to tell.
    static func write(_ text: String) {
        _ = FileDescriptor.standardError.write(Array(text.utf8))
    }

    /// Writes a sentence on a line of its own, with a capital letter as the argument parser's messages have.
    static func write(_ label: String, _ sentence: String) {
        write(label + sentence.prefix(1).uppercased() + sentence.dropFirst() + "\n")
    }
}
