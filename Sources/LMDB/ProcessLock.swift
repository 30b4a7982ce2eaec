#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A lock between processes, on a file of its own.
///
/// It is a POSIX record lock: the kernel frees it when its process dies, a forked child does not inherit it, and it belongs to the
/// whole process, so threads must be told apart before it. Closing any descriptor of the file would free it, so the file is opened
/// once per process. Taking and freeing it costs a system call each, under a microsecond without contention.
final class ProcessLock: Sendable {
    private let descriptor: Int32
    private let path: String

    /// Opens the lock's file, mode 0600, and makes it if it is not there.
    init(path: String) throws(LMDBError) {
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw LMDBError(.init(rawValue: errno), operation: "open", path: path) }
        self.path = path
    }

    deinit {
        close(descriptor)
    }

    /// Waits until no other process holds the lock, then holds it.
    func lock() throws(LMDBError) {
        try apply(Int16(F_WRLCK))
    }

    /// Lets go of the lock.
    func unlock() {
        // Freeing a lock that is held cannot fail on a valid descriptor.
        try? apply(Int16(F_UNLCK))
    }

    private func apply(_ kind: Int16) throws(LMDBError) {
        var request = flock()
        request.l_type = kind
        request.l_whence = Int16(SEEK_SET)
        while unsafe fcntl(descriptor, F_SETLKW, &request) == -1 {
            if errno != EINTR { throw LMDBError(.init(rawValue: errno), operation: "fcntl", path: path) }
        }
    }
}
