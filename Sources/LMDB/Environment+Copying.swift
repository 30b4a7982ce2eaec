internal import CLMDB

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

extension Environment {
    /// How often a copy is begun at most, where other processes make the file grow faster than that.
    private static let mostCopyBeginnings = 1_000

    /// Writes a consistent copy of the file into the directory `path`, where it appears under its name whole, verified and flushed, or not
    /// at all. Reads and writes go on meanwhile; as with every reader, pages freed since it began are not reused until it ends.
    ///
    /// LMDB's own copy is never flushed and leaves its half under the final name when it fails.
    ///
    /// - Parameters:
    ///   - compacting: Whether free pages are left out, which costs more time and gives a smaller file.
    ///   - verify: Checks the copy, which lies in the directory given, before it gets its name.
    ///   - started: Is called with the path of the file that is being written, inside a read transaction; again if it is begun anew.
    /// - Throws: ``LMDBError``: `EEXIST` if there is such a file, an `errno`; what `verify` throws.
    package func copy(
        to path: String, compacting: Bool, started: (_ file: String) -> Void,
        verify: (_ directory: String) throws -> Void
    ) throws {
        try checkFork()
        let target = path + "/" + FileName.data
        for directory in try FileSystem.makeDirectories(path) { try FileSystem.flush(directory) }
        if try FileSystem.identity(of: target) != nil {
            throw LMDBError(.init(rawValue: EEXIST), operation: "backup", path: target)
        }
        // What copies have left whose process was killed. One that goes on holds its directory.
        for name in FileSystem.names(in: path) where name.hasPrefix(FileName.copyPrefix) {
            let left = path + "/" + name
            guard try FileSystem.identity(of: left + "/" + FileName.data) != nil,
                let hold = FileSystem.holdDirectory(left, waits: false)
            else { continue }
            FileSystem.removeDirectory(left)
            hold.end()
        }
        let directory = try FileSystem.makeTemporaryDirectory(in: path, prefix: FileName.copyPrefix)
        defer { FileSystem.removeDirectory(directory) }
        let hold = FileSystem.holdDirectory(directory, waits: true)
        defer { hold?.end() }
        let copy = directory + "/" + FileName.data
        var beginnings = 1
        while try !write(copy, in: directory, compacting: compacting, started: started) {
            try FileSystem.removeFile(copy)
            // Where a map has a limit, every commit of another process may make the file larger than it.
            guard beginnings < Self.mostCopyBeginnings else {
                throw LMDBError(.mapResized, operation: "mdb_env_copy2", path: copy)
            }
            beginnings += 1
        }
        // LMDB makes it readable for whoever the umask lets, in a directory that only we can read so far.
        try FileSystem.makePrivate(copy)
        try FileSystem.flush(copy)
        try verify(directory)
        guard try FileSystem.link(copy, to: target) else {
            throw LMDBError(.init(rawValue: EEXIST), operation: "backup", path: target)
        }
        try FileSystem.flush(path)
    }

    /// Writes the copy as LMDB does. Returns false, with an empty file, if another process has made the file grow beyond the map just now: whoever
    /// reads next takes over the larger size.
    private func write(
        _ copy: String, in directory: String, compacting: Bool, started: (_ file: String) -> Void
    ) throws -> Bool {
        // Counts as a reader, so that the map stays where it is.
        try read { _ in
            started(copy)
            let code = unsafe mdb_env_copy2(handle.pointer, directory, compacting ? UInt32(MDB_CP_COMPACT) : 0)
            if code == MDB_MAP_RESIZED { return false }
            try check(code, "mdb_env_copy2", path: copy)
            return true
        }
    }
}
