#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// What the processes that have an environment open agree on: what their commits flush, and whether the file may have been left unflushed
/// when the machine went down.
///
/// All openers flush alike, since one that does not would break the others' promise. Where nothing is flushed, a file beside the data
/// says so, with the boot it was made in, for as long as the environment is open and written to: if it is found in another boot, the machine went
/// down in between and the data may be anything.
struct OpenMark: Sendable {
    private static let fileName = "unflushed"

    let lock: ProcessLock
    let directory: String

    private var path: String {
        directory + "/" + Self.fileName
    }

    /// Joins those who have the environment open, or is the first of them. The lock `opening` is held.
    ///
    /// - Parameters:
    ///   - flushing: What this opener wants; `nil` takes over what the others do, or flushes fully.
    ///   - recover: Is called, before anything is opened, when the machine went down with the file unflushed and nobody has it open.
    /// - Returns: What commits flush.
    /// - Throws: ``LMDBError/Code-swift.struct/flushingMismatch``; an `errno`; what `recover` throws.
    func join(
        flushing: EnvironmentOptions.Flushing?, recover: () throws -> Void
    ) throws -> EnvironmentOptions.Flushing {
        guard try lock.tryLock(.open) else {
            let recorded = EnvironmentOptions.Flushing(rawValue: lock.recordedFlushing) ?? .full
            guard flushing == nil || flushing == recorded else {
                throw LMDBError(.flushingMismatch, operation: "open", path: directory)
            }
            try lock.prepareForWriters(isFirst: false)
            try lock.lockShared(.open)
            return recorded
        }
        // Nobody else has it open.
        if let boot = try markedBoot() {
            if boot != BootIdentifier.current || boot.isEmpty { try recover() }
        }
        let flushing = flushing ?? .full
        // Written before anything is mapped: to touch a page for which the disk has no room would kill the process.
        try lock.record(flushing: flushing.rawValue)
        try lock.prepareForWriters(isFirst: true)
        lock.isMarked = false
        if flushing == .none { try set() }
        try lock.lockShared(.open)
        return flushing
    }

    /// Leaves those who have the environment open; the last one flushes and takes the mark away.
    func leave(flush: () throws(LMDBError) -> Void) {
        defer { lock.unlock(.open) }
        guard (try? lock.lock(.opening)) != nil else { return }
        defer { lock.unlock(.opening) }
        guard (try? lock.tryLock(.open)) == true else { return }
        // If the flush fails, the mark stays and tells.
        if (try? flush()) != nil { try? clear() }
    }

    /// Takes the mark away: the file is flushed, and nobody writes.
    func clear() throws(LMDBError) {
        // First: a process that is killed in between must not leave others without a mark who believe that there is one.
        lock.isMarked = false
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw LMDBError(.init(rawValue: errno), operation: "unlink", path: path)
        }
        // Also where it was gone: an earlier flush of the directory may have failed.
        try FileSystem.flush(directory)
    }

    /// Whether the mark is there.
    var isThere: Bool { unsafe access(path, F_OK) == 0 }

    /// Sees to it that the mark is there and on the disk, before anything is written. One load where it is.
    @inline(__always)
    func setIfNeeded() throws(LMDBError) {
        if !lock.isMarked { try set() }
    }

    private func set() throws(LMDBError) {
        try write()
        lock.isMarked = true
    }

    private func write() throws(LMDBError) {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw LMDBError(.init(rawValue: errno), operation: "open", path: path) }
        defer { close(descriptor) }
        try FileSystem.write(Array(BootIdentifier.current.utf8), to: descriptor, at: 0, path: path)
        guard fsync(descriptor) == 0 else {
            throw LMDBError(.init(rawValue: errno), operation: "fsync", path: path)
        }
        try FileSystem.flush(directory)
    }

    private func markedBoot() throws(LMDBError) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw LMDBError(.init(rawValue: errno), operation: "open", path: path)
        }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = unsafe read(descriptor, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    }
}
