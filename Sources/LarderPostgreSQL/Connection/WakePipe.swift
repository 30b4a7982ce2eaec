#if PostgreSQL
    #if canImport(Darwin)
        internal import Darwin
    #elseif canImport(Glibc)
        internal import Glibc
    #elseif canImport(Musl)
        internal import Musl
    #endif

    /// A pipe of which one end is polled by a thread that waits for a server, and the other tells it from outside to look up.
    final class WakePipe: Sendable {
        /// What to poll for reading.
        let descriptor: Int32
        private let writingEnd: Int32

        /// - Throws: ``PostgreSQLError/Code-swift.struct/notConnected`` where the process has no file descriptor to spare.
        init() throws(PostgreSQLError) {
            var ends: [Int32] = [0, 0]
            guard unsafe pipe(&ends) == 0 else { throw PostgreSQLError(.notConnected) }
            for end in ends {
                _ = fcntl(end, F_SETFD, FD_CLOEXEC)
                _ = fcntl(end, F_SETFL, O_NONBLOCK)
            }
            (descriptor, writingEnd) = (ends[0], ends[1])
        }

        deinit {
            close(descriptor)
            close(writingEnd)
        }

        /// Wakes who polls, now or when next it does. A full pipe has woken it already.
        func wake() {
            var byte: UInt8 = 1
            _ = unsafe write(writingEnd, &byte, 1)
        }

        /// Forgets all that has woken it.
        func drain() {
            var bytes = [UInt8](repeating: 0, count: 64)
            while unsafe read(descriptor, &bytes, bytes.count) > 0 {}
        }
    }
#endif
