#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The few system calls on files and directories that this layer needs, with typed errors.
package enum FileSystem {
    /// A file's device and inode: two paths with the same identity are one file.
    package struct Identity: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64
    }

    private static func failure(_ operation: String, _ path: String) -> LMDBError {
        LMDBError(.init(rawValue: errno), operation: operation, path: path)
    }

    /// The identity of the file at `path`, or `nil` where there is none.
    package static func identity(of path: String) throws(LMDBError) -> Identity? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            if errno == ENOENT { return nil }
            throw failure("stat", path)
        }
        return Identity(device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(status.st_ino))
    }

    /// The size of the file at `path` in bytes, and how many bytes of the disk it holds (a sparse file holds less).
    package static func size(of path: String) throws(LMDBError) -> (length: Int, allocated: Int) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw failure("stat", path) }
        return (Int(status.st_size), Int(status.st_blocks) * 512)
    }

    /// Whether the file system that holds `path` has no more room than a commit needs.
    ///
    /// LMDB reports a short write on a full disk as `EIO`; this tells the real cause.
    package static func isFull(at path: String) -> Bool {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0 else { return false }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize) < 1 << 20
    }

    /// Makes a directory, mode 0700, with its missing parents; returns the directory that has to be flushed for the new name to
    /// survive a power cut, or `nil` if nothing was made.
    static func makeDirectories(_ path: String) throws(LMDBError) -> [String] {
        if try identity(of: path) != nil { return [] }
        let parent = parent(of: path)
        var changed = try makeDirectories(parent)
        if unsafe mkdir(path, 0o700) == 0 {
            changed.append(parent)
        } else if errno != EEXIST {
            throw failure("mkdir", path)
        }
        return changed
    }

    /// Makes a directory of a name that nobody else has, mode 0700, in `directory`.
    package static func makeTemporaryDirectory(in directory: String, prefix: String) throws(LMDBError) -> String {
        var template = Array((directory + "/" + prefix + "XXXXXX").utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw failure("mkdtemp", directory) }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes a directory and the files in it, one level deep; what is not there is no error.
    package static func removeDirectory(_ path: String) {
        for name in names(in: path) {
            _ = unsafe unlink(path + "/" + name)
        }
        _ = unsafe rmdir(path)
    }

    /// A lock on a directory, which ends with the process too.
    struct DirectoryHold {
        fileprivate let descriptor: Int32

        func end() { close(descriptor) }
    }

    /// Locks a directory against others who do so (`flock`); nil if someone else holds it, or it cannot be locked.
    static func holdDirectory(_ path: String, waits: Bool) -> DirectoryHold? {
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        guard flock(descriptor, waits ? LOCK_EX : LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        return DirectoryHold(descriptor: descriptor)
    }

    /// Removes a file; one that is not there is no error.
    static func removeFile(_ path: String) throws(LMDBError) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else { throw failure("unlink", path) }
    }

    /// The names in a directory, without `.` and `..`; none if it cannot be read.
    package static func names(in path: String) -> [String] {
        guard let stream = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// Gives a file a second name; returns `false` if the name is taken.
    static func link(_ path: String, to name: String) throws(LMDBError) -> Bool {
        #if canImport(Darwin)
            let result = unsafe Darwin.link(path, name)
        #elseif canImport(Glibc)
            let result = unsafe Glibc.link(path, name)
        #elseif canImport(Musl)
            let result = unsafe Musl.link(path, name)
        #endif
        if result == 0 { return true }
        if errno == EEXIST { return false }
        throw failure("link", name)
    }

    /// Gives a file mode 0600.
    static func makePrivate(_ path: String) throws(LMDBError) {
        guard unsafe chmod(path, 0o600) == 0 else { throw failure("chmod", path) }
    }

    /// Flushes a file or a directory (its names) to the disk.
    package static func flush(_ path: String) throws(LMDBError) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("fsync", path) }
    }

    /// Writes all of `bytes` into an open file at `offset`, in as many steps as the system takes.
    ///
    /// - Throws: ``LMDBError``: an `errno`, `ENOSPC` where the system takes nothing without saying why.
    static func write(_ bytes: [UInt8], to descriptor: CInt, at offset: Int, path: String) throws(LMDBError) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe pwrite(
                    descriptor, buffer.baseAddress! + written, buffer.count - written, off_t(offset + written))
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("pwrite", path) }
            guard count > 0 else { throw LMDBError(.init(rawValue: ENOSPC), operation: "pwrite", path: path) }
            written += count
        }
    }

    /// The directory that holds the last component of `path`.
    static func parent(of path: String) -> String {
        var bytes = Substring(path).utf8
        while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == bytes.startIndex ? "/" : String(bytes[..<slash]) ?? "."
    }
}
