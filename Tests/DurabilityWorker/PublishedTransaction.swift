import CLMDB
import DurabilityKit

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The number in LMDB's lock file by which a writer tells readers of its commit. It does so after it has written the commit's meta page, so
/// one that is killed in between leaves the number behind by one. Here it is set, to have that moment at will.
enum PublishedTransaction {
    /// Where the number lies in the lock file of LMDB 0.9 with mutexes of glibc: behind a magic number, a format and a mutex of 40 bytes.
    private static let offset: off_t = 48
    /// Where a meta page of the data file has the number of its transaction.
    private static let metaOffset: off_t = 144

    /// Makes the last `count` commits of the store ones that readers were not told of; returns whether the lock file is laid out as expected.
    static func hide(_ count: UInt64, in store: String) throws -> Bool {
        let data = try openFile(store + "/data.mdb", O_RDONLY)
        defer { close(data) }
        let last = max(try number(data, metaOffset), try number(data, metaOffset + off_t(sysconf(Int32(_SC_PAGESIZE)))))
        let lock = try openFile(store + "/lock.mdb", O_RDWR)
        defer { close(lock) }
        guard last >= 4, last - 2...last ~= (try number(lock, offset)) else { return false }
        var number = last - count
        guard unsafe pwrite(lock, &number, 8, offset) == 8 else { throw SystemError("pwrite") }
        return true
    }

    /// Dies as a writer that has written its commit and not told readers of it: with LMDB's lock held, and the number behind by one.
    static func die(in store: String) throws {
        var environment: OpaquePointer?
        var transaction: OpaquePointer?
        guard unsafe mdb_env_create(&environment) == 0,
            unsafe mdb_env_open(environment, store, UInt32(MDB_NOTLS), 0o600) == 0,
            unsafe mdb_txn_begin(environment, nil, 0, &transaction) == 0
        else { throw SystemError("mdb_txn_begin") }
        say(try hide(1, in: store) ? "dying" : "other layout")
        kill(getpid(), SIGKILL)
    }

    private static func openFile(_ path: String, _ flags: Int32) throws -> Int32 {
        let descriptor = unsafe open(path, flags | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open") }
        return descriptor
    }

    private static func number(_ descriptor: Int32, _ offset: off_t) throws -> UInt64 {
        var number: UInt64 = 0
        guard unsafe pread(descriptor, &number, 8, offset) == 8 else { throw SystemError("pread") }
        return number
    }
}
