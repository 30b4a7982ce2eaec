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
    let pointer: OpaquePointer
    let path: String

    init(pointer: OpaquePointer, path: String) {
        unsafe self.pointer = pointer
        self.path = path
    }

    /// Takes over the map size that another process has set. No read transaction of this process may be active.
    func adoptMapSize() throws(LMDBError) {
        let code = unsafe mdb_env_set_mapsize(pointer, 0)
        // EINVAL: a write transaction of this process is active, so it has taken the size over already.
        if code != EINVAL { try check(code, "mdb_env_set_mapsize", path: path) }
    }
}
