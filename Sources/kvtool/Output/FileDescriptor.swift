#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Whole writes to and reads from a descriptor of this process, which is borrowed.
struct FileDescriptor {
    /// The number.
    var number: CInt

    static let standardInput = FileDescriptor(number: STDIN_FILENO)
    static let standardOutput = FileDescriptor(number: STDOUT_FILENO)
    static let standardError = FileDescriptor(number: STDERR_FILENO)

    /// Whether a person looks at it.
    var isTerminal: Bool {
        isatty(number) == 1
    }

    /// Writes all the bytes; returns 0, or `errno`.
    func write(_ bytes: [UInt8]) -> CInt {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Self.write(number, $0) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Somebody made the terminal or pipe non-blocking.
                var request = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&request, 1, -1)
            } else if errno != EINTR {
                return errno
            }
        }
        return 0
    }

    /// Reads up to `limit` bytes, at least one unless the end was reached, which gives an empty array.
    ///
    /// - Throws: `Failure` with the code for input and output.
    func read(limit: Int) throws -> [UInt8] {
        while true {
            var count = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, initializedCount in
                count = unsafe Self.read(number, UnsafeMutableRawBufferPointer(buffer))
                initializedCount = max(count, 0)
            }
            if count >= 0 { return bytes }
            guard errno == EINTR else { throw Failure.system("input cannot be read") }
        }
    }

    /// Reads to the end.
    ///
    /// - Throws: `Failure` with the code for input and output.
    func readToEnd() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while case let piece = try read(limit: 64 << 10), !piece.isEmpty { bytes += piece }
        return bytes
    }

    // The functions of the C library, which the methods of the same names hide.

    private static func write(_ number: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Darwin)
            unsafe Darwin.write(number, bytes.baseAddress, bytes.count)
        #elseif canImport(Musl)
            unsafe Musl.write(number, bytes.baseAddress, bytes.count)
        #else
            unsafe Glibc.write(number, bytes.baseAddress, bytes.count)
        #endif
    }

    private static func read(_ number: CInt, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        #if canImport(Darwin)
            unsafe Darwin.read(number, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
            unsafe Musl.read(number, buffer.baseAddress, buffer.count)
        #else
            unsafe Glibc.read(number, buffer.baseAddress, buffer.count)
        #endif
    }
}
