internal import CLMDB

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

extension Environment {
    /// The names of the files in an environment's directory.
    package enum FileName {
        /// LMDB's data.
        package static let data = "data.mdb"
        /// LMDB's locks and reader table. Never open it: closing it would free LMDB's locks.
        package static let lock = "lock.mdb"
        /// The locks between this layer's processes; see ``ProcessLock``.
        package static let writerLock = "writer.lock"
        /// Prefix of a directory in which a new file is made before it gets its name.
        static let creationPrefix = "creating."
        /// Prefix of a directory in which a copy is made before it gets its name.
        static let copyPrefix = "copying."
    }

    /// Opens the environment in the directory `path`, and makes it first if `initialize` is given and there is none; unless `createsIfMissing` says otherwise,
    /// but for one that a recovery has removed.
    ///
    /// A new file appears under its name whole: with what `initialize` wrote in it, and flushed, so that a power cut leaves either no
    /// file or a good one. Directories are made with mode 0700, files with 0600. Opening flushes what a killed process may have left
    /// unflushed and frees the reader slots of dead processes. The time it takes does not depend on the file's size.
    ///
    /// - Throws: ``LMDBError``: `ENOENT` without `initialize` where there is no such file,
    ///   ``LMDBError/Code-swift.struct/alreadyOpen``, ``LMDBError/Code-swift.struct/invalid`` for a file that is not LMDB's,
    ///   ``LMDBError/Code-swift.struct/versionMismatch``, ``LMDBError/Code-swift.struct/flushingMismatch``,
    ///   ``LMDBError/Code-swift.struct/unflushed`` (only without a recovery), an `errno`; what `initialize` or the recovery throws.
    package static func open(
        at path: String, options: EnvironmentOptions = .init(), createsIfMissing: Bool = true,
        initialize: ((inout WriteTransaction) throws -> Void)? = nil
    ) throws -> Environment {
        ForkDetection.install()
        let creates = createsIfMissing && initialize != nil
        return try EnvironmentRegistry.opening { open in
            if creates {
                for directory in try FileSystem.makeDirectories(path) { try FileSystem.flush(directory) }
            }
            let data = path + "/" + FileName.data
            let lock = path + "/" + FileName.writerLock
            // Before anything is opened: to open and close a file that is in use here would free its locks.
            for file in [data, lock] {
                if let identity = try FileSystem.identity(of: file), open.contains(identity) {
                    throw LMDBError(.alreadyOpen, operation: "open", path: path)
                }
            }
            if !creates, try FileSystem.identity(of: data) == nil {
                throw LMDBError(.init(rawValue: ENOENT), operation: "open", path: data)
            }
            // LMDB would make an environment of an empty file, in a way that a power cut can spoil.
            if try FileSystem.identity(of: data) != nil, try FileSystem.size(of: data).length == 0 {
                throw LMDBError(.invalid, operation: "open", path: data)
            }
            let processLock = try ProcessLock(path: lock)
            try processLock.lock(.opening)
            defer { processLock.unlock(.opening) }
            let mark = OpenMark(lock: processLock, directory: path)
            var options = options
            var isEmptied = false
            options.flushing = try mark.join(flushing: options.flushing) { isEmptied = try recover(path, options) }
            do {
                if let initialize, creates || isEmptied {
                    // What a creator that died has left; nobody else is creating, since the lock is held.
                    for name in FileSystem.names(in: path) where name.hasPrefix(FileName.creationPrefix) {
                        FileSystem.removeDirectory(path + "/" + name)
                    }
                    if try FileSystem.identity(of: data) == nil {
                        try create(at: path, options: options, initialize: initialize)
                    }
                }
                try Meta.checkPageSizes(ofFileAt: data)
                let handle = try openHandle(at: path, options: options)
                do {
                    let identities = [try FileSystem.identity(of: data), try FileSystem.identity(of: lock)].compactMap {
                        $0
                    }
                    let metaPages = try prepare(handle, data: data)
                    // What an earlier opener left unflushed is flushed now.
                    if options.flushing != EnvironmentOptions.Flushing.none, mark.isThere { try? mark.clear() }
                    open.formUnion(identities)
                    return Environment(
                        handle: handle, mark: mark, metaPages: metaPages, identities: identities, options: options)
                } catch {
                    unsafe mdb_env_close(handle.pointer)
                    throw error
                }
            } catch {
                processLock.unlock(.open)
                throw error
            }
        }
    }

    /// Nobody has the file open, and the machine went down while it was not flushed. Returns whether the file was removed.
    private static func recover(_ path: String, _ options: EnvironmentOptions) throws -> Bool {
        guard let recovery = options.recovery else {
            throw LMDBError(.unflushed, operation: "open", path: path)
        }
        if try recovery(path) { return false }
        try FileSystem.removeFile(path + "/" + FileName.data)
        try FileSystem.removeFile(path + "/" + FileName.lock)
        try FileSystem.flush(path)
        return true
    }

    /// Makes the file in a directory of its own and gives it its name when it is whole and on the disk. The caller holds the lock.
    private static func create(
        at path: String, options: EnvironmentOptions, initialize: (inout WriteTransaction) throws -> Void
    ) throws {
        let directory = try FileSystem.makeTemporaryDirectory(in: path, prefix: FileName.creationPrefix)
        defer { FileSystem.removeDirectory(directory) }
        var options = options
        options.flushing = .full
        let handle = try openHandle(at: directory, options: options)
        do {
            defer { unsafe mdb_env_close(handle.pointer) }
            var pointer: OpaquePointer?
            try unsafe check(mdb_txn_begin(handle.pointer, nil, 0, &pointer), "mdb_txn_begin", path: directory)
            guard let pointer = unsafe pointer else { throw LMDBError(.invalid, operation: "mdb_txn_begin") }
            var transaction = unsafe WriteTransaction(handle: pointer)
            try initialize(&transaction)
            try transaction.commit()
            try handle.flush()
        }
        let data = directory + "/" + FileName.data
        try FileSystem.flush(data)
        // A process that does not know the lock may have been first; then its file is the one.
        _ = try FileSystem.link(data, to: path + "/" + FileName.data)
        try FileSystem.flush(path)
    }

    static func openHandle(at path: String, options: EnvironmentOptions) throws(LMDBError) -> EnvironmentHandle {
        var mapSize = options.mapSize
        while true {
            var pointer: OpaquePointer?
            try unsafe check(mdb_env_create(&pointer), "mdb_env_create")
            guard let pointer = unsafe pointer else { throw LMDBError(.invalid, operation: "mdb_env_create") }
            let code = unsafe configureAndOpen(pointer, at: path, mapSize: mapSize, options: options)
            if code == 0 { return unsafe EnvironmentHandle(pointer: pointer, path: path) }
            unsafe mdb_env_close(pointer)
            // Where address space is limited (`ulimit -v`), less of it may do.
            guard code == ENOMEM, mapSize > 1 << 22 else {
                throw LMDBError(.init(rawValue: code), operation: "mdb_env_open", path: path)
            }
            mapSize /= 2
        }
    }

    private static func configureAndOpen(
        _ pointer: OpaquePointer, at path: String, mapSize: Int, options: EnvironmentOptions
    ) -> Int32 {
        var code = unsafe mdb_env_set_mapsize(pointer, mapSize)
        if code == 0 { code = unsafe mdb_env_set_maxdbs(pointer, UInt32(options.maximumTables)) }
        if code == 0 { code = unsafe mdb_env_set_maxreaders(pointer, UInt32(options.maximumReaders)) }
        if code == 0 {
            let flags = UInt32(MDB_NOTLS) | (options.flushing ?? .full).flags
            code = unsafe mdb_env_open(pointer, path, flags, 0o600)
        }
        return code
    }

    /// What every open does before the first read.
    private static func prepare(_ handle: EnvironmentHandle, data: String) throws -> MetaPages {
        try unsafe check(mdb_reader_check(handle.pointer, nil), "mdb_reader_check", path: handle.path)
        // Opening takes the newest meta page from the page cache; the killed process that wrote it may not have flushed it.
        try handle.flush()
        var status = MDB_stat()
        try unsafe check(mdb_env_stat(handle.pointer, &status), "mdb_env_stat", path: handle.path)
        let metaPages = try MetaPages(path: data, pageSize: Int(status.ms_psize))
        var info = unsafe MDB_envinfo()
        for _ in 0..<1_000 {
            // Another process may commit between the two looks.
            let seen = metaPages.lastTransactionID
            try unsafe check(mdb_env_info(handle.pointer, &info), "mdb_env_info", path: handle.path)
            if unsafe UInt64(UInt(bitPattern: info.me_last_txnid)) == seen { return metaPages }
        }
        throw LMDBError(.unknownLayout, operation: "open", path: data)
    }
}
