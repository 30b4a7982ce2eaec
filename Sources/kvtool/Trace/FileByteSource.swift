#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The bytes of a file or of standard input, read in order through a descriptor of its own.
struct FileByteSource: ByteSource, ~Copyable {
    private let descriptor: CInt
    private let isOwned: Bool

    /// Opens a file for reading.
    ///
    /// - Parameter path: The file's path, or `-` for standard input.
    /// - Throws: `TraceError` with code `cannotOpen`.
    init(path: String) throws(TraceError) {
        if path == "-" {
            descriptor = STDIN_FILENO
            isOwned = false
            return
        }
        let opened = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard opened >= 0 else {
            throw TraceError(.cannotOpen, systemError: errno)
        }
        descriptor = opened
        isOwned = true
    }

    deinit {
        if isOwned {
            _ = close(descriptor)
        }
    }

    mutating func read(into buffer: inout MutableSpan<UInt8>) throws(TraceError) -> Int {
        let descriptor = descriptor
        while true {
            let count = unsafe buffer.withUnsafeMutableBufferPointer { unsafe Self.read(descriptor, $0) }
            if count >= 0 {
                return count
            }
            // A signal, such as a terminal's change of size, is no reason to give up.
            guard errno == EINTR else {
                throw TraceError(.cannotRead, systemError: errno)
            }
        }
    }

    /// `read(2)`, which would be hidden by the method of the same name.
    private static func read(_ descriptor: CInt, _ buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
        #if canImport(Darwin)
            unsafe Darwin.read(descriptor, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
            unsafe Musl.read(descriptor, buffer.baseAddress, buffer.count)
        #else
            unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }
}

extension TraceError {
    /// The system's words for a value of `errno`.
    static func text(ofSystemError systemError: CInt) -> String {
        // The string belongs to the C library and may be overwritten by the next call: it is copied at once.
        unsafe strerror(systemError).map { unsafe String(cString: $0) } ?? "error \(systemError)"
    }
}
