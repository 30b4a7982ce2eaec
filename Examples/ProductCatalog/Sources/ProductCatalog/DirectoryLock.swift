#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A lock on a directory, for one process. The system lets go of it when the process ends, whatever way.
struct DirectoryLock: ~Copyable {
    private let descriptor: Int32

    /// Takes the lock.
    ///
    /// - Throws: ``CatalogError/alreadyServed(_:)`` if another process has it, ``CatalogError/system(call:code:)``.
    init(_ directory: String) throws {
        let opened = unsafe open(directory + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard opened >= 0 else { throw CatalogError.system(call: "open", code: errno) }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(opened)
            throw code == EWOULDBLOCK
                ? CatalogError.alreadyServed(directory) : CatalogError.system(call: "flock", code: code)
        }
        descriptor = opened
    }

    deinit {
        close(descriptor)
    }
}
