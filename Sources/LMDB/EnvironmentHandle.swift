internal import CLMDB

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The C environment and where it lies; the parts of an ``Environment`` share it.
@safe
final class EnvironmentHandle: @unchecked Sendable {
    // Unchecked: LMDB's environment may be used from any thread; what may not run at once is kept apart by the callers.
    private(set) var pointer: OpaquePointer
    let path: String

    init(pointer: OpaquePointer, path: String) {
        unsafe self.pointer = pointer
        self.path = path
    }

    /// Whether the C environment was closed and could not be opened again: nothing may use `pointer`.
    private(set) var isLost = false

    /// How often the map may have moved. It stays while a read transaction of this process is active.
    private(set) var mapNumber: UInt64 = 0

    /// The C environment was closed. No transaction of this process may be active.
    func markLost() {
        isLost = true
    }

    /// Puts another C environment in place of one that was closed. No transaction of this process may be active.
    func replace(by other: EnvironmentHandle) {
        unsafe pointer = other.pointer
        isLost = false
        mapNumber += 1
    }

    /// The map's size beyond which it grows only in steps of ``Environment/limitedMapGrowth``; `nil` where it doubles.
    private var mapLimit: Int?

    /// Sets the map's size, at least that of the file, and keeps it from growing but in small steps. No transaction of this process may be
    /// there, not even an idle one.
    func limitMap(to size: Int) throws(LMDBError) {
        mapLimit = size
        try setMapSize(size)
    }

    /// Sets the limit of the map again, where there is one, after ``replace(by:)``.
    func restoreMapLimit() throws(LMDBError) {
        if let mapLimit { try setMapSize(mapLimit) }
    }

    func checkNotLost() throws(LMDBError) {
        if isLost { throw LMDBError(.panic, operation: "use of the environment", path: path) }
    }

    /// Flushes data and meta pages to the disk, in every mode.
    func flush() throws(LMDBError) {
        try unsafe check(mdb_env_sync(pointer, 1), "mdb_env_sync", path: path)
    }

    /// Takes over the map size that another process has set, or the file's where the map has a limit. No read transaction of this process may be there, not even an idle one.
    ///
    /// - Throws: ``LMDBError/Code-swift.struct/corrupted`` where the file's last page lies beyond any map: trying again would never end.
    func adoptMapSize() throws(LMDBError) {
        var commit: Int?
        while true {
            try setMapSize(mapLimit ?? 0)
            var info = unsafe MDB_envinfo()
            try unsafe check(mdb_env_info(pointer, &info), "mdb_env_info", path: path)
            var status = MDB_stat()
            try unsafe check(mdb_env_stat(pointer, &status), "mdb_env_stat", path: path)
            if unsafe UInt(bitPattern: info.me_last_pgno) < UInt(bitPattern: info.me_mapsize) / UInt(status.ms_psize) {
                return
            }
            // It may have grown again just now; it is damage if the size still does not fit the same commit.
            if unsafe commit == info.me_last_txnid { throw LMDBError(.corrupted, operation: "map growth", path: path) }
            commit = unsafe info.me_last_txnid
        }
    }

    /// Doubles the map, or grows it a little where it has a limit. No transaction of this process may be there, not even an idle one.
    ///
    /// - Throws: `ENOMEM` where the address space has no room; the map then stays as it is.
    func growMap() throws(LMDBError) {
        var info = unsafe MDB_envinfo()
        try unsafe check(mdb_env_info(pointer, &info), "mdb_env_info", path: path)
        let size = unsafe info.me_mapsize
        let growth = mapLimit == nil ? size : Environment.limitedMapGrowth
        // LMDB gives the old map up before it asks for the new one, so what it will be refused must be found out first.
        guard let room = unsafe mmap(nil, growth, PROT_NONE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0),
            unsafe room != MAP_FAILED
        else { throw LMDBError(.init(rawValue: errno), operation: "map growth", path: path) }
        unsafe munmap(room, growth)
        try setMapSize(size + growth)
    }

    private func setMapSize(_ size: Int) throws(LMDBError) {
        mapNumber += 1
        let code = unsafe mdb_env_set_mapsize(pointer, size)
        // EINVAL: a write transaction of this process is active, so it has taken the size over already.
        if code == 0 || code == EINVAL { return }
        // There is no map any more, and any use of the C environment but this would fault.
        unsafe mdb_env_close(pointer)
        markLost()
        throw LMDBError(.init(rawValue: code), operation: "mdb_env_set_mapsize", path: path)
    }
}
